"""HTTP over plain functions: one module for each kind of thing."""
