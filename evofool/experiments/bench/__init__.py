"""What an experiment works with: networks, data, and cached runs.

The *lab* trains, evolves and caches for one part of an experiment; *supplies* are the data sets,
networks and photographs from outside; *shared runs* are those that several experiments look at.
"""

from evofool.experiments.bench.lab import FEW_EXAMPLES, Lab, images_of
from evofool.experiments.bench.recognition import Recognition, recognize_elites
from evofool.experiments.bench.shared_runs import (
    NETWORK,
    SPARSE,
    every,
    evolve_digits,
    evolve_directly,
    evolve_imagenet,
    evolve_imagenet_briefly,
    evolve_imagenet_directly,
    evolve_long,
)
from evofool.experiments.bench.supplies import Supplies, is_made_here

__all__ = [
    "FEW_EXAMPLES",
    "NETWORK",
    "SPARSE",
    "Lab",
    "Recognition",
    "Supplies",
    "every",
    "evolve_digits",
    "evolve_directly",
    "evolve_imagenet",
    "evolve_imagenet_briefly",
    "evolve_imagenet_directly",
    "evolve_long",
    "images_of",
    "is_made_here",
    "recognize_elites",
]
