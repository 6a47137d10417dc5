"""Where the pixels of an image are, as a network sees them."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from cppn.genome import NUM_INPUTS

COORDINATES = ("centered", "pixels")


def make_inputs(
    height: int,
    width: int,
    coordinates: str = "centered",
    drawn_at: tuple[int, int] | None = None,
    extent: tuple[float, float] = (1.0, 1.0),
) -> Float[Array, "4 pixels"]:
    """The values of x, y, d and bias at each pixel, row by row; options as in `render_batch`.

    With u and v the column and row in [-1, 1], or as far as `extent` reaches (0 in an image one
    pixel wide or high), d = sqrt(u^2 + v^2).

    References:
        Released code of the paper, phen_color_image.hpp:144-160.
    """
    up, across = extent
    u, v = _ramp(-across, across, width), _ramp(-up, up, height)
    # The squares are rounded here, so that no compiler fuses them into the sum.
    d = jnp.sqrt((u * u)[None, :] + jnp.asarray(v * v)[:, None])
    if coordinates == "pixels":
        rows, columns = drawn_at or (height, width)
        u, v = (
            _ramp((1 - reach) * (count - 1) / 2, (1 + reach) * (count - 1) / 2, size)
            for reach, count, size in ((across, columns, width), (up, rows, height))
        )
    x = jnp.broadcast_to(u[None, :], d.shape)
    y = jnp.broadcast_to(v[:, None], d.shape)
    return jnp.stack([x, y, d, jnp.ones_like(d)]).reshape(NUM_INPUTS, height * width)


def _ramp(first: float, last: float, size: int) -> np.ndarray:
    """Numbers from first to last at equal distances; the middle if there is one only."""
    if size == 1:
        return np.array([(first + last) / 2], np.float32)
    return np.linspace(first, last, size, dtype=np.float32)
