"""A client of service-api, for programs."""
