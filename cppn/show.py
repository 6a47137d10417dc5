"""A genome for human eyes: as formulas, and as a drawing of its graph."""

import jax
import numpy as np

from cppn.genome import INPUTS, NUM_INPUTS, Genome, GenomeSpec

_COLUMN, _ROW, _MARGIN = 130, 58, 45


def to_text(genome: Genome, spec: GenomeSpec) -> str:
    """Writes a genome as one formula for each node, in the order of evaluation.

        >>> import cppn, jax
        >>> spec = cppn.GenomeSpec(outputs=1)
        >>> print(cppn.to_text(cppn.init(jax.random.key(0), spec), spec))  # doctest: +ELLIPSIS
        5 nodes, 4 connections
        out = ...

    Weights are rounded to three decimals; `to_json` has them all.
    """
    genome = jax.tree.map(np.asarray, genome)
    names = _names(genome, spec)
    hidden = range(spec.first_hidden, int(genome.num_nodes))
    lines = [f"{int(genome.num_nodes)} nodes, {int(genome.num_connections)} connections"]
    for node in (*hidden, *range(NUM_INPUTS, spec.first_hidden)):
        terms = [
            f"{'-' if weight < 0 else '+'} {abs(weight):.3f} {names[source]}"
            for source, target, weight in _connections(genome)
            if target == node
        ]
        total = " ".join(terms).removeprefix("+ ") or "0"
        lines.append(f"{names[node]} = {spec.activations[genome.activation[node]]}({total})")
    return "\n".join(lines)


def to_svg(genome: Genome, spec: GenomeSpec) -> str:
    """Draws the graph: inputs on the left, outputs on the right, hidden nodes by depth.

    Positive connections are blue and negative ones red, the thicker the larger their weight.

    Returns:
        An SVG document.
    """
    genome = jax.tree.map(np.asarray, genome)
    names = _names(genome, spec)
    places = _places(genome, spec)
    width = max(x for x, _ in places.values()) + _MARGIN
    height = max(y for _, y in places.values()) + _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" font-family="sans-serif" text-anchor="middle">',
        f'<rect width="{width:g}" height="{height:g}" fill="white"/>',
    ]
    for source, target, weight in _connections(genome):
        (x1, y1), (x2, y2) = places[source], places[target]
        middle = (x1 + x2) / 2
        color = "#2b6cb0" if weight > 0 else "#c53030"
        parts.append(
            f'<path d="M{x1:g} {y1:g}C{middle:g} {y1:g} {middle:g} {y2:g} {x2:g} {y2:g}" '
            f'fill="none" stroke="{color}" stroke-opacity="0.7" '
            f'stroke-width="{0.5 + 0.35 * abs(weight):.2f}">'
            f"<title>{names[source]} to {names[target]}: {weight:.3f}</title></path>"
        )
    for node, (x, y) in places.items():
        label = "" if node < NUM_INPUTS else spec.activations[genome.activation[node]]
        parts.append(
            f'<circle cx="{x:g}" cy="{y:g}" r="16" fill="#f7f7f2" stroke="#333"/>'
            f'<text x="{x:g}" y="{y + 4:g}" font-size="11">{names[node]}</text>'
            f'<text x="{x:g}" y="{y + 28:g}" font-size="9" fill="#555">{label}</text>'
        )
    return "\n".join([*parts, "</svg>\n"])


def _names(genome: Genome, spec: GenomeSpec) -> list[str]:
    outputs = ["out"] if spec.outputs == 1 else [f"out{i + 1}" for i in range(spec.outputs)]
    num_hidden = int(genome.num_nodes) - spec.first_hidden
    return [*INPUTS, *outputs, *(f"h{i + 1}" for i in range(num_hidden))]


def _connections(genome: Genome) -> list[tuple[int, int, float]]:
    lists = (genome.source.tolist(), genome.target.tolist(), genome.weight.tolist())
    return list(zip(*lists, strict=True))[: int(genome.num_connections)]


def _places(genome: Genome, spec: GenomeSpec) -> dict[int, tuple[float, float]]:
    """Where each node goes: a column by its longest path from an input, a row in the column."""
    hidden = range(spec.first_hidden, int(genome.num_nodes))
    depth = dict.fromkeys(range(NUM_INPUTS), 0) | dict.fromkeys(hidden, 1)
    # By ascending target, so that the depth of a source is final when it is used.
    for source, target, _ in _connections(genome):
        if target >= spec.first_hidden:
            depth[target] = max(depth[target], depth[source] + 1)
    last = max(depth.values()) + 1
    depth |= dict.fromkeys(range(NUM_INPUTS, spec.first_hidden), last)
    columns = [[node for node in depth if depth[node] == d] for d in range(last + 1)]
    tallest = max(len(column) for column in columns)
    return {
        node: (float(_MARGIN + _COLUMN * d), _MARGIN + _ROW * (row + (tallest - len(column)) / 2))
        for d, column in enumerate(columns)
        for row, node in enumerate(column)
    }
