"""WHICH models, WHICH environment: the catalog, its specs and the settings. The bottom layer."""
