"""The long runs against the smallest ImageNet network, which several experiments look at."""

from typing import Any

from evofool.experiments.bench.lab import Lab
from evofool.runs import Run

NETWORK = "mobilenet_v1_0.25_128"


def every(step: int) -> tuple[str, ...]:
    """Names every so many of the thousand classes, for runs at small scale."""
    return tuple(str(index) for index in range(0, 1000, step))


def evolve_long(lab: Lab, seed: int = 0, *, small: dict[str, Any] | None = None) -> Run:
    """Evolves CPPN images of the thousand classes for as many generations as the paper did.

    Args:
        lab: whose runs.
        seed: of the run.
        small: settings at small scale; 30 generations for every tenth class unless given.
    """
    if lab.scale == "small":
        small = small or {"generations": 30, "batch_size": 50, "classes": every(10)}
        return lab.evolve(NETWORK, seed=seed, **small)
    return lab.evolve(NETWORK, generations=5000, batch_size=400, seed=seed, checkpoint_every=250)
