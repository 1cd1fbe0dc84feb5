"""What runs the commands of the other services: on this machine, or as jobs of a cloud."""
