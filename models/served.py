"""The file MLflow runs to load a registered version."""

from models.registry import ServedBundle, serve

serve(ServedBundle())
