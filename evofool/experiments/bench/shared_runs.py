"""The runs that several experiments look at, with their budgets at both scales."""

from evofool.experiments.bench.lab import Lab
from evofool.runs import Run
from evofool.support import Setting

NETWORK = "mobilenet_v1_0.25_128"
"""The smallest ImageNet network, which the long runs fool."""

SPARSE: dict[str, int] = {"checkpoint_every": 250, "keep_checkpoints": 1, "log_every": 10}
"""Settings of long runs that keep little on disk; they change no result."""


def every(step: int) -> tuple[str, ...]:
    """Names every so many of the thousand classes, for runs at small scale."""
    return tuple(str(index) for index in range(0, 1000, step))


def evolve_digits(lab: Lab, network: str, *, is_short: bool = False) -> Run:
    """Evolves CPPN images of ten classes, `lab.seeds` runs in one program.

    Args:
        lab: whose runs.
        network: that the images are for.
        is_short: stop when most classes have just become certain.
    """
    generations = lab.choose(full=20, small=5) if is_short else lab.choose(full=200, small=20)
    return lab.evolve(network, generations=generations, runs=lab.seeds)


def evolve_directly(lab: Lab, network: str, *, runs: int | None = None, **settings: Setting) -> Run:
    """Evolves directly encoded images of ten classes, `runs` (or `lab.seeds`) in one program."""
    generations = lab.choose(full=200, small=40)
    return lab.evolve(
        network, encoding="direct", generations=generations, runs=runs or lab.seeds, **settings
    )


def evolve_long(lab: Lab, seed: int = 0, *, small: dict[str, Setting] | None = None) -> Run:
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


def evolve_imagenet(lab: Lab) -> Run:
    """Evolves the long run; at small scale four generations for every fiftieth class."""
    return evolve_long(lab, small={"generations": 4, "batch_size": 20, "classes": every(50)})


def evolve_imagenet_briefly(lab: Lab, network: str) -> Run:
    """Evolves CPPN images of a thousand classes for 300 generations, against any network."""
    if lab.scale == "small":
        return lab.evolve(network, generations=2, batch_size=20, classes=every(50))
    return lab.evolve(network, generations=300)


def evolve_imagenet_directly(lab: Lab, seed: int = 0, **settings: Setting) -> Run:
    """Evolves directly encoded images of a thousand classes.

    Args:
        lab: whose runs.
        seed: of the run.
        **settings: other settings of the run; 20,000 generations (20 at small scale) unless given.
    """
    sparse = {"checkpoint_every": 1000, "log_every": lab.choose(full=10, small=1)}
    budget = {"generations": lab.choose(full=20_000, small=20)}
    return lab.evolve(NETWORK, encoding="direct", seed=seed, **(budget | sparse | settings))
