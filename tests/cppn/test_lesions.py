import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cppn
from tests.cppn import genomes, reference


@jax.jit
def cut_connections(genome):
    places = jnp.arange(genome.max_connections + 1)
    return jax.vmap(cppn.without_connection, (None, 0))(genome, places)


@jax.jit
def cut_nodes(genome):
    return jax.vmap(cppn.without_node, (None, 0))(genome, jnp.arange(genome.max_nodes + 1))


def with_weights_zero(genome, is_zero):
    return genome._replace(weight=np.where(is_zero, 0, genome.weight))


@pytest.fixture(scope="module")
def large(colored):
    """The three largest of the networks, with room to spare."""
    return sorted(genomes.host(colored), key=lambda genome: -genome.num_nodes)[:3]


def test_without_connection_is_as_if_its_weight_were_zero(large):
    for genome in large:
        cut = genomes.host(cut_connections(genome))
        for place in range(int(genome.num_connections)):
            cppn.validate(cut[place], genomes.COLORED)
            assert cut[place].num_connections == genome.num_connections - 1
            zero = with_weights_zero(genome, np.arange(genome.max_connections) == place)
            np.testing.assert_array_equal(
                reference.values(cut[place], genomes.COLORED, 5, 6),
                reference.values(zero, genomes.COLORED, 5, 6),
            )


def test_without_node_is_as_if_it_gave_nothing(large):
    for genome in large:
        cut = genomes.host(cut_nodes(genome))
        for node in range(genomes.COLORED.first_hidden, int(genome.num_nodes)):
            cppn.validate(cut[node], genomes.COLORED)
            assert cut[node].num_nodes == genome.num_nodes - 1
            ends = reference.connections(genome)
            gone = sum(node in (source, target) for source, target, _ in ends)
            assert cut[node].num_connections == genome.num_connections - gone
            np.testing.assert_array_equal(
                reference.values(cut[node], genomes.COLORED, 5, 6),
                reference.values(
                    with_weights_zero(genome, genome.source == node), genomes.COLORED, 5, 6
                ),
            )


def test_nothing_is_cut_beyond_the_last_node_and_connection(large):
    for genome in large:
        connections, nodes = (genomes.host(f(genome)) for f in (cut_connections, cut_nodes))
        for same in connections[genome.num_connections :] + nodes[genome.num_nodes :]:
            assert genomes.same_bytes(same, genome)
