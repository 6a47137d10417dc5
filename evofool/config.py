"""Settings of a run: frozen dataclasses for the command line, the Python API and TOML files.

Values come from the defaults, a preset, a TOML file, and flags or keyword arguments; later ones
override earlier ones. The result is stored as `config.json` in the run directory. This module
stands above the rooms and loads no JAX, so that `--help` answers at once.
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from evofool.presets import PRESETS
from evofool.support import (
    Registry,
    Setting,
    UserError,
    build,
    check_counts,
    check_positive,
    check_rates,
    check_trust,
    merged,
    parse_toml,
    read_text,
    unknown_name,
)

ENCODINGS: Registry[Any] = Registry("encoding", "cppn", "direct")  # functions that make one
FITNESSES: Registry[Any] = Registry("fitness", "log_odds", "probability")  # functions
CELLS: Registry[Any] = Registry("cells", "classes")  # functions that make some

MAX_SEED = 2**32 - 1
MOST_STEPS, MOST_ROUNDS, MOST_WIDTH, MOST_POLISHED = 10**5, 1000, 4096, 2**20  # of polishing
MOST_COPIES = 1000  # of an image, worn
MOST_GENERATIONS = 2**31 - 2  # the loop counts in 32 bits


@dataclass(frozen=True, kw_only=True)
class CppnConfig:
    """The CPPN encoding; rates are probabilities. The defaults are the paper's."""

    color: Literal["auto", "grey", "hsv", "hls", "rgb"] = "auto"
    """Colour space of the network's outputs; auto is grey for one channel, hsv for three."""
    coordinates: Literal["centered", "pixels"] = "centered"
    """Inputs x and y: centered is [-1, 1], pixels the pixel indices of the released code."""
    rounding: Literal["nearest", "truncate"] = "nearest"
    """How values are rounded to levels; the released code truncates."""
    activations: tuple[str, ...] = ("sine", "sigmoid", "gaussian", "linear")
    """Activation functions that a node can get."""
    weight_rate: float = 0.1
    """Per connection: change the weight (polynomial mutation)."""
    activation_rate: float = 0.1
    """Per node: draw a new activation function."""
    add_connection_rate: float = 0.5
    """Per child: add a connection."""
    remove_connection_rate: float = 0.3
    """Per child: remove a connection."""
    add_node_rate: float = 0.5
    """Per child: split a connection with a new node."""
    remove_node_rate: float = 0.2
    """Per child: remove a hidden node with its connections."""
    weight_eta: float = 15.0
    """Distribution index of polynomial mutation; larger values mean smaller steps."""
    fine_rate: float = 0.0
    """Per child: small steps of weights alone, in place of all of the above."""
    fine_after: int = 100
    """The first generation with fine steps; before, they are a hindrance."""
    max_nodes: int = 32
    """Initial capacity for nodes; it grows when needed and does not change results."""
    max_connections: int = 64
    """Initial capacity for connections; it grows when needed and does not change results."""

    def __post_init__(self) -> None:
        check_rates(self, "cppn")
        check_positive(self, "cppn", "weight_eta")
        check_counts(
            self,
            "cppn.",
            fine_after=(0, MOST_GENERATIONS),
            max_nodes=(1, 2**13),
            max_connections=(1, 2**15),
        )
        if not self.activations:
            raise UserError("cppn.activations is empty; name at least one function")
        if len(set(self.activations)) < len(self.activations):
            raise UserError(
                f"cppn.activations is {' '.join(self.activations)}; expected each function once"
            )


@dataclass(frozen=True, kw_only=True)
class DirectConfig:
    """The direct encoding: each value of a pixel is a gene, an integer in 0..255."""

    color: Literal["rgb", "hsv", "hls"] = "rgb"
    """Colour space of a pixel's three genes; hsv in the paper, hls in the released code."""
    mutation: Literal["polynomial", "waves"] = "polynomial"
    """polynomial, the paper's, of single genes; waves adds one to each child."""
    mutation_rate: float = 0.1
    """Per gene: probability of polynomial mutation in the first generations."""
    halve_every: int = 1000
    """Number of generations after which the mutation rate is halved; 0 keeps it constant."""
    mutation_eta: float = 15.0
    """Distribution index of polynomial mutation; larger values mean smaller steps."""
    crossover: Literal["none", "sbx"] = "none"
    """none, as in the paper's text, or sbx (simulated binary), as in the released code."""
    crossover_rate: float = 0.5
    """Per child: probability of crossover, unless crossover is none."""
    crossover_eta: float = 10.0
    """Distribution index of SBX; larger values keep children nearer to their parents."""

    def __post_init__(self) -> None:
        check_rates(self, "direct")
        check_positive(self, "direct", "mutation_eta", "crossover_eta")
        check_counts(self, "direct.", halve_every=(0, MOST_GENERATIONS))


@dataclass(frozen=True, kw_only=True)
class PolishConfig:
    """Polishing: gradient steps on every elite, after evolution."""

    steps: int = 0
    """Gradient steps of an elite in a round; 0 for no polishing."""
    rounds: int = 1
    """How often elites are polished, each time from what the round before has left."""
    weakest: float = 1.0
    """Part of a round's elites that is polished again in the next, the weakest; 1 for all."""
    widen: int = 16
    """New hidden nodes that a CPPN gets in a round; at first they change nothing."""
    gain: float = 1.25
    """What a step is to raise the log-odds by if they were linear; it falls to 0 by a cosine."""
    batch_size: int = 32
    """Elites that are polished in one generation of a run."""
    evolved_looks: int | None = None
    """Looks at each child before polishing, where expect is of polishing alone; for the count."""
    classes: tuple[str, ...] = ()
    """Classes whose elites are polished, by index, label or WordNet id; by default all."""

    def __post_init__(self) -> None:
        check_positive(self, "polish", "gain")
        if not 0.0 < self.weakest <= 1.0:  # also refuses NaN
            raise UserError(f"polish.weakest is {self.weakest}; expected a number in (0, 1]")
        if self.weakest < 1.0 and self.rounds == 1:
            raise UserError(f"polish.weakest is {self.weakest} with rounds 1; expected 2 or more")
        check_counts(
            self,
            "polish.",
            steps=(0, MOST_STEPS),
            rounds=(1, MOST_ROUNDS),
            widen=(0, MOST_WIDTH),
            batch_size=(1, MOST_POLISHED),
            evolved_looks=(1, MOST_COPIES),
        )

    def batch_of(self, cells: int) -> int:
        """Returns how many elites of a run climb in one generation, of `cells` to be polished."""
        return min(self.batch_size, cells)

    def generations_of(self, cells: int) -> list[int]:
        """Returns how many generations each round takes, of `cells` elites to be polished."""
        parts = [self.weakest**turn for turn in range(self.rounds if self.steps else 0)]
        return [max(1, math.ceil(cells * part / self.batch_of(cells))) for part in parts]


@dataclass(frozen=True, kw_only=True)
class EvolveConfig:
    """The settings of a run."""

    classifier: str = "lenet"
    """Classifier: lenet, mock:10, a name in the weights folder, FILE.py:factory, the address of a
    model (onnx:FILE, timm:NAME, hf:OWNER/NAME and others), or a+b+c."""
    weights: str | None = None
    """Weights of the classifier: a .safetensors file, or the folder of NAME.safetensors."""
    combine: Literal["mean", "min"] = "mean"
    """Confidence of an ensemble (a+b+c): the mean or the minimum of its members'."""
    image_size: int | None = None
    """Width and height of images, in pixels; by default the classifier's input size."""
    views: Literal["single", "ten-crop"] = "single"
    """What the classifier sees: the whole image, or ten crops whose outputs are averaged."""
    fitness: str = "log_odds"
    """What evolution maximises: log_odds, probability (saturates at 1), or a registered name."""
    cells: str = "classes"
    """Cells of the archive: classes, or a registered name."""
    expect: str = ""
    """Wear that images are to survive, as shift,crop,jpeg; fitness is that of worn copies."""
    expect_by: Literal["mean", "least"] = "mean"
    """Whether the mean or the least log-probability of the worn copies counts."""
    expect_copies: int | None = None
    """Worn copies of each image, with random amounts; by default one of each kind of wear."""
    encoding: str = "cppn"
    """Genome: cppn (a network that draws), direct (the pixels themselves) or a registered name."""
    algorithm: Literal["map-elites", "single-class"] = "map-elites"
    """One archive whose classes share all children, or a separate population per class."""
    population: int = 100
    """Population size per class of single-class."""
    generations: int = 200
    """Number of generations after the initial population, which is generation 0."""
    batch_size: int = 200
    """Children per generation of a run, and size of the initial population."""
    runs: int = 1
    """Number of independent runs; run i equals a run of its own with seed + i."""
    seed: int = 0
    """Seed of the first independent run."""
    classes: tuple[str, ...] = ()
    """Classes to evolve images for, by label, index (or index:3) or WordNet id."""
    target_confidence: float | None = None
    """Stop when each class of each run has an elite of this confidence; exit code 1 if not."""
    max_seconds: float | None = None
    """Stop at the next opportunity after this wall time; resume starts the clock again."""
    max_evaluations: int | None = None
    """Stop before a run exceeds this number of evaluations."""
    micro_batch: int | None = None
    """Images per forward pass; by default chosen from batch and image size, and recorded."""
    checkpoint_every: int = 50
    """Number of generations between checkpoints."""
    keep_checkpoints: int = 3
    """Number of checkpoints to keep; older ones are deleted."""
    log_every: int = 1
    """Number of generations between lines of metrics.jsonl."""
    cppn: CppnConfig = field(default_factory=CppnConfig)
    direct: DirectConfig = field(default_factory=DirectConfig)
    polish: PolishConfig = field(default_factory=PolishConfig)

    def __post_init__(self) -> None:
        every = (1, MOST_GENERATIONS)
        check_counts(
            self,
            "",
            image_size=(1, 2048),
            generations=(0, MOST_GENERATIONS),
            batch_size=(1, 2**20),
            micro_batch=(1, 2**20),
            runs=(1, 2**20),
            population=(1, 2**20),
            expect_copies=(len(self.wear) or 1, MOST_COPIES),
            max_evaluations=(1, 2**53),
            checkpoint_every=every,
            keep_checkpoints=every,
            log_every=every,
        )
        if self.max_seconds is not None:
            check_positive(self, "", "max_seconds")
        if not self.seed >= 0 or self.seed + self.runs - 1 > MAX_SEED:
            raise UserError(
                f"seed is {self.seed} with {self.runs} run(s); expected seeds in 0..{MAX_SEED}"
            )
        target = self.target_confidence
        if target is not None and not 0.0 < target < 1.0:
            raise UserError(f"target_confidence is {target}; expected a value between 0 and 1")
        ENCODINGS.check(self.encoding)
        FITNESSES.check(self.fitness)
        CELLS.check(self.cells)
        if self.wear and (self.fitness, self.cells) != ("log_odds", "classes"):
            raise UserError(
                f"fitness is {self.fitness!r} and cells {self.cells!r}, but with expect fitness is "
                "the log-odds of worn copies' log-probabilities; leave one of them out"
            )
        first = self.batch_size * self.looks
        if self.max_evaluations is not None and self.max_evaluations < first:
            copies = f" with {self.looks} copies of each" if self.wear else ""
            raise UserError(
                f"max_evaluations is {self.max_evaluations}, less than the initial population "
                f"of batch_size = {self.batch_size}{copies}"
            )

    @property
    def wear(self) -> tuple[str, ...]:
        """The kinds of wear that `expect` names."""
        return tuple(self.expect.split(",")) if self.expect else ()

    @property
    def looks(self) -> int:
        """How often the classifier looks at a child: once, or at each worn copy."""
        return (self.expect_copies or len(self.wear)) if self.wear else 1

    @property
    def last_generation(self) -> int:
        """The generation at which the run ends by count: `generations` or fewer."""
        if self.max_evaluations is None:
            return self.generations
        return min(self.generations, self.max_evaluations // (self.batch_size * self.looks) - 1)

    def to_dict(self) -> dict[str, Setting]:
        """Returns nested plain values that JSON can hold and `from_dict` reads back."""
        return dataclasses.asdict(self)


def make_config(
    *,
    preset: str | None = None,
    file: str | Path | None = None,
    trust_code: bool = False,
    **settings: Setting,
) -> EvolveConfig:
    """Makes a configuration from a preset, a TOML file and settings; later ones override.

    Args:
        preset: name in `PRESETS`.
        file: TOML file with the fields of `EvolveConfig`; `[cppn]` and `[direct]` are tables.
        trust_code: whether the file may name a classifier that is code, `module:factory`.
        **settings: fields of `EvolveConfig`; `cppn` and `direct` may be mappings.

    Returns:
        The configuration.

    Raises:
        UserError: an unknown preset or field, a value of the wrong kind or out of range, or the
            file names code that is not trusted.
    """
    values: dict[str, Setting] = {}
    if preset is not None:
        if preset not in PRESETS:
            raise unknown_name("preset", preset, PRESETS)
        values = merged(values, PRESETS[preset])
    if file is not None:
        read = parse_toml(read_text(Path(file)), file)
        if "classifier" not in settings:
            named = str(read.get("classifier", ""))
            check_trust(named, source=file, trust_code=trust_code)
        values = merged(values, read)
    return from_dict(merged(values, settings))


def from_dict(values: Mapping[str, Setting]) -> EvolveConfig:
    """Makes a configuration from nested plain values; refuses unknown names.

    Raises:
        UserError: as `make_config`.
    """
    return build(EvolveConfig, values)
