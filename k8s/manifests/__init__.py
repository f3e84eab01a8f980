"""WHAT we ask of a cluster: pure functions from a spec to a manifest, one module per kind."""
