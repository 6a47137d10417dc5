"""Copies of repeated elements are removed, and parts of the networks that draw."""
