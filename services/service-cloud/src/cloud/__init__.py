"""Durable jobs: a queue of work, workers that never lose any, and the engines that run the other services."""

import os

__version__ = "0.1.0"

# onnxruntime, where a command has it, reports to its maker: not for us to decide for our users.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
