"""Elites that move: along their line of descent, into one another, or by their weights."""

import dataclasses
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import jax
import numpy as np

import cppn
from evofool.drawing import PLAIN, Drawing
from evofool.evolution import cppn_spec
from evofool.images import check_film, save_film, to_image
from evofool.runs.choosing import favourites_of
from evofool.runs.frames import Size, draw_frame, frame_of
from evofool.runs.run import Elite, Run
from evofool.support import UserError

MOST_FRAMES = 100_000
SEED = 0  # of the directions in which weights move
Born = tuple[int, int]  # generation and child index


def animate(
    run: str | Path | Run,
    name: str | int | None,
    out: str | Path,
    *,
    favourites: str | Path | None = None,
    to: Sequence[str] = (),
    lineage: bool = False,
    loop: bool = False,
    sway: float = 0.3,
    size: Size = 512,
    fps: int = 25,
    seconds: float = 6.0,
    run_index: int = 0,
    drawing: Drawing = PLAIN,
) -> Path:
    """Makes a film of a CPPN elite.

    It turns into the elites of other classes (`to`), or evolves from its ancestor of generation 0
    (`lineage`), or else its weights go round in a circle. Networks are blended as `cppn.align` has
    it: the weights of what both have change, and what only one has comes or goes.

    Args:
        run: a run directory.
        name: of the class, its index or label; None where there are favourites.
        out: the file, .mp4 (which needs the package imageio-ffmpeg), .gif or .webp.
        favourites: file of favourites, as the browser saves them: the film begins with the first of
            the run's, which turns into the others.
        to: classes into whose elites it turns, one after the other.
        lineage: whether to show its line of descent.
        loop: end where it begins, and repeat; a line of descent goes there and back.
        sway: how far weights move, which lie in [-10, 10], without `to` and `lineage`.
        size: as for `render`.
        fps: frames per second.
        seconds: how long the film is.
        run_index: which of the independent runs.
        drawing: part of the plane, and colours.

    Returns:
        The file.

    Raises:
        UserError: no such run or class, no CPPNs, an incomplete lineage, or no such film.
    """
    run, out = Run.open(run), Path(out)
    elite, *others = _stations(run, run_index, favourites, [*([] if name is None else [name]), *to])
    run_index = elite.run_index
    if others and lineage:
        raise UserError("to and lineage exclude each other; give one of them")
    count = _check(run, out, size, drawing, fps=fps, seconds=seconds)
    config, shape = run.config.cppn, run.card.input_shape
    if "linear" not in config.activations:  # blending needs it; other nodes keep their numbers
        config = dataclasses.replace(config, activations=(*config.activations, "linear"))
    if lineage or others:
        born = _line_of(elite) if lineage else [one.born for one in (elite, *others)]
        if loop:
            born += born[-2::-1] if lineage else born[:1]
        ends = _blends(run, run_index, _thinned(born, count), cppn_spec(config, shape[2]))
        networks = _along(ends, count, loop=loop, rests=not lineage)
    else:
        networks = _swaying(elite.genome, count, sway)
    images = (to_image(draw_frame(one, size, config, shape, drawing)) for one in networks)
    save_film(images, out, fps=fps, loop=loop)
    return out


def _stations(
    run: Run, run_index: int, favourites: str | Path | None, names: Sequence[str | int]
) -> list[Elite]:
    """Returns the elites that a film shows: favourites, then those of classes."""
    elites = [] if favourites is None else favourites_of(run, favourites)
    elites += [run.elite(name, run_index) for name in names]
    if not elites:
        raise UserError("no elite is chosen; give --class or --favourites")
    indices = sorted({elite.run_index for elite in elites})
    if len(indices) > 1:
        raise UserError(
            f"elites are of the independent runs {', '.join(map(str, indices))} of {run.folder}; "
            "expected those of one, which have ancestors in common"
        )
    return elites


def _check(run: Run, out: Path, size: Size, drawing: Drawing, *, fps: int, seconds: float) -> int:
    """Refuses a film that cannot be made; returns the number of its frames."""
    if drawing.transparent:
        raise UserError("transparent has no effect in films; render has transparent images")
    run.check_drawable(size, drawing=drawing)
    frame = frame_of(size, run.card.input_shape, drawing)
    pixels = frame.width * drawing.tile[0], frame.height * drawing.tile[1]
    if not 2 <= fps * seconds <= MOST_FRAMES:
        raise UserError(
            f"fps is {fps}, seconds is {seconds:g}; expected 2..{MOST_FRAMES} frames in all"
        )
    count = round(fps * seconds)
    check_film(out, pixels, fps=fps, frames=count)
    return count


def _line_of(elite: Elite) -> list[Born]:
    """Returns the ids of an elite's line of descent, generation 0 first; two or more."""
    line = [(step.generation, step.child) for step in reversed(elite.steps)]
    return line if len(line) > 1 else line * 2


def _thinned(born: list[Born], count: int) -> list[Born]:
    """Leaves out stations of which no frame would show more than one of many."""
    kept = np.linspace(0, len(born) - 1, min(count, len(born))).round().astype(int)
    return [born[index] for index in kept]


def _blends(
    run: Run, run_index: int, born: Sequence[Born], spec: cppn.GenomeSpec
) -> list[tuple[cppn.Genome, cppn.Genome]]:
    """Makes networks again, and each pair of neighbours one structure; all get the same room."""
    genomes = run.line(run_index, born).genomes
    marked = {one: jax.tree.map(lambda leaf: leaf[0], genomes[one]) for one in set(born)}
    pairs = [cppn.align(marked[first], marked[second], spec) for first, second in pairwise(born)]
    room = {
        "max_nodes": max(first.max_nodes for first, _ in pairs),
        "max_connections": max(first.max_connections for first, _ in pairs),
    }
    return [tuple(jax.device_get(cppn.grow(end, **room)) for end in pair) for pair in pairs]


def _along(
    ends: Sequence[tuple[cppn.Genome, cppn.Genome]], count: int, *, loop: bool, rests: bool
) -> Iterator[cppn.Genome]:
    """Yields networks on the way from each first one to its second, at equal distances.

    Args:
        ends: pairs of networks that differ in their weights.
        count: of networks.
        loop: whether the way is closed; its end is its beginning then, and left out.
        rests: slow down at each station.
    """
    for place in np.linspace(0, len(ends), count, endpoint=not loop):
        pair = min(int(place), len(ends) - 1)
        share = place - pair
        if rests:
            share = share * share * (3 - 2 * share)
        first, second = ends[pair]
        weight = (1 - share) * first.weight + share * second.weight
        yield first._replace(weight=np.asarray(weight, np.float32))


def _swaying(genome: cppn.Genome, count: int, sway: float) -> Iterator[cppn.Genome]:
    """Yields networks whose weights go round an ellipse that begins and ends at the genome's."""
    directions = np.random.default_rng(SEED).normal(size=(2, genome.max_connections))
    is_used = np.arange(genome.max_connections) < genome.num_connections
    for angle in np.linspace(0, 2 * np.pi, count, endpoint=False):
        step = np.array([np.sin(angle), 1 - np.cos(angle)]) @ directions
        weight = np.clip(genome.weight + sway * is_used * step, -cppn.MAX_WEIGHT, cppn.MAX_WEIGHT)
        yield genome._replace(weight=weight.astype(np.float32))
