"""Detectors: where the people are in each picture of a film."""
