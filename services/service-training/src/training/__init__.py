"""Learns to tell players apart: crops of tracked people in, re-identification models out. See the README."""

import os

__version__ = "0.1.0"

# onnxruntime reports to its maker, and complains where it cannot: neither is for us to decide for our users.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
