"""Two networks as one structure."""

from functools import partial

import jax
import numpy as np
import pytest

import cppn
from tests.tiers import few_quick

SPEC = cppn.GenomeSpec(outputs=3)
RATES = cppn.MutationRates(add_node=0.8, add_connection=0.8, activation=0.3)
draw = partial(cppn.render, spec=SPEC, height=16, width=16, style=cppn.Style("rgb"))


def grown(seed: int, steps: int, start: cppn.Marked | None = None) -> cppn.Marked:
    """A network and its marks after some mutations."""
    keys = jax.random.split(jax.random.key(seed), steps)
    room = {"max_nodes": 40, "max_connections": 90}
    marked = start or cppn.mark_first(cppn.init(jax.random.key(seed + 100), SPEC, **room))
    for key in keys:
        child, _ = cppn.mutate(key, marked.genome, RATES, SPEC)
        marked = cppn.mark_child(key, child, marked, RATES, SPEC)
    return marked


@pytest.fixture(scope="module")
def relatives() -> tuple[cppn.Marked, cppn.Marked, cppn.Marked]:
    """Two children of one network after different mutations, and a stranger."""
    common = grown(0, 6)
    return grown(1, 5, common), grown(2, 5, common), grown(3, 10)


@pytest.mark.parametrize("pair", few_quick([(0, 1), (1, 0), (0, 2), (0, 0)], (0, 1)))
def test_both_ends_draw_what_they_drew(relatives, pair):
    sides = [relatives[i] for i in pair]
    for side, aligned in zip(sides, cppn.align(sides[0], sides[1], SPEC), strict=True):
        cppn.validate(aligned, SPEC)
        difference = np.abs(np.asarray(draw(aligned)) - np.asarray(draw(side.genome)))
        assert (difference > 1.5 / 255).mean() < 0.01


def test_networks_without_connections_are_blended():
    genome, _, _ = cppn.from_json(cppn.to_json(grown(0, 1).genome, SPEC) | {"connections": []})
    bare = cppn.mark_first(genome)
    for aligned in cppn.align(bare, bare, SPEC):
        cppn.validate(aligned, SPEC)
        np.testing.assert_array_equal(draw(aligned), draw(genome))


def test_only_weights_differ_and_means_of_them_are_networks(relatives):
    first, second = cppn.align(relatives[0], relatives[1], SPEC)
    for name in ("num_nodes", "num_connections", "activation", "source", "target"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    middle = first._replace(weight=(first.weight + second.weight) / 2)
    cppn.validate(middle, SPEC)
    image = np.asarray(draw(middle))
    assert all(np.abs(image - np.asarray(draw(end))).max() > 0.1 for end in (first, second))


def test_what_two_networks_share_is_there_once(relatives):
    one, other, _ = relatives
    hidden = [int(side.genome.num_nodes) - SPEC.first_hidden for side in (one, other)]
    shared = np.intersect1d(one.nodes, other.nodes).size
    joint = int(cppn.align(one, other, SPEC)[0].num_nodes) - SPEC.first_hidden
    assert shared > SPEC.first_hidden, "the test is of relatives"
    assert joint < sum(hidden) + 2 * SPEC.outputs
    same = cppn.align(one, one, SPEC)[0]
    assert int(same.num_nodes) == int(one.genome.num_nodes)
    assert int(same.num_connections) == int(one.genome.num_connections)


def test_without_linear_nodes_there_is_no_mean(relatives):
    with pytest.raises(ValueError, match="linear"):
        cppn.align(relatives[0], relatives[1], cppn.GenomeSpec(activations=("sine",)))
