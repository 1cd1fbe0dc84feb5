"""requirements/<name>.in -> requirements/<name>.txt: one hashed lock per service, made by pip-tools."""
