"""Jobs as the API sees them: how many a tenant has under way, what they work on, and how they get on."""
