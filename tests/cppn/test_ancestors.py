"""Ancestors of a node: both ways of finding them, against a walk along the connections."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cppn
from cppn import ancestors
from tests.cppn import genomes, reference


@pytest.mark.parametrize("way", [ancestors._in_one_sweep, ancestors._by_squaring])
def test_every_way_marks_what_a_walk_back_along_the_connections_meets(way):
    line, _ = genomes.evolve(jax.random.key(5), cppn.MutationRates(), genomes.GREY)
    some = jax.tree.map(lambda leaf: leaf[::97], line)
    nodes = jnp.arange(some.max_nodes)
    of_all_nodes = jax.vmap(way, in_axes=(None, 0))
    marked = np.asarray(jax.jit(jax.vmap(of_all_nodes, in_axes=(0, None)))(some, nodes))
    for genome, of_genome in zip(genomes.host(some), marked, strict=True):
        hidden = range(genomes.GREY.first_hidden, int(genome.num_nodes))
        for node in (*range(reference.INPUTS), *hidden):
            targets = reference.possible_targets(genome, genomes.GREY, node)
            free = np.flatnonzero(~of_genome[node][: int(genome.num_nodes)])
            assert [n for n in free if n >= reference.INPUTS] == targets
            assert of_genome[node][node]


def test_squaring_reaches_the_end_of_the_longest_path():
    genome = jax.tree.map(np.array, cppn.init(jax.random.key(0), genomes.GREY, max_nodes=64))
    hidden = np.arange(genomes.GREY.first_hidden, 64)
    chain = np.array([0, *hidden])  # an input feeds the first hidden node, that the second, ...
    genome = genome._replace(
        num_nodes=np.int32(64),
        num_connections=np.int32(len(hidden)),
        source=np.pad(chain[:-1], (0, 64 - len(hidden))).astype(np.int32),
        target=np.pad(chain[1:], (0, 64 - len(hidden))).astype(np.int32),
    )
    marked = ancestors._by_squaring(jax.tree.map(jnp.asarray, genome), jnp.int32(63))
    assert np.flatnonzero(np.asarray(marked)).tolist() == chain.tolist()
