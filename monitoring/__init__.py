"""From a probability to what is done."""
