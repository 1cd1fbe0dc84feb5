"""Counts the test cases of a Bazel run from the reports that its build event stream names."""
