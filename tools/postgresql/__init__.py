"""A real PostgreSQL for tests, of whichever service."""
