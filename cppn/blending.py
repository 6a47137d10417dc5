"""From one network to another: two networks as one structure, between whose weights one can go.

Both become part of a network that has the nodes of both. A connection that only one of them has
weighs nothing in the other, so that structure comes and goes as weights do.
"""

from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher

import jax
import jax.numpy as jnp
import numpy as np

from cppn.crossover import Marked
from cppn.genome import NUM_INPUTS, Genome, GenomeSpec

_ONE = 3.0  # weight with which "linear", which divides by three, passes a value on


def align(first: Marked, second: Marked, spec: GenomeSpec) -> tuple[Genome, Genome]:
    """Gives two networks the same structure, so that they differ in their weights alone.

    Hidden nodes are the same if they have the same mark and activation, and stand in the same order
    in both. An output whose activations differ becomes a weighted mean of two nodes.

    Args:
        first: one network with its markings.
        second: another one.
        spec: of both; has the activation "linear".

    Returns:
        What draws as the first does and what draws as the second does, up to the rounding of sums
        in another order. Every mean of their weights is a network in between.

    Raises:
        ValueError: the spec has no activation "linear".
    """
    if "linear" not in spec.activations:
        raise ValueError(f"activations are {spec.activations}; blending needs linear, too")
    sides: list[Marked] = [jax.tree.map(np.asarray, side) for side in (first, second)]
    activation, places = _joined(sides, spec)
    # by target, source, and number of the connection from this to that; of both sides
    weights: dict[tuple[int, int, int], list[float]] = {}
    for output in range(NUM_INPUTS, spec.first_hidden):
        kinds = [int(side.genome.activation[output]) for side in sides]
        activation[output] = kinds[0]
        if kinds[0] != kinds[1]:
            activation[output] = spec.activations.index("linear")
            for number, kind in enumerate(kinds):
                places[number][output] = len(activation)
                weights[output, len(activation), 0] = [_ONE * (number == n) for n in range(2)]
                activation.append(kind)
    for number, (side, place) in enumerate(zip(sides, places, strict=True)):
        genome, seen = side.genome, Counter[tuple[int, int]]()
        for index in range(int(genome.num_connections)):
            ends = place[int(genome.target[index])], place[int(genome.source[index])]
            of_both = weights.setdefault((*ends, seen[ends]), [0.0, 0.0])
            of_both[number] = float(genome.weight[index])
            seen[ends] += 1
    order = sorted(weights, key=lambda ends: ends[0])  # stable: by age for one target
    return (
        _genome(activation, order, [weights[ends][0] for ends in order]),
        _genome(activation, order, [weights[ends][1] for ends in order]),
    )


def _joined(
    sides: Sequence[Marked], spec: GenomeSpec
) -> tuple[list[int], tuple[dict[int, int], dict[int, int]]]:
    """Numbers the hidden nodes of two networks so that both orders are kept.

    Returns:
        The activations of the joint nodes, those of inputs and outputs 0; and for each network, the
        joint node that each of its nodes is.
    """
    start = spec.first_hidden
    kinds = [
        [
            (int(side.nodes[node]), int(side.genome.activation[node]))
            for node in range(start, int(side.genome.num_nodes))
        ]
        for side in sides
    ]
    activation, places = [0] * start, ({n: n for n in range(start)}, {n: n for n in range(start)})
    matcher = SequenceMatcher(None, *kinds, autojunk=False)
    for tag, first, first_end, second, second_end in matcher.get_opcodes():
        runs = (range(first, first_end), range(second, second_end))
        for number, run in enumerate(runs[:1] if tag == "equal" else runs):
            for index in run:
                places[number][start + index] = len(activation)
                if tag == "equal":
                    places[1][start + second + index - first] = len(activation)
                activation.append(kinds[number][index][1])
    return activation, places


def _genome(
    activation: Sequence[int], order: Sequence[tuple[int, int, int]], weight: Sequence[float]
) -> Genome:
    """Makes a genome without spare room; `order` has targets and sources."""
    target, source, _ = np.array(order, np.int32).reshape(-1, 3).T
    return Genome(
        num_nodes=jnp.int32(len(activation)),
        num_connections=jnp.int32(len(order)),
        activation=jnp.array(activation, jnp.int32),
        source=jnp.asarray(source),
        target=jnp.asarray(target),
        weight=jnp.array(weight, jnp.float32),
    )
