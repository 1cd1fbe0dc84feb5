"""Learns to tell players apart: crops of tracked people in, re-identification models out. See the README."""

__version__ = "0.1.0"
