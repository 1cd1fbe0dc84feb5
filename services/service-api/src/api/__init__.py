"""The front door: the HTTP API under /api/v1, and the page."""

__version__ = "0.1.0"
