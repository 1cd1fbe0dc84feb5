"""Finds and follows players: detections in, tracks out. See the README for the order in which data flows."""

import os

__version__ = "0.1.0"

# onnxruntime reports to its maker, and complains where it cannot: neither is for us to decide for our users.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
