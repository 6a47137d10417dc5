"""Augmentation: random changes of training images that do not change their class."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Key

from evofool.classifiers import ImageBatch

MOST_SHIFT = 3  # pixels, in images of 32x32
MOST_CHANGE = 0.1  # of position and size, as a share of the side


def flip_and_shift(key: Key[Array, ""], images: ImageBatch) -> ImageBatch:
    """Mirrors images left to right, with probability 1/2, and shifts them a little.

    Each image moves by up to `MOST_SHIFT` pixels in both directions; its reflection fills the
    pixels that it uncovers.

    Args:
        key: for the draws.
        images: any values; height and width must exceed `MOST_SHIFT`.
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


def shift_and_scale(key: Key[Array, ""], images: ImageBatch) -> ImageBatch:
    """Shifts and stretches every image a little; pixels that it uncovers become 0.

    Position and size change by up to `MOST_CHANGE` of the side, uniformly, and independently in
    height and width; values between pixels are interpolated linearly.

    Args:
        key: for the draws.
        images: any values; 0 is the background.
    """
    sides = jnp.array(images.shape[1:3], jnp.float32)
    changes = jax.random.uniform(key, (2, len(images), 2), minval=-MOST_CHANGE, maxval=MOST_CHANGE)
    scales = 1 + changes[0]
    # Scaling keeps the centre of the image, then the image moves.
    translations = (changes[1] + (1 - scales) / 2) * sides[None]

    def change(image, scale, translation):
        return jax.image.scale_and_translate(
            image, image.shape, (0, 1), scale, translation, "linear", antialias=False
        )

    return jax.vmap(change)(images, scales, translations)
