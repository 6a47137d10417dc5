"""What polishing knows of a genome: numbers to tune, and the image as a function of them."""

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Array, Bool, Float

from evofool.support import Tree

Variables = Tree  # of floats of the encoding's own, whose leaves lead with the axis `batch`


@dataclass(frozen=True)
class Tunable:
    """Genomes as something to climb with.

    Attributes:
        variables: where the climb begins.
        draw: variables -> images, float32 `[batch, height, width, channels]` on the 1/255 grid;
            differentiable, rounding passes gradients straight through.
        limit: brings variables back into their range after a step.
        genomes: variables -> genomes, which draw the same image but for a level here and there.
        longest: the largest step of a variable.
        had_room: whether each genome has room for what tuning adds to it.
    """

    variables: Variables
    draw: Callable[[Variables], Float[Array, "batch height width channels"]]
    limit: Callable[[Variables], Variables]
    genomes: Callable[[Variables], Tree]
    longest: float
    had_room: Bool[Array, " batch"]
