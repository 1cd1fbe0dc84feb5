"""What is made from games: datasets, and the models that are trained on them or brought along."""
