"""A real single-node Kubernetes on this machine, made of Debian's own packages: no Docker, no virtual machine."""
