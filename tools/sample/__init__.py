"""Renders a short lacrosse clip of which everything is known: who stands where in every frame, down to the pixel."""

__version__ = "1.0.0"
