"""What Prefect does by itself when a run ends badly: tell somebody, and run a crashed import again."""
