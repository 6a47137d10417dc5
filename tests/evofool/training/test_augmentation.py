import jax
import jax.numpy as jnp
import numpy as np
import pytest

from evofool.training.augmentation import MOST_CHANGE, MOST_SHIFT, flip_and_shift, shift_and_scale

SIDE = 10


def every_variant(image: np.ndarray) -> list[np.ndarray]:
    """An image, mirrored or not, in all places."""
    room = (MOST_SHIFT, MOST_SHIFT)
    places = range(2 * MOST_SHIFT + 1)
    return [
        np.pad(turned, (room, room, (0, 0)), mode="reflect")[i : i + SIDE, j : j + SIDE]
        for turned in (image, image[:, ::-1])
        for i in places
        for j in places
    ]


def test_images_are_mirrored_and_shifted_each_in_its_own_way():
    image = np.random.default_rng(0).random((SIDE, SIDE, 2), np.float32)
    batch = jnp.broadcast_to(image, (600, SIDE, SIDE, 2))
    changed = np.asarray(jax.jit(flip_and_shift)(jax.random.key(0), batch))
    variants = np.stack(every_variant(image)).reshape(2 * 49, -1)
    is_same = (changed.reshape(600, 1, -1) == variants).all(-1)
    assert (is_same.sum(1) == 1).all()
    counts = is_same.sum(0)
    assert (counts > 0).sum() > 90, "all variants are as likely: some 6 of each"
    assert 240 < counts[:49].sum() < 360, "every second one is mirrored"


@pytest.mark.parametrize("augment", [flip_and_shift, shift_and_scale])
def test_the_key_determines_what_is_done(augment):
    images = jax.random.uniform(jax.random.key(1), (8, SIDE, SIDE, 1))
    change = jax.jit(augment)
    first, again, other = (change(jax.random.key(seed), images) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_images_are_shifted_and_stretched_within_bounds_around_their_centre():
    side, inner = 40, slice(10, 30)
    square = np.zeros((side, side, 1), np.float32)
    square[inner, inner] = 1.0
    batch = jnp.broadcast_to(square, (300, side, side, 1))
    changed = np.asarray(jax.jit(shift_and_scale)(jax.random.key(0), batch))[..., 0]
    assert 0.0 <= changed.min() <= changed.max() <= 1.0 + 1e-6
    for axis in (1, 2):
        profile = changed.max(axis=3 - axis)  # 1 over the width of the square, interpolated at ends
        sizes = profile.sum(axis=1) / 20
        places = (profile * (np.arange(side) + 0.5)).sum(axis=1) / profile.sum(axis=1) - side / 2
        for found, most in ((sizes - 1, MOST_CHANGE), (places, MOST_CHANGE * side)):
            assert -most - 0.05 < found.min() < -0.9 * most
            assert 0.9 * most < found.max() < most + 0.05
            assert abs(found.mean()) < 0.15 * most
        assert abs(np.corrcoef(sizes, places)[0, 1]) < 0.2
    heights, widths = (changed.max(axis=axis).sum(axis=1) for axis in (2, 1))
    assert abs(np.corrcoef(heights, widths)[0, 1]) < 0.2
