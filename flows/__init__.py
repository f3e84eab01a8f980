"""HOW: the flows, and the only home of `@flow` and `@task`."""
