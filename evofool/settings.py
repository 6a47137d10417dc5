"""The settings of a run as keyword arguments, for editors that complete and check them.

`evofool.config` has what each means, and its default; tests hold the two together.
"""

from collections.abc import Sequence
from typing import Literal, TypedDict

from evofool.config import CppnConfig, DirectConfig, PolishConfig


class CppnSettings(TypedDict, total=False):
    """Fields of `CppnConfig`."""

    color: Literal["auto", "grey", "hsv", "hls", "rgb"]
    coordinates: Literal["centered", "pixels"]
    rounding: Literal["nearest", "truncate"]
    activations: Sequence[str]
    weight_rate: float
    activation_rate: float
    add_connection_rate: float
    remove_connection_rate: float
    add_node_rate: float
    remove_node_rate: float
    weight_eta: float
    fine_rate: float
    fine_after: int
    max_nodes: int
    max_connections: int


class DirectSettings(TypedDict, total=False):
    """Fields of `DirectConfig`."""

    color: Literal["rgb", "hsv", "hls"]
    mutation: Literal["polynomial", "waves"]
    mutation_rate: float
    halve_every: int
    mutation_eta: float
    crossover: Literal["none", "sbx"]
    crossover_rate: float
    crossover_eta: float


class PolishSettings(TypedDict, total=False):
    """Fields of `PolishConfig`."""

    steps: int
    rounds: int
    weakest: float
    widen: int
    gain: float
    batch_size: int
    evolved_looks: int | None
    classes: Sequence[str]


class Settings(TypedDict, total=False):
    """Fields of `EvolveConfig` but for the classifier, the fitness and the cells."""

    weights: str | None
    combine: Literal["mean", "min"]
    image_size: int | None
    views: Literal["single", "ten-crop"]
    expect: str
    expect_by: Literal["mean", "least"]
    expect_copies: int | None
    encoding: str
    algorithm: Literal["map-elites", "single-class"]
    population: int
    generations: int
    batch_size: int
    runs: int
    seed: int
    classes: Sequence[str]
    target_confidence: float | None
    max_seconds: float | None
    max_evaluations: int | None
    micro_batch: int | None
    checkpoint_every: int
    keep_checkpoints: int
    log_every: int
    cppn: CppnConfig | CppnSettings
    direct: DirectConfig | DirectSettings
    polish: PolishConfig | PolishSettings
