"""Ids, paths, progress."""
