"""WHICH models, WHICH environment: the catalog, its specs and the settings. The bottom layer."""

VERSION = "0.1.0"
"""slipway's version: what receipts name, also where no distribution of it is installed, as in its images."""
