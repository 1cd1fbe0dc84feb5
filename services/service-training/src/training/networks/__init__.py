"""Networks that turn a crop into a vector."""
