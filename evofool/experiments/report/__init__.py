"""What an experiment returns, and how that becomes a report."""
