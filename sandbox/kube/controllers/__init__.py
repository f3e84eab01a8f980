"""The controllers: independent loops that watch the API and write to it, each of one subject."""
