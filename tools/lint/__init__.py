"""Lint: style and form of the whole tree. `bazel run //tools/lint -- [--fix] [FILES]`."""
