"""Two variants side by side: accuracy, speed and cost of their latest tests, and what follows from the numbers."""
