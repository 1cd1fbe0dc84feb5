"""What the services share: data contracts (common), settings and logging (config), small tools (utils)."""
