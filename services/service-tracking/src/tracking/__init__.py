"""Finds and follows players: detections in, tracks out. See the README for the order in which data flows."""

__version__ = "0.1.0"
