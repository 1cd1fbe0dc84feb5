"""Batches: which crops come together, and how they are varied."""
