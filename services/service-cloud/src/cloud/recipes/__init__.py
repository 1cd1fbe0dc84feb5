"""What each kind of job takes from storage, which commands it runs, and what it puts back."""
