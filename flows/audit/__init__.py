"""`audit`: whether catalog, registry, store and live services tell the same, and what nobody needs any more."""
