"""What `verify` checks, one module per check, and what the checks share."""
