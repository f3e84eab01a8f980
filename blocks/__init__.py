"""WITH WHAT: the outside systems, one module each: a Prefect Block type and the adapter behind it."""
