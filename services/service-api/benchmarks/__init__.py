"""How fast the service answers many who read at once: `python -m benchmarks`."""
