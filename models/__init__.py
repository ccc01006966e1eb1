"""From features to a probability and its reasons."""
