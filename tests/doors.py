"""The rooms of evofool from the lowest to the highest, and what each lets out by its door."""

import importlib
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PACKAGES = ("cppn", "archive", "evofool")
# A room imports from rooms before it only.
ROOMS = (
    *("support", "images", "classifiers", "data", "evaluation", "evolution", "runs"),
    *("pages", "web", "training", "attacks", "measures", "sweeps", "audits", "experiments"),
    "cli",
)
DOORS = ("cppn", "archive", *(f"evofool.{room}" for room in ROOMS), "evofool")


@cache
def public(door: str) -> dict[str, Any]:
    """Returns the public names of a package and what they stand for."""
    module = importlib.import_module(door)
    return {name: getattr(module, name) for name in module.__all__}
