"""Videos: their uploads, what is found out of them and made for the page, and their end."""
