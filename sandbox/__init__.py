"""IN PLACE OF WHAT: one machine's stand-ins behind the real protocols. Imports no product code."""
