import jax
import jax.numpy as jnp
import numpy as np

import cppn
from cppn import fine_steps
from tests.cppn import genomes

step = jax.jit(jax.vmap(cppn.step_finely))


def test_fine_steps_move_weights_within_their_range_and_nothing_else(grey):
    children = step(jax.random.split(jax.random.key(0), len(grey.weight)), grey)
    assert genomes.same_bytes(children._replace(weight=grey.weight), grey)
    for child in genomes.host(children):
        cppn.validate(child, genomes.GREY)


def test_a_child_moves_a_tenth_three_tenths_or_all_of_its_weights_by_steps_of_many_sizes():
    children, connections = 3000, 40
    zeros = jnp.zeros((children, connections))
    parents = cppn.Genome(
        num_nodes=jnp.full(children, 5),
        num_connections=jnp.full(children, connections),
        activation=zeros[:, :5].astype(int),
        source=zeros.astype(int),
        target=zeros.astype(int) + 4,
        weight=zeros,
    )
    weights = np.abs(
        np.asarray(step(jax.random.split(jax.random.key(0), children), parents).weight)
    )
    moved = (weights > 0).mean(axis=1)
    assert abs((moved == 1).mean() - 1 / 3) < 0.03
    assert abs(moved[moved < 1].mean() - 0.2) < 0.01  # the mean of .1 and .3
    sizes = weights[weights > 0]
    # the mean of the logarithm of a log-uniform size, and that of |N(0, 1)|
    middle = np.log(fine_steps.SMALLEST * fine_steps.LARGEST) / 2 - 0.635
    assert abs(np.log(sizes).mean() - middle) < 0.05
    assert sizes.max() > 3
    assert sizes.min() < 1e-5


def test_fine_steps_do_not_depend_on_room(grey):
    keys = jax.random.split(jax.random.key(4), len(grey.weight))
    room = {"max_nodes": 2 * grey.max_nodes, "max_connections": 2 * grey.max_connections}
    small, large = step(keys, grey), step(keys, cppn.grow(grey, **room))
    assert genomes.same_bytes(cppn.trim(small), cppn.trim(large))
