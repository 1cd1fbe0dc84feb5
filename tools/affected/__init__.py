"""The targets that a git range affects."""
