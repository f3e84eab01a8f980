"""`import`: bring a catalog model from the Hub into the platform."""
