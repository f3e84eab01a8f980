"""Fills a model's volume from S3: what the volume-fill Job runs as `python -m flows.deploy_model.fill`."""
