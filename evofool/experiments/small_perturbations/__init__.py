"""Small changes that make a network say something else."""
