"""The face: the `loanwatch` command and the composition root."""
