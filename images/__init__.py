"""The recipes of our images, and the command that builds and pushes those that people build: `python -m images`."""
