"""What the evolution loop knows of a genome: how to make, vary and draw a batch of them.

`Encoding` is all that `generation` calls. It is implemented in `cppn_encoding` and
`direct_encoding`, and by users, for whom there is `fixed_encoding`; nothing else in evolution asks
which of them a run has.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Protocol, runtime_checkable

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from evofool.config import ENCODINGS, EvolveConfig
from evofool.evolution.cppn_encoding import CppnEncoding, cppn_rates
from evofool.evolution.direct_encoding import DirectEncoding, direct_rates
from evofool.evolution.tuning import Tunable
from evofool.support import Tree, UserError, jit

Genomes = Tree  # of the encoding's own, whose leaves lead with the axis `batch`
Rates = Tree  # of numbers of the encoding's own: how often it varies what
ImageShape = tuple[int, int, int]  # height, width, channels
_MEMBERS = (
    *("name", "num_parents", "least_parts", "init", "vary", "render"),
    *("tune", "grow", "fault_of", "trim", "grown", "for_crossing"),
)
PRNG = "threefry2x32"  # stored with every checkpoint; keys of another kind draw other numbers
KEPT = 4  # encodings whose compiled functions stay in memory


@runtime_checkable
class Encoding(Protocol):
    """An encoding of images; every function works on a batch (leading axis `batch`).

    Encodings are compared and hashed by their settings. Rates are not among them: a program that
    was compiled for one encoding serves all that differ from it in rates alone.
    """

    @property
    def name(self) -> str:
        """Name of the encoding, for instance "cppn"."""
        ...

    @property
    def num_parents(self) -> int:
        """Parents of a child, 1 or 2; the first one is the recorded parent."""
        ...

    @property
    def least_parts(self) -> int:
        """Micro-batches that a generation is cut into at least, so that all devices have work."""
        ...

    def init(self, keys: Key[Array, " batch"]) -> Genomes:
        """Makes random genomes."""
        ...

    def vary(
        self,
        keys: Key[Array, " batch"],
        parents: tuple[Genomes, ...],
        rates: Rates,
        generation: Int[Array, ""],
    ) -> tuple[Genomes, Bool[Array, " batch"]]:
        """Makes a child of each parent (of each pair, where there are two).

        Returns:
            The children, and whether each had room in its arrays: a child that had none is not to
            be used.
        """
        ...

    def render(self, genomes: Genomes) -> Float[Array, "batch height width channels"]:
        """Draws genomes: float32 in [0, 1], on the 1/255 grid."""
        ...

    def tune(self, genomes: Genomes, keys: Key[Array, " batch"], widen: int) -> Tunable:
        """Returns genomes as something to climb with, for encodings that can be polished.

        Args:
            genomes: a batch.
            keys: of whatever is drawn at random.
            widen: hidden nodes to add to networks.
        """
        ...

    def grow(self, genomes: Genomes) -> Genomes:
        """Gives genomes (any leading axes) twice the room; their images stay the same."""
        ...

    def fault_of(self, genomes: Genomes) -> str:
        """Says what is wrong with genomes (any leading axes) from a file; empty if nothing is."""
        ...

    def trim(self, genomes: Genomes) -> Genomes:
        """Cuts off the room that no genome (any leading axes) uses, on the host."""
        ...

    def grown(self) -> "Encoding":
        """Returns this encoding for genomes with twice the room."""
        ...

    def for_crossing(self) -> "Crossing":
        """Returns this encoding for genomes of which any two can be crossed."""
        ...


@runtime_checkable
class Crossing(Protocol):
    """An encoding of genomes that know what they descend from, as far as crossover needs it.

    Such genomes exist where a line of descent is made again (`lineage`): a run does not store them.
    """

    def init(self, keys: Key[Array, " batch"]) -> Genomes:
        """Makes the genomes that `Encoding.init` makes."""
        ...

    def vary(
        self,
        keys: Key[Array, " batch"],
        parents: tuple[Genomes, ...],
        rates: Rates,
        generation: Int[Array, ""],
    ) -> tuple[Genomes, Bool[Array, " batch"]]:
        """Makes what `Encoding.vary` makes of one parent; of two, a mutant of their cross."""
        ...

    def adopt(
        self, keys: Key[Array, " batch"], genomes: Genomes, parents: tuple[Genomes, ...]
    ) -> Genomes:
        """Gives genomes of an `Encoding` a history.

        Args:
            keys: of what is new in them.
            genomes: that were not made by `init` or `vary`.
            parents: that polishing made them of; none if the run began with them.
        """
        ...

    def without_history(self, genomes: Genomes) -> Genomes:
        """Returns genomes as the `Encoding` knows them."""
        ...

    def grow(self, genomes: Genomes) -> Genomes:
        """Gives genomes (any leading axes) twice the room."""
        ...

    def grown(self) -> "Crossing":
        """Returns this encoding for genomes with twice the room."""
        ...


def make_encoding(config: EvolveConfig, image_shape: ImageShape) -> Encoding:
    """Builds the encoding that a configuration asks for, to draw images of a shape.

    Raises:
        UserError: a colour that does not fit the channels, or an unknown activation.
    """
    if config.encoding == "cppn":
        return CppnEncoding.of(config.cppn, image_shape)
    if config.encoding == "direct":
        return DirectEncoding.of(config.direct, image_shape)
    make = ENCODINGS.get(config.encoding)
    assert make is not None  # as it is not built in
    made = make(image_shape)
    if not isinstance(made, Encoding):
        missing = [name for name in _MEMBERS if not hasattr(made, name)]
        raise UserError(
            f"encoding {config.encoding!r} is a {type(made).__name__}, which has no "
            f"{', '.join(missing)}; derive it from evofool.FixedEncoding"
        )
    return made


def register_encoding(name: str, make: Callable[[ImageShape], Encoding]) -> None:
    """Adds an encoding, so that `encoding=NAME` and `--encoding NAME` mean it.

    Args:
        name: of letters, digits, "_" and "-".
        make: image shape (height, width, channels) -> the `Encoding`, for instance a class that is
            derived from `FixedEncoding`. A run knows its name only: its settings belong to that.

    Raises:
        UserError: the name is that of a built-in encoding, or no name.
    """
    ENCODINGS.add(name, make)


def make_rates(config: EvolveConfig) -> Rates:
    """Returns the rates of a configuration as arrays: another value does not recompile."""
    if config.encoding not in ("cppn", "direct"):
        return ()  # an encoding of the user's has none, or keeps them to itself
    rates = cppn_rates(config.cppn) if config.encoding == "cppn" else direct_rates(config.direct)
    return jax.tree.map(
        lambda x: np.asarray(x, np.float32 if isinstance(x, float) else np.int32), rates
    )


@lru_cache(maxsize=KEPT)
def compiled_render(encoding: Encoding) -> Callable[[Genomes], Array]:
    """Returns `encoding.render`, compiled once for all equal encodings."""
    return jit(encoding.render)


@lru_cache(maxsize=KEPT)
def compiled_vary(encoding: Encoding | Crossing) -> Callable[..., tuple[Genomes, Array]]:
    """Returns `encoding.vary`, compiled once for all equal encodings."""
    return jit(encoding.vary)


@lru_cache(maxsize=KEPT)  # every opened run asks, and to trace `init` takes 50 ms
def shapes_of(encoding: Encoding) -> Genomes:
    """Returns the shapes of one genome, with a leading axis of 1."""
    return jax.eval_shape(lambda: encoding.init(jax.random.key(0, impl=PRNG)[None]))


def genome_arrays(encoding: Encoding, *, prefix: str) -> list[str]:
    """Names the arrays that genomes of an encoding consist of, `prefix` first."""
    paths, _ = jax.tree.flatten_with_path(shapes_of(encoding))
    names = (jax.tree_util.keystr(path, simple=True, separator=".") for path, _ in paths)
    return [f"{prefix}.{name}" if name else prefix for name in names]


def genomes_from(table: Mapping[str, np.ndarray], encoding: Encoding, *, prefix: str) -> Genomes:
    """Puts arrays together to genomes of an encoding.

    Args:
        table: arrays by name.
        encoding: of the genomes.
        prefix: of the names of the genomes' arrays.

    Raises:
        KeyError: an array is missing.
    """
    structure = jax.tree.structure(shapes_of(encoding))
    return structure.unflatten([table[name] for name in genome_arrays(encoding, prefix=prefix)])
