"""In place of KServe: a controller of InferenceServices that talks to any Kubernetes API; see SUPPORT.md."""
