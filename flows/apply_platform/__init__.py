"""`platform`: an administrator's flow that installs everything that the other flows need on a cluster."""
