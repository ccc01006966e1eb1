"""When things run: training, the night, and both as Prefect flows."""
