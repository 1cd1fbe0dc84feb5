"""The data contracts between the services: one module per contract."""
