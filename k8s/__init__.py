"""WHAT of a cluster: pure manifests and diagnoses, and the one client that talks to Kubernetes."""
