"""Measurements, with the peer in the same run. Never part of the tests."""
