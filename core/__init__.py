"""Sightline's core: from clips to tracks. Nothing in here imports streamlit."""

__version__ = "0.2.0"
