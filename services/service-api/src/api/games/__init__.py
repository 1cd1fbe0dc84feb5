"""What is known of a game: the runs of a video, who plays in them, and what people corrected."""
