"""Weights from other projects: fetched, read from state dicts and converted."""
