"""Genomes for a run to begin with: elites of other runs, genomes in JSON, Picbreeder's networks."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import jax
import numpy as np

import cppn
from evofool.config import EvolveConfig
from evofool.evolution import Encoding, Genomes, cppn_spec, cppn_style
from evofool.runs.inspection import genome_json
from evofool.runs.picbreeder import SUFFIXES, picbreeder_networks
from evofool.runs.run import Run
from evofool.support import JsonValue, UserError, local_copy, parse_json, read_text

Start = str | Path | Run
"""A run directory, a JSON file with a genome as `export` and `inspect --json` write it, or
Picbreeder's networks, in XML or a zip file."""


def starting_genomes(
    start: Start | Iterable[Start], config: EvolveConfig, encoding: Encoding, channels: int
) -> Genomes:
    """Reads genomes to begin a run with; those that are there twice count once.

    Args:
        start: run directories, of whose independent runs all elites are taken, and files.
        config: of the run that begins.
        encoding: of that run.
        channels: of its images.

    Returns:
        Leaves `[number, ...]`, all of the room of the largest.

    Raises:
        UserError: a source cannot be read, holds genomes that the run cannot have, there are
            none, or more than the run has children in a generation.
    """
    sources = [start] if isinstance(start, str | Path | Run) else list(start)
    if config.algorithm != "map-elites":
        raise UserError("start is for algorithm 'map-elites', whose children compete in all cells")
    if config.wear:
        raise UserError("start and expect do not go together; leave one of them out")
    if config.encoding == "cppn":
        found = (pair for source in sources for pair in _networks(source, config, channels))
        genomes = _of_one_room([_fitted(*pair, config, channels) for pair in found])
    else:
        genomes = [genome for source in sources for genome in _genomes(source, config, encoding)]
    distinct = {_bytes(genome): genome for genome in genomes}.values()
    if not 0 < len(distinct) <= config.batch_size:
        raise UserError(
            f"start holds {len(distinct)} different genomes; expected 1..{config.batch_size}, as "
            f"batch_size is {config.batch_size}"
        )
    return jax.tree.map(lambda *leaves: np.stack(leaves), *distinct)


def _networks(
    source: Start, config: EvolveConfig, channels: int
) -> Iterator[tuple[str, Mapping[str, JsonValue] | None]]:
    """Yields where a network is from, and its JSON; None for what is no network."""
    file = None if isinstance(source, Run) else local_copy(source)
    if file and file.suffix.lower() in SUFFIXES:
        style = cppn_style(config.cppn, channels)
        networks = picbreeder_networks(file, channels=channels, style=style)
        yield from ((str(file), network) for network in networks)
        return
    if file and file.suffix == ".json":
        content = parse_json(read_text(file), file)
        if not isinstance(content, dict):
            raise UserError(f"{file} is no JSON object; expected that of a genome")
        inner = content.get("genome", content)
        yield str(file), inner if isinstance(inner, dict) else None
        return
    run = Run.open(source)
    yield from ((str(run.folder), genome_json(elite)) for elite in run.all_elites())


def _fitted(
    source: str, data: Mapping[str, JsonValue] | None, config: EvolveConfig, channels: int
) -> cppn.Genome:
    """Returns a network with the numbers that its activations have in a run."""
    try:
        if data is None or data.get("format") is None:
            raise ValueError("it holds no CPPN")
        genome, spec, style = cppn.from_json(data)
    except ValueError as error:
        raise UserError(f"cannot start from {source}: {error}") from error
    mine = cppn_spec(config.cppn, channels)
    missing = set(np.array(spec.activations)[_inner(genome)]) - set(mine.activations)
    if spec.outputs != mine.outputs or missing:
        activations = f"cppn.activations {' '.join(sorted(missing))}"
        what = activations if missing else f"{spec.outputs} outputs"
        raise UserError(
            f"cannot start from {source}: its networks have {what}; the run has "
            f"{mine.outputs} outputs and cppn.activations {' '.join(mine.activations)}"
        )
    drawn, here = style[:2], cppn_style(config.cppn, channels)[:2]
    if drawn != here:  # the run would evolve other images than those that were given
        (color, coordinates), (our_color, our_coordinates) = drawn, here
        raise UserError(
            f"cannot start from {source}: its images are drawn with cppn.color {color!r} and "
            f"cppn.coordinates {coordinates!r}; the run has {our_color!r} and {our_coordinates!r}"
        )
    names = mine.activations
    codes = np.array([names.index(n) if n in names else 0 for n in spec.activations], np.int32)
    activation = codes[np.asarray(genome.activation)]
    activation[: cppn.NUM_INPUTS] = 0
    return genome._replace(activation=activation)


def _inner(genome: cppn.Genome) -> np.ndarray:
    return np.asarray(genome.activation)[cppn.NUM_INPUTS :]


def _of_one_room(genomes: list[cppn.Genome]) -> list[cppn.Genome]:
    nodes = max((genome.max_nodes for genome in genomes), default=0)
    connections = max((genome.max_connections for genome in genomes), default=0)
    grown = (cppn.grow(g, max_nodes=nodes, max_connections=connections) for g in genomes)
    return [jax.tree.map(np.asarray, genome) for genome in grown]


def _genomes(source: Start, config: EvolveConfig, encoding: Encoding) -> list[Genomes]:
    """Returns the genomes of a run of the same encoding as they are."""
    run = Run.open(source)
    if run.config.encoding != config.encoding:
        raise UserError(
            f"cannot start from {run.folder}: its encoding is {run.config.encoding!r}, that of the "
            f"run {config.encoding!r}"
        )
    genomes = [elite.genome for elite in run.all_elites()]
    together = jax.tree.map(lambda *leaves: np.stack(leaves), *genomes) if genomes else None
    if genomes and (fault := encoding.fault_of(together)):
        raise UserError(f"cannot start from {run.folder}: a genome {fault}")
    return genomes


def _bytes(genome: Genomes) -> bytes:
    return b"".join(np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(genome))
