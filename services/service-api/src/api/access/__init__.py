"""Who may do what: keys, sessions, what browsers are told, limits."""
