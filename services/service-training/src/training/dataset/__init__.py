"""From tracked films, or folders of pictures, to crops sorted by who they show."""
