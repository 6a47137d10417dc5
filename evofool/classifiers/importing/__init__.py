"""Weights of others: read from state dicts, converted, fetched."""
