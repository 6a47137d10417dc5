"""One archive for all classes, or one run for each."""
