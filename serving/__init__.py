"""One loan now."""
