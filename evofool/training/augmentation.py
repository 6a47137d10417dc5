"""Random changes of training images that leave what they show."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Key

MOST_SHIFT = 3  # pixels, of 32
MOST_CHANGE = 0.1  # of the side, in position and in size


def flip_and_shift(
    key: Key[Array, ""], images: Float[Array, "batch height width channels"]
) -> Float[Array, "batch height width channels"]:
    """Mirrors every second image, left to right, and shifts every one a little.

    Each image moves by up to `MOST_SHIFT` pixels in either direction; what it uncovers is
    filled with the image's reflection.

    Args:
        key: decides for every image.
        images: any values, larger than `MOST_SHIFT` on both sides.
    """
    key_flip, key_shift = jax.random.split(key)
    is_flipped = jax.random.bernoulli(key_flip, shape=(len(images), 1, 1, 1))
    images = jnp.where(is_flipped, images[:, :, ::-1], images)
    starts = jax.random.randint(key_shift, (len(images), 2), 0, 2 * MOST_SHIFT + 1)
    room = (MOST_SHIFT, MOST_SHIFT)
    padded = jnp.pad(images, ((0, 0), room, room, (0, 0)), mode="reflect")

    def cut(image, start):
        return lax.dynamic_slice(image, (*start, 0), images.shape[1:])

    return jax.vmap(cut)(padded, starts)


def shift_and_scale(
    key: Key[Array, ""], images: Float[Array, "batch height width channels"]
) -> Float[Array, "batch height width channels"]:
    """Shifts and stretches every image a little, each in its own way; what is uncovered is 0.

    Position and size change by up to `MOST_CHANGE` of the side, in height and width independently,
    uniformly; values between pixels are interpolated linearly.

    Args:
        key: decides for every image.
        images: any values, 0 being the background.
    """
    sides = jnp.array(images.shape[1:3], jnp.float32)
    changes = jax.random.uniform(key, (2, len(images), 2), minval=-MOST_CHANGE, maxval=MOST_CHANGE)
    scales = 1 + changes[0]
    # a scaled image keeps its centre, then moves
    translations = (changes[1] + (1 - scales) / 2) * sides[None]

    def change(image, scale, translation):
        return jax.image.scale_and_translate(
            image, image.shape, (0, 1), scale, translation, "linear", antialias=False
        )

    return jax.vmap(change)(images, scales, translations)
