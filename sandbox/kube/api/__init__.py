"""The API server: HTTP in front, verbs over the store behind."""
