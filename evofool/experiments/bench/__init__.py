"""What an experiment works with: networks, data, and cached runs."""
