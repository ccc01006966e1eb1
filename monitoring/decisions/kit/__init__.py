"""What travels with an export: it runs without loanwatch, with standard Python and the package ``cryptography``."""
