"""How long buildgen takes, beside Gazelle."""
