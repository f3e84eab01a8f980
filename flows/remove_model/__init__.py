"""`remove`: take a model's service down and free its GPUs; weights stay."""
