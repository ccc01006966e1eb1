"""What a dossier ships as it stands: the script that recomputes it, the walk of arrears, the page to read first."""
