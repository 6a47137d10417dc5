"""Images by gradient ascent, plain and regularised."""
