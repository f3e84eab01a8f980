"""Is what is deployed still good? Measurements become typed metrics, metrics meet gates, gates give a verdict."""
