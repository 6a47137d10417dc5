import jax
import jax.numpy as jnp
import numpy as np

from evofool.augmentation import MOST_SHIFT, flip_and_shift

SIDE = 10


def every_variant(image: np.ndarray) -> list[np.ndarray]:
    """A picture, mirrored or not, in all places."""
    room = (MOST_SHIFT, MOST_SHIFT)
    places = range(2 * MOST_SHIFT + 1)
    return [
        np.pad(turned, (room, room, (0, 0)), mode="reflect")[i : i + SIDE, j : j + SIDE]
        for turned in (image, image[:, ::-1])
        for i in places
        for j in places
    ]


def test_pictures_are_mirrored_and_shifted_each_in_its_own_way():
    image = np.random.default_rng(0).random((SIDE, SIDE, 2), np.float32)
    batch = jnp.broadcast_to(image, (600, SIDE, SIDE, 2))
    changed = np.asarray(jax.jit(flip_and_shift)(jax.random.key(0), batch))
    variants = np.stack(every_variant(image)).reshape(2 * 49, -1)
    is_same = (changed.reshape(600, 1, -1) == variants).all(-1)
    assert (is_same.sum(1) == 1).all()
    counts = is_same.sum(0)
    assert (counts > 0).sum() > 90, "all variants are as likely: some 6 of each"
    assert 240 < counts[:49].sum() < 360, "every second one is mirrored"


def test_the_key_determines_what_is_done():
    images = jax.random.uniform(jax.random.key(1), (8, SIDE, SIDE, 1))
    first, again, other = (flip_and_shift(jax.random.key(seed), images) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
