"""`verify`: whether the catalog, the store, the registry and the service tell the same of a model."""
