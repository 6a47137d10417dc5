import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cppn

SEEDS = st.integers(0, 2**32 - 1)
LONGEST = 64

many_bits = jax.jit(lambda key: cppn.random_bits(key, LONGEST))
jax_bits = jax.jit(lambda key: jax.random.bits(key, (LONGEST,)))
fold_in, jax_fold_in = jax.jit(cppn.fold_in), jax.jit(jax.random.fold_in)


@given(SEEDS)
def test_bits_equal_jax(seed):
    key = jax.random.key(seed)
    assert (many_bits(key) == jax_bits(key)).all()


@pytest.mark.parametrize("num", [1, 2, 3, 7, 784, 4097])
def test_bits_equal_jax_at_every_size(num):
    key = jax.random.key(7)
    assert (cppn.random_bits(key, num) == jax.random.bits(key, (num,))).all()


@pytest.mark.parametrize("num", [1, 5, LONGEST - 1])
def test_first_bits_do_not_depend_on_how_many_are_drawn(key, num):
    assert (cppn.random_bits(key, num) == many_bits(key)[:num]).all()


def test_jax_keeps_its_promise_of_the_same_prefix(key):
    # what makes the room of a genome irrelevant where jax.random itself draws
    assert (jax.random.uniform(key, (5,)) == jax.random.uniform(key, (LONGEST,))[:5]).all()


@given(SEEDS, st.integers(0, 2**31 - 1))
def test_fold_in_equals_jax(seed, data):
    key, data = jax.random.key(seed), np.int32(data)
    ours, theirs = fold_in(key, data), jax_fold_in(key, data)
    assert (jax.random.key_data(ours) == jax.random.key_data(theirs)).all()


def test_vmapped_keys_draw_what_single_keys_draw(key):
    keys = jax.random.split(key, 5)
    together = jax.vmap(lambda k: cppn.random_bits(k, 8))(keys)
    alone = [cppn.random_bits(k, 8) for k in keys]
    assert (together == jnp.stack(alone)).all()


@pytest.mark.parametrize("draw", [lambda k: cppn.random_bits(k, 3), lambda k: cppn.fold_in(k, 3)])
def test_key_of_another_kind_is_refused(draw):
    with pytest.raises(ValueError, match="expected a threefry2x32 key, got rbg"):
        draw(jax.random.key(0, impl="rbg"))


def test_uniform_lies_in_0_to_1_on_a_grid_of_24_bits():
    words = jnp.array([0, 255, 256, 2**31, 2**32 - 1], jnp.uint32)
    assert cppn.uniform(words).tolist() == [0.0, 0.0, 2**-24, 0.5, 1 - 2**-24]
