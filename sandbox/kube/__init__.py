"""The subset of the Kubernetes API that slipway uses, with containers as local processes; see SUPPORT.md."""
