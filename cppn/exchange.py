"""Genomes as JSON values, and the check of genomes that come from outside."""

import json
from collections.abc import Mapping
from operator import index
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from cppn.color import COLORS, ROUNDINGS
from cppn.coordinates import COORDINATES
from cppn.genome import INPUTS, MAX_WEIGHT, NUM_INPUTS, Genome, GenomeSpec
from cppn.render import GREY, Style

FORMAT = "cppn"
VERSION = 1
"""Of the JSON form; goes up when older readers could not read it."""


def to_json(genome: Genome, spec: GenomeSpec, *, style: Style = GREY) -> dict[str, Any]:
    """Writes a genome as plain values, from which `from_json` makes the same bytes again.

    Args:
        genome: one genome; spare room is left out.
        spec: its outputs and activations.
        style: how it is drawn, which belongs to the image.

    Returns:
        A dict for `json.dumps`. `nodes` lists outputs and hidden nodes in their order, the
        first being node 4; `connections` lists (source, target, weight), node 0 to 3 being
        the inputs. Weights are the float32 values exactly.

    Raises:
        ValueError: the genome is not valid.
    """
    validate(genome, spec)
    genome = jax.tree.map(np.asarray, genome)
    nodes, connections = int(genome.num_nodes), int(genome.num_connections)
    ends = zip(genome.source, genome.target, genome.weight, strict=True)
    return {
        "format": FORMAT,
        "version": VERSION,
        "inputs": list(INPUTS),
        "outputs": spec.outputs,
        "activations": list(spec.activations),
        "nodes": [spec.activations[code] for code in genome.activation[NUM_INPUTS:nodes]],
        "connections": [[int(s), int(t), float(w)] for s, t, w in list(ends)[:connections]],
        "drawing": style._asdict(),
    }


def from_json(data: Mapping[str, Any] | str) -> tuple[Genome, GenomeSpec, Style]:
    """Reads what `to_json` wrote.

    Args:
        data: the dict, or its text.

    Returns:
        The genome (without spare room; `grow` it to mutate it), its spec, and the style that it
        is drawn in.

    Raises:
        ValueError: not such JSON, of a later version, or the genome is not valid.
    """
    try:
        values = json.loads(data) if isinstance(data, str) else data
    except RecursionError as error:
        raise ValueError("data must be the JSON of a genome, got one nested too deeply") from error
    if not isinstance(values, Mapping) or values.get("format") != FORMAT:
        raise ValueError(f"data must be the JSON of a genome, with format={FORMAT!r}")
    if values.get("version") != VERSION:
        raise ValueError(
            f"version must be {VERSION}, got {values.get('version')!r}: "
            "read the file with the release that wrote it"
        )
    try:
        activations, nodes = tuple(map(str, values["activations"])), list(values["nodes"])
        outputs, style = index(values["outputs"]), Style(**values["drawing"])
        known = (COLORS, COORDINATES, ROUNDINGS)
        if any(value not in names for value, names in zip(style, known, strict=True)):
            raise ValueError(f"unknown way of drawing {style}")
        ends = [[index(end) for end in c[:2]] for c in values["connections"]]
        ends = np.array(ends, np.int32).reshape(-1, 2)
        weight = np.array([c[2] for c in values["connections"]], np.float32)
    except (KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"the JSON of the genome is incomplete or damaged: {error!r}") from error
    spec = GenomeSpec(outputs=outputs, activations=activations)
    unknown = [name for name in nodes if name not in activations]
    if unknown:
        raise ValueError(f"nodes must have activations of {activations}, got {unknown[0]!r}")
    codes = [activations.index(name) for name in nodes]  # few, as `GenomeSpec` has checked
    genome = Genome(
        num_nodes=jnp.int32(NUM_INPUTS + len(nodes)),
        num_connections=jnp.int32(len(weight)),
        activation=jnp.array([0] * NUM_INPUTS + codes, jnp.int32),
        source=jnp.asarray(ends[:, 0]),
        target=jnp.asarray(ends[:, 1]),
        weight=jnp.asarray(weight),
    )
    validate(genome, spec)
    return genome, spec, style


def validate(genome: Genome, spec: GenomeSpec) -> None:
    """Raises ValueError, saying what is wrong, unless the genome is as `Genome` promises.

    Args:
        genome: one genome, on the host or not.
        spec: its outputs and activations.

    Raises:
        ValueError: a shape, a number out of range, a connection from an output, into an input
            or against the order of the nodes, or something in the spare room.
    """
    genome = jax.tree.map(np.asarray, genome)
    if genome.activation.ndim != 1 or genome.source.ndim != 1:
        raise ValueError(
            f"genome must be one genome, without leading axes: activation has shape "
            f"{genome.activation.shape}, source {genome.source.shape}"
        )
    if not genome.source.shape == genome.target.shape == genome.weight.shape:
        raise ValueError("source, target and weight must be of one length")
    if fault := fault_of(genome, spec):
        raise ValueError(f"the genome is not valid: {fault}")


def fault_of(genomes: Genome, spec: GenomeSpec) -> str:
    """Says what is wrong with genomes (any leading axes) that come from outside.

    Args:
        genomes: of one room, on the host or not.
        spec: their outputs and activations.

    Returns:
        The first fault that one of them has; empty if all are as `Genome` promises.
    """
    genomes = jax.tree.map(np.asarray, genomes)
    nodes, connections = genomes.num_nodes[..., None], genomes.num_connections[..., None]
    activation, weight = genomes.activation, genomes.weight
    source, target = genomes.source, genomes.target
    node = np.arange(genomes.max_nodes)
    is_inner = (node >= NUM_INPUTS) & (node < nodes)
    is_used = np.arange(genomes.max_connections) < connections
    is_output = (source >= NUM_INPUTS) & (source < spec.first_hidden)
    # nodes in the order of evaluation; outputs, which feed nothing, are never late
    is_forward = (target < spec.first_hidden) | (source < target)
    few_nodes = (nodes < spec.first_hidden) | (nodes > genomes.max_nodes)
    few_connections = (connections < 0) | (connections > genomes.max_connections)
    faults = {
        f"num_nodes is {_first(nodes, few_nodes)}, not from {spec.first_hidden} to "
        f"{genomes.max_nodes}": few_nodes,
        f"num_connections is {_first(connections, few_connections)}, not from 0 to "
        f"{genomes.max_connections}": few_connections,
        f"an activation is not from 0 to {len(spec.activations) - 1}": is_inner
        & ((activation < 0) | (activation >= len(spec.activations))),
        "a connection starts at a node that is not there": is_used
        & ((source < 0) | (source >= nodes)),
        "a connection starts at an output": is_used & is_output,
        "a connection ends at an input, or at a node that is not there": is_used
        & ((target < NUM_INPUTS) | (target >= nodes)),
        "connections are not in the order of their targets": is_used[..., 1:]
        & (target[..., 1:] < target[..., :-1]),
        "a connection leads back to a hidden node that comes before its source": is_used
        & ~is_forward,
        f"a weight is not from {-MAX_WEIGHT} to {MAX_WEIGHT}": is_used
        & ~(np.abs(weight) <= MAX_WEIGHT),
        "spare room is not zero": np.concatenate(
            [~is_inner & (activation != 0)]
            + [~is_used & (values != 0) for values in (source, target, weight)],
            axis=-1,
        ),
    }
    return next((fault for fault, is_present in faults.items() if is_present.any()), "")


def _first(numbers: Array | np.ndarray, is_wrong: Array | np.ndarray) -> int | None:
    """Returns the first number that is wrong."""
    return next(iter(np.asarray(numbers)[np.asarray(is_wrong)].tolist()), None)
