"""Blocks of new nodes: they change nothing at first, and become part of a genome."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cppn
from cppn.coordinates import make_inputs
from cppn.render import render_widened
from cppn.widening import Block, block_sums, new_block, widen
from tests.cppn import genomes

SPEC, STYLE = genomes.COLORED, cppn.Style(color="hsv")
SIZE = {"spec": SPEC, "height": 9, "width": 11, "style": STYLE}
WIDTH = 14  # every activation, two of them twice


@pytest.fixture(scope="module")
def drawn(colored) -> cppn.Genome:
    return jax.tree.map(lambda leaf: leaf[9::10], colored)


def blocks_of(count: int, *, is_new: bool) -> Block:
    keys = jax.random.split(jax.random.key(3), count)
    blocks = jax.vmap(lambda key: new_block(key, WIDTH, SPEC))(keys)
    if is_new:
        return blocks
    weights = jax.random.uniform(jax.random.key(4), blocks.to_outputs.shape, minval=-2, maxval=2)
    return blocks._replace(to_outputs=weights)


@jax.jit
def widened(drawn: cppn.Genome, blocks: Block) -> cppn.Genome:
    return jax.vmap(lambda genome, block: widen(genome, block, SPEC))(drawn, blocks)


def test_a_new_block_changes_no_byte_of_the_image(drawn):
    wide = widened(drawn, blocks_of(4, is_new=True))
    np.testing.assert_array_equal(cppn.render_batch(wide, **SIZE), cppn.render_batch(drawn, **SIZE))


def test_a_widened_genome_is_valid_and_has_the_nodes_of_the_block(drawn):
    blocks = blocks_of(4, is_new=False)
    for before, after in zip(
        genomes.host(drawn), genomes.host(widened(drawn, blocks)), strict=True
    ):
        cppn.validate(after, SPEC)
        assert after.num_nodes == before.num_nodes + WIDTH
        assert after.num_connections == before.num_connections + WIDTH * (4 + SPEC.outputs)
        # its own connections are there in their order, and those of the block behind them
        own = after.source < before.num_nodes
        own &= after.target < before.num_nodes
        own &= np.arange(len(own)) < after.num_connections
        np.testing.assert_array_equal(after.weight[own], before.weight[: before.num_connections])


def test_a_block_beside_a_genome_draws_what_the_widened_genome_draws(drawn):
    blocks = blocks_of(4, is_new=False)
    beside = jax.jit(partial(render_widened, **SIZE))(drawn.weight, blocks, drawn)
    within = cppn.render_batch(widened(drawn, blocks), **SIZE)
    # sums are rounded in another order, and so is a level here and there
    assert np.mean(np.asarray(beside) != np.asarray(within)) < 0.01
    np.testing.assert_allclose(beside, within, atol=1.01 / 255)
    assert np.mean(np.asarray(within) != np.asarray(cppn.render_batch(drawn, **SIZE))) > 0.2


@pytest.mark.parametrize("width", [pytest.param(0, marks=pytest.mark.slow), WIDTH])
def test_gradients_by_a_block_are_those_that_jax_derives(width):
    block = jax.tree.map(lambda leaf: leaf[0], blocks_of(1, is_new=False))
    block = Block(block.from_inputs[:width] / 10, block.to_outputs[:, :width])
    inputs = make_inputs(9, 11)
    cotangent = jax.random.normal(jax.random.key(6), (SPEC.outputs, 99))

    def derived(block):
        rows = [
            cppn.ACTIVATIONS[SPEC.activations[node % len(SPEC.activations)]](weights @ inputs)
            for node, weights in enumerate(block.from_inputs)
        ]
        return jnp.vdot(block.to_outputs @ jnp.stack(rows), cotangent) if rows else 0.0

    found = jax.grad(lambda block: jnp.vdot(block_sums(block, inputs, SPEC), cotangent))(block)
    expected = jax.grad(derived)(block)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-3), found, expected)


@pytest.mark.slow
def test_gradients_by_a_block_are_those_of_the_widened_genome(drawn):
    blocks = blocks_of(4, is_new=False)
    cotangent = jax.random.normal(jax.random.key(5), (4, 9, 11, 3))

    def beside(weight, blocks):
        return jnp.vdot(render_widened(weight, blocks, drawn, **SIZE), cotangent)

    def within(weight, blocks):
        wide = widened(drawn._replace(weight=weight), blocks)
        return jnp.vdot(cppn.render_batch(wide, **SIZE), cotangent)

    found, wanted = (
        jax.jit(jax.grad(sums, argnums=(0, 1)))(drawn.weight, blocks) for sums in (beside, within)
    )
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3 * float(jnp.abs(other).max()))


def test_a_block_of_no_nodes_is_none(drawn):
    blocks = jax.vmap(lambda key: new_block(key, 0, SPEC))(jax.random.split(jax.random.key(0), 4))
    for before, after in zip(
        genomes.host(drawn), genomes.host(widened(drawn, blocks)), strict=True
    ):
        assert genomes.same_bytes(before, after)
