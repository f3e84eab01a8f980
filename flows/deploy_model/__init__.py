"""`deploy`: put a registered version onto its node, ready, answering and recorded."""
