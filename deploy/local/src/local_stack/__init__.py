"""Puts the services together on one machine. Each is a process of its own, started by a command from the settings."""
