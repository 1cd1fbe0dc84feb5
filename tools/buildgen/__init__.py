"""Writes BUILD.bazel files from the Python code: `bazel run //tools/buildgen`. See README.md beside this file."""
