import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cppn
from tests.cppn import genomes

SPEC = genomes.COLORED
STEPS = 200


@jax.jit
def line_of(key, first):
    """A line of descent with marks; children that had no room are left out."""

    def step(parent, key):
        rates = cppn.MutationRates()
        child, had_room = cppn.mutate(key, parent.genome, rates, SPEC)
        marked = cppn.mark_child(key, child, parent, rates, SPEC)
        chosen = jax.tree.map(lambda a, b: jnp.where(had_room, a, b), marked, parent)
        return chosen, chosen

    return jax.lax.scan(step, first, jax.random.split(key, STEPS))[1]


def first_of(seed):
    return cppn.mark_first(cppn.init(jax.random.key(seed), SPEC, **genomes.ROOM))


def descendant(seed, first, step):
    """The network that stands `step` mutations below another."""
    return jax.tree.map(lambda leaf: leaf[step - 1], line_of(jax.random.key(seed), first))


@pytest.fixture(scope="module")
def cousins():
    """An ancestor and two networks that descend from it."""
    ancestor = descendant(3, first_of(0), 60)
    return ancestor, descendant(4, ancestor, 4), descendant(5, ancestor, 4)


def genes(marked):
    """The connections of one network: mark -> (marks of both ends)."""
    nodes, ends = np.asarray(marked.nodes), (marked.genome.source, marked.genome.target)
    count = int(marked.genome.num_connections)
    source, target = (nodes[np.asarray(end)[:count]].tolist() for end in ends)
    return dict(
        zip(
            np.asarray(marked.connections)[:count].tolist(),
            zip(source, target, strict=True),
            strict=True,
        )
    )


def test_a_mark_names_a_connection_of_the_same_two_nodes_for_life():
    line = line_of(jax.random.key(2), first_of(0))
    known, most = {}, 0
    for step in range(STEPS):
        marked = jax.tree.map(lambda leaf, i=step: leaf[i], line)
        now = genes(marked)
        assert len(now) == int(marked.genome.num_connections)  # no mark twice, none missing
        used = np.asarray(marked.nodes)[: int(marked.genome.num_nodes)]
        assert len(set(used.tolist())) == len(used)
        assert not np.asarray(marked.nodes)[len(used) :].any()
        assert {mark: known[mark] for mark in now.keys() & known.keys()} == {
            mark: now[mark] for mark in now.keys() & known.keys()
        }
        known |= now
        most = max(most, len(now))
    assert len(known) > 2 * most  # genes came and went


def test_cousins_share_the_genes_of_their_ancestor_and_no_others(cousins):
    ancestor, one, other = map(genes, cousins)
    shared = one.keys() & other.keys()
    assert shared == shared & ancestor.keys()
    assert len(shared) > len(ancestor) / 3


def test_a_child_has_the_structure_of_the_first_parent_and_weights_of_both(cousins):
    _, first, second = cousins
    marks = second.connections.tolist()
    weights = dict(zip(marks, second.genome.weight.tolist(), strict=True))
    del weights[0]  # spare room
    taken = could = 0
    for seed in range(40):
        child = cppn.cross(jax.random.key(seed), first, second)
        cppn.validate(child.genome, SPEC)
        assert genomes.same_bytes(child.genome.source, first.genome.source)
        assert genomes.same_bytes(child.genome.target, first.genome.target)
        for mark, own, weight in zip(
            first.connections.tolist(),
            first.genome.weight.tolist(),
            child.genome.weight.tolist(),
            strict=True,
        ):
            if mark not in weights or weights[mark] == own:
                assert weight == own
            else:
                assert weight in (own, weights[mark])
                could, taken = could + 1, taken + (weight != own)
    assert could > 100
    assert 0.4 < taken / could < 0.6


def test_crossing_does_not_depend_on_room(cousins):
    _, small, other = cousins
    genome = cppn.grow(small.genome, max_nodes=80, max_connections=192)
    wide = cppn.Marked(
        genome,
        jnp.pad(small.nodes, (0, 80 - small.nodes.shape[0])),
        jnp.pad(small.connections, (0, 192 - small.connections.shape[0])),
    )
    key = jax.random.key(8)
    one, two = cppn.cross(key, small, other).genome, cppn.cross(key, wide, other).genome
    assert genomes.same_bytes(cppn.trim(one), cppn.trim(two))


def test_a_network_that_was_widened_keeps_its_marks(cousins):
    parent, _, _ = cousins
    block = cppn.new_block(jax.random.key(1), 5, SPEC)
    wide = cppn.mark_widened(jax.random.key(2), cppn.widen(parent.genome, block, SPEC), parent)
    before, after = genes(parent), genes(wide)
    assert before.items() <= after.items()
    assert len(after) == int(wide.genome.num_connections) == len(before) + 5 * (4 + 3)


def test_a_network_whose_history_is_unknown_shares_what_all_begin_with(cousins):
    key, first, network = jax.random.key(2), first_of(1), cousins[0].genome
    assert genes(cppn.mark_given(key, first.genome, SPEC)) == genes(first)
    given = genes(cppn.mark_given(key, network, SPEC))
    begun = [ends for ends in given.values() if ends[0] <= 4 and ends[1] <= SPEC.first_hidden]
    assert 0 < len(begun) < len(given) == int(network.num_connections)
    shared = given.keys() & genes(first).keys()
    assert sorted(given[mark] for mark in shared) == sorted(begun)
    assert all(given[mark] == genes(first)[mark] for mark in shared)
