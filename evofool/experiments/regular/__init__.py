"""CPPN images: certain, and regular."""
