import dataclasses

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import cppn
from tests.cppn import genomes

SEEDS = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("spec", [genomes.GREY, genomes.COLORED])
def test_first_genome_connects_every_input_to_every_output(spec, key):
    genome = cppn.init(key, spec, **genomes.ROOM)
    cppn.validate(genome, spec)
    assert cppn.num_nodes(genome) == 4 + spec.outputs
    assert cppn.num_connections(genome) == 4 * spec.outputs
    used = slice(4 * spec.outputs)
    ends = set(zip(genome.source[used].tolist(), genome.target[used].tolist(), strict=True))
    assert ends == {(i, 4 + o) for i in range(4) for o in range(spec.outputs)}


def test_first_weights_and_activations_are_uniform():
    keys = jax.random.split(jax.random.key(5), 2000)
    batch = jax.vmap(lambda key: cppn.init(key, genomes.GREY, **genomes.ROOM))(keys)
    weights = np.asarray(batch.weight[:, :4]).ravel()
    assert stats.kstest(weights, stats.uniform(-10, 20).cdf).pvalue > 1e-3
    counts = np.bincount(np.asarray(batch.activation[:, 4]), minlength=4)
    assert stats.chisquare(counts).pvalue > 1e-3


@given(SEEDS)
def test_first_genome_does_not_depend_on_room(seed):
    small = cppn.init(jax.random.key(seed), genomes.GREY, max_nodes=5, max_connections=4)
    large = cppn.init(jax.random.key(seed), genomes.GREY, max_nodes=64, max_connections=99)
    assert genomes.same_bytes(small, cppn.trim(large))


def test_trim_undoes_grow_and_keeps_leading_axes(grey):
    pair = jax.tree.map(lambda leaf: leaf.reshape(2, 20, *leaf.shape[1:]), grey)
    trimmed = cppn.trim(pair)
    assert trimmed.activation.shape == (2, 20, int(grey.num_nodes.max()))
    assert trimmed.weight.shape == (2, 20, int(grey.num_connections.max()))
    assert genomes.same_bytes(cppn.grow(trimmed, **genomes.ROOM), pair)


def test_trimming_twice_changes_nothing(grey):
    once = cppn.trim(grey)
    assert genomes.same_bytes(once, cppn.trim(once))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"outputs": 2}, "outputs must be 1 .* or 3 .* got 2"),
        ({"activations": ("sine", "sinus")}, "activations .* 'triangle_wave'.* got .*'sinus'"),
        ({"activations": ()}, "activations must be a non-empty tuple"),
        ({"activations": ("sine", "sine")}, "activations must not repeat"),
    ],
)
def test_mistakes_in_a_spec_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        cppn.GenomeSpec(**options)


def test_too_little_room_is_refused(key):
    with pytest.raises(ValueError, match=r"max_nodes=6.* at least 7 nodes and 12 connections"):
        cppn.init(key, genomes.COLORED, max_nodes=6, max_connections=12)
    genome = cppn.init(key, genomes.GREY, max_nodes=9, max_connections=9)
    with pytest.raises(ValueError, match=r"max_nodes=8.* at least 9 nodes"):
        cppn.grow(genome, max_nodes=8, max_connections=9)


def test_spec_is_hashable_and_frozen():
    assert hash(cppn.GenomeSpec()) == hash(cppn.GenomeSpec())
    with pytest.raises(dataclasses.FrozenInstanceError):
        cppn.GenomeSpec().outputs = 3  # pyright: ignore[reportAttributeAccessIssue]
