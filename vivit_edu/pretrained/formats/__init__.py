"""What other people's files, and our own, look like: foreign names live here and nowhere else."""
