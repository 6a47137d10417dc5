"""Images of genomes: float32 [height, width, channels] in [0, 1], on the grid of 8-bit levels.

How output values become channels, and channels levels, is said in `cppn.color`.
"""

from functools import partial
from typing import Literal, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from cppn.color import COLORS, ROUNDINGS, from_bytes, to_channels, to_levels
from cppn.coordinates import COORDINATES, make_inputs
from cppn.genome import NUM_INPUTS, Genome, GenomeSpec
from cppn.gradients import for_each, output_sums, output_values
from cppn.on_chip import in_fastest_way, run_on_chip, unpacked
from cppn.program import compile_batch, run_in_turn, run_together, schedule
from cppn.widening import Block, block_sums

_OPTIONS = ("spec", "height", "width", "style", "drawn_at", "extent", "quantize")
_TILE = 4096
"""Pixels drawn at a time: a genome's rows then stay in the second-level cache."""


class Style(NamedTuple):
    """How the outputs of a network become pixels; belongs to an image as its genome does.

    Attributes:
        color: how output values become channels; see `cppn.color`.
        coordinates: "centered": x and y run from -1 to 1; "pixels": raw column and row indices,
            as in the released code. d is the distance from the centre, in units of half a
            side, either way.
        rounding: how values become 8-bit levels; see `cppn.color`.
    """

    color: Literal["grey", "rgb", "hsv", "hls"] = "grey"
    coordinates: Literal["centered", "pixels"] = "centered"
    rounding: Literal["nearest", "truncate"] = "nearest"


GREY = Style()


def render(
    genome: Genome,
    *,
    spec: GenomeSpec,
    height: int,
    width: int,
    style: Style = GREY,
    drawn_at: tuple[int, int] | None = None,
    extent: tuple[float, float] = (1.0, 1.0),
    quantize: bool = True,
) -> Float[Array, "height width channels"]:
    """Draws one genome, as `render_batch` draws many.

    Args:
        genome: leaves without a batch axis.
        spec: number of outputs, names of the activations.
        height: in pixels.
        width: in pixels.
        style: how output values become pixels.
        drawn_at: the size whose indices raw coordinates run over; see `render_batch`.
        extent: how much of the plane is drawn; see `render_batch`.
        quantize: False leaves the values between the levels.

    Returns:
        The image, values k / 255.

    Raises:
        ValueError: as `render_batch`.
    """
    return render_batch(
        jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], genome),
        spec=spec,
        height=height,
        width=width,
        style=style,
        drawn_at=drawn_at,
        extent=extent,
        quantize=quantize,
    )[0]


@partial(jax.jit, static_argnames=_OPTIONS)
def render_batch(
    genomes: Genome,
    *,
    spec: GenomeSpec,
    height: int,
    width: int,
    style: Style = GREY,
    drawn_at: tuple[int, int] | None = None,
    extent: tuple[float, float] = (1.0, 1.0),
    quantize: bool = True,
) -> Float[Array, "batch height width channels"]:
    """Draws a batch of genomes.

    An image depends, bit for bit, on its own network only: not on the room of the arrays, nor
    on the rest of the batch. Differentiable with respect to the weights; rounding passes
    gradients straight through.

    Args:
        genomes: leaves with a leading axis `batch`.
        spec: number of outputs, names of the activations.
        height: in pixels.
        width: in pixels.
        style: how output values become pixels.
        drawn_at: with coordinates "pixels", the (height, width) whose indices x and y run over,
            so that an image evolved at that size is the same image at any other; None is the
            size drawn.
        extent: half of the height and of the width that are drawn, in units of half the image
            that was evolved; beyond (1, 1) the network draws what it has around that image.
        quantize: False leaves the values between the levels.

    Returns:
        Images, values k / 255 rounded to float32 as NumPy rounds them.

    Raises:
        ValueError: the style has a value that is not listed, the outputs of `spec` do not fit
            its colour, or a size is below 1.
    """
    _check_options(spec, height, width, style)
    inputs = make_inputs(height, width, style.coordinates, drawn_at, extent)
    # coordinates are in the inputs: what differs in them alone is drawn by one program
    look = _Look(spec, style.color, style.rounding, quantize)
    # the type of `custom_vjp` does not tell what the function returns
    images = cast(Array, _draw(genomes.weight, genomes, inputs, look))
    return images.reshape(-1, height, width, spec.outputs)


@partial(jax.jit, static_argnames=("spec", "style"))
def render_points(
    genome: Genome,
    inputs: Float[Array | np.ndarray, "4 points"],
    *,
    spec: GenomeSpec,
    style: Style = GREY,
) -> Float[Array, "points channels"]:
    """Draws one genome at any points of its plane, bit for bit as `render` draws it there.

    Args:
        genome: leaves without a batch axis.
        inputs: x, y, d and bias of each point, as the network sees them. With centred coordinates,
            x and y reach from -1 to 1, and d is their distance from 0; bias is 1.
        spec: number of outputs, names of the activations.
        style: how output values become pixels; the coordinates are those given.

    Returns:
        Values k / 255.

    Raises:
        ValueError: as `render_batch`.
    """
    _check_options(spec, 1, 1, style)
    look = _Look(spec, style.color, style.rounding, quantize=True)
    genomes = jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], genome)
    return cast(Array, _draw(genomes.weight, genomes, jnp.asarray(inputs), look))[0]


@partial(jax.jit, static_argnames=("spec", "height", "width", "style"))
def render_widened(
    weight: Float[Array, "batch connections"],
    blocks: Block,
    genomes: Genome,
    *,
    spec: GenomeSpec,
    height: int,
    width: int,
    style: Style = GREY,
) -> Float[Array, "batch height width channels"]:
    """Draws genomes with a block beside them, fast to differentiate by all weights.

    The image is that of `widen(genome, block)`, but for the rounding of sums in another order,
    which may move a value by a level.

    Args:
        weight: takes the place of the genomes' own.
        blocks: leading axis `batch`.
        genomes: leaves with a leading axis `batch`.
        spec: number of outputs, names of the activations.
        height: in pixels.
        width: in pixels.
        style: how output values become pixels.

    Returns:
        Images, values k / 255. Rounding passes gradients straight through.

    Raises:
        ValueError: as `render_batch`.
    """
    _check_options(spec, height, width, style)
    inputs = make_inputs(height, width, style.coordinates)
    look = _Look(spec, style.color, style.rounding, quantize=True)

    def finish(
        sums: Float[Array, "outputs pixels"], genome: Genome, block: Block
    ) -> Float[Array, "pixels channels"]:
        added = cast(Array, block_sums(block, inputs, spec))
        return _finish_one(sums + added, genome, look)

    images = for_each(finish, output_sums(weight, genomes, inputs, spec), genomes, blocks)
    return images.reshape(-1, height, width, spec.outputs)


class _Look(NamedTuple):
    """What drawing is compiled for; the fields are as in `Style` and `render_batch`."""

    spec: GenomeSpec
    color: str
    rounding: str
    quantize: bool


@partial(jax.custom_vjp, nondiff_argnums=(3,))
def _draw(
    weight: Float[Array, "batch connections"],
    genomes: Genome,
    inputs: Float[Array, "4 pixels"],
    look: _Look,
) -> Float[Array, "batch pixels channels"]:
    """Draws genomes with other weights, by which the result can be differentiated."""
    return in_fastest_way(
        genomes._replace(weight=weight),
        inputs,
        cpu=partial(_draw_in_turn, look=look),
        on_chip=partial(_draw_on_chip, look=look),
        default=partial(_draw_together, look=look),
    )


def _draw_forward(
    weight: Float[Array, "batch connections"],
    genomes: Genome,
    inputs: Float[Array, "4 pixels"],
    look: _Look,
) -> tuple[Float[Array, "batch pixels channels"], tuple[Array, Genome, Array]]:
    return _draw(weight, genomes, inputs, look), (weight, genomes, inputs)


def _draw_backward(
    look: _Look, saved: tuple[Array, Genome, Array], cotangent: Array
) -> tuple[Float[Array, "batch connections"], None, None]:
    weight, genomes, inputs = saved

    def draw(weight: Float[Array, "batch connections"]) -> Float[Array, "batch pixels channels"]:
        sums = output_sums(weight, genomes, inputs, look.spec)
        return for_each(partial(_finish_one, look=look), sums, genomes)

    [gradient] = jax.vjp(draw, weight)[1](cotangent)
    return gradient, None, None


_draw.defvjp(_draw_forward, _draw_backward)


def _draw_in_turn(
    genomes: Genome, inputs: Float[Array, "4 pixels"], look: _Look
) -> Float[Array, "batch pixels channels"]:
    """Tile after tile, the instructions of all genomes one by one."""
    batch, max_nodes = genomes.activation.shape
    outputs, pixels = look.spec.outputs, inputs.shape[1]
    num_tiles = -(-pixels // _TILE)
    tile = -(-pixels // num_tiles)
    instructions = schedule(compile_batch(genomes, look.spec), genomes, look.spec)

    def draw_tile(
        memory: Float[Array, "rows tile"], inputs: Float[Array, "4 tile"]
    ) -> tuple[Float[Array, "rows tile"], Float[Array, "batch tile channels"]]:
        memory = run_in_turn(instructions, memory.at[:NUM_INPUTS].set(inputs), look.spec)
        return memory, _finish(memory[max_nodes:].reshape(batch, outputs, tile), look)

    def step(i, state):
        memory, images = state
        # The last tile may overlap the one before: slices do not reach beyond the end.
        part = lax.dynamic_slice(inputs, (0, i * tile), (NUM_INPUTS, tile))
        memory, image = draw_tile(memory, part)
        return memory, lax.dynamic_update_slice(images, image, (0, i * tile, 0))

    memory = jnp.zeros((max_nodes + batch * outputs, tile), inputs.dtype)
    if num_tiles == 1:
        return draw_tile(memory, inputs)[1]
    images = jnp.zeros((batch, pixels, outputs), inputs.dtype)
    return lax.fori_loop(0, num_tiles, step, (memory, images))[1]


def _draw_together(
    genomes: Genome, inputs: Float[Array, "4 pixels"], look: _Look
) -> Float[Array, "batch pixels channels"]:
    """All genomes and all pixels at once."""
    programs = compile_batch(genomes, look.spec)
    return _finish(run_together(programs, genomes, inputs, look.spec), look)


def _draw_on_chip(
    genomes: Genome, inputs: Float[Array, "4 pixels"], look: _Look
) -> Float[Array, "batch pixels channels"]:
    """Tile after tile with all its rows on the chip, which only levels leave."""
    programs = compile_batch(genomes, look.spec)
    if not look.quantize:
        return _finish(run_on_chip(programs, genomes, inputs, look.spec), look)
    levels_of = partial(to_levels, color=look.color, rounding=look.rounding)
    words = run_on_chip(programs, genomes, inputs, look.spec, to_levels=levels_of)
    return from_bytes(unpacked(words, look.spec.outputs))


def _finish(
    values: Float[Array, "batch outputs pixels"], look: _Look
) -> Float[Array, "batch pixels outputs"]:
    return to_channels(values, look.color, rounding=look.rounding, quantize=look.quantize)


def _finish_one(
    sums: Float[Array, "outputs pixels"], genome: Genome, look: _Look
) -> Float[Array, "pixels outputs"]:
    """Works out the pixels of one genome from what reaches its outputs."""
    return _finish(output_values(sums, genome, look.spec)[None], look)[0]


def _check_options(spec: GenomeSpec, height: int, width: int, style: Style) -> None:
    color = style.color
    for name, value, known in (
        ("color", color, tuple(COLORS)),
        ("coordinates", style.coordinates, COORDINATES),
        ("rounding", style.rounding, ROUNDINGS),
    ):
        if value not in known:
            raise ValueError(f"{name} must be one of {known}, got {value!r}")
    if (color == "grey") != (spec.outputs == 1):
        raise ValueError(
            f"color={color!r} does not fit spec.outputs={spec.outputs}: "
            "'grey' needs 1 output, 'hsv', 'hls' and 'rgb' need 3"
        )
    if height < 1 or width < 1:
        raise ValueError(f"height and width must be at least 1, got {height} and {width}")
