"""The long runs against the smallest ImageNet network, which several experiments look at."""

from evofool.experiments.lab import Lab
from evofool.run import Run

NETWORK = "mobilenet_v1_0.25_128"
FEW_CLASSES = tuple(str(index) for index in range(0, 1000, 10))  # at small scale


def evolve_long(lab: Lab, seed: int = 0) -> Run:
    """Evolves CPPN pictures of the thousand classes for as many generations as the paper did.

    At small scale, briefly and for every tenth class.
    """
    if lab.scale == "small":
        return lab.evolve(NETWORK, generations=30, batch_size=50, classes=FEW_CLASSES, seed=seed)
    return lab.evolve(NETWORK, generations=5000, batch_size=400, seed=seed)
