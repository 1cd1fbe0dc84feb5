"""One .venv per service from its lock, for editors and for `python -m <service>` without Bazel."""
