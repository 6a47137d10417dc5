"""Digits with their pixels shuffled or their levels recoloured."""
