"""The memory that a run takes, forecast from its settings before anything is allocated."""

import math

import jax

import cppn
from evofool.classifiers import Classifier
from evofool.config import EvolveConfig
from evofool.evolution.encodings import Encoding, shapes_of
from evofool.evolution.selection import Selection
from evofool.support import check_room

IMAGE_COPIES = 4  # in float32, of an image being drawn and classified (3.3 measured)
GENOME_COPIES = 4  # of a genome being varied, beside its place in the archive
PAIR_BYTES = 72  # of each pair of a node and a connection that polishing adds (62-72 measured)


def climb_together(config: EvolveConfig, cells: int, micro_batch: int) -> int:
    """Returns how many elites climb at a time, on each device: as many as it is fast with.

    Args:
        config: of the run; worn copies of an elite are in memory together, with their gradients.
        cells: whose elites are polished.
        micro_batch: the most at a time.
    """
    fast, parts = (16, 2) if jax.default_backend() == "cpu" else (256, 1)  # parts: CPU devices
    part = -(-config.polish.batch_of(cells) // parts)
    return min(max(1, fast // config.looks), micro_batch, part)


def image_bytes(shape: tuple[int, ...]) -> int:
    """Returns what an image (height, width, channels) takes while it is drawn and classified."""
    return 4 * IMAGE_COPIES * math.prod(shape)


def check_memory(
    config: EvolveConfig,
    classifier: Classifier,
    encoding: Encoding,
    selection: Selection,
    micro_batch: int,
) -> None:
    """Makes sure that the memory suffices for a run, as far as its settings tell.

    Devices with memory of their own are left out: what they lack is noticed by the run, which
    then takes smaller micro-batches.

    Raises:
        UserError: it does not.
    """
    if jax.default_backend() != "cpu":
        return
    genome = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(shapes_of(encoding)))
    children = config.runs * config.batch_size
    together = micro_batch * min(jax.device_count(), -(-children // micro_batch))
    # worn copies of an image are classified in turn, but outside JAX all are there at a time
    images, outputs = (
        (together, together * config.looks)
        if classifier.is_jax
        else (children * config.looks, children * config.looks)
    )
    needed = (
        genome * (2 * config.runs * selection.cells + GENOME_COPIES * children)
        + image_bytes(classifier.card.input_shape) * images
        + 4 * classifier.card.outputs * outputs
    )
    widen = config.polish.widen if config.polish.steps and config.encoding == "cppn" else 0
    climbs = climb_together(config, selection.cells, micro_batch) * jax.device_count()
    connections = widen * (cppn.NUM_INPUTS + classifier.card.input_shape[2])
    check_room(
        PAIR_BYTES * widen * connections * climbs,
        f"polishing {climbs} elites at a time that are widened by {widen:,} nodes",
        remedy="make polish.widen (--widen) or micro_batch smaller",
    )
    check_room(
        needed,
        f"a run with batch_size {config.batch_size}, micro_batch {micro_batch}, {config.runs} "
        f"run(s), {selection.cells:,} cells, {config.looks} look(s) at "
        f"each child and images of {'x'.join(map(str, classifier.card.input_shape))}",
        remedy="make one of these smaller",
    )
