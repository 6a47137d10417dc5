"""The settings of gradient ascent, and a step of it."""

from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jax import lax
from jaxtyping import Array, Float, Int

from evofool.attacks.gradients import FloatLevels
from evofool.support import UserError

# outside and inside a compiled program
Count = int | Int[Array, ""]
Number = float | Float[Array, ""]
Weights = Float[np.ndarray, " taps"] | Float[Array, " taps"]


@dataclass(frozen=True, kw_only=True)
class Ascent:
    """Settings of gradient ascent.

    Attributes:
        steps: number of images whose probability is recorded; a step lies between two of them.
        decay: share of X that a step takes away (L2 regularisation).
        early_gain: largest gain in probability that a step aims at.
        late_gain: the same, as a share of what is missing to certainty, 1 - p.
        max_rate: largest factor of the gradient, in levels.
        blur: standard deviation in pixels of a Gaussian blur of every channel; 0 for none.
        blur_every: number of steps from one blur to the next.
        small_norm: percentile of the pixels' norms over channels; pixels below it become 0.
        small_benefit: percentile of the pixels' effects |sum over channels of g X|; pixels below
            it become 0.
    """

    steps: int = 500
    decay: float = 0.0
    early_gain: float = 0.02
    late_gain: float = 0.1
    max_rate: float = 1e7
    blur: float = 0.0
    blur_every: int = 1
    small_norm: float = 0.0
    small_benefit: float = 0.0

    def __post_init__(self) -> None:
        if min(self.steps, self.blur_every) < 1:
            raise UserError(
                f"steps is {self.steps}, blur_every {self.blur_every}; expected 1 or more"
            )
        if not 0 <= self.decay < 1:
            raise UserError(f"decay is {self.decay:g}; expected 0 or more, and below 1")
        if min(self.early_gain, self.late_gain, self.max_rate) <= 0:
            raise UserError(
                f"early_gain is {self.early_gain:g}, late_gain {self.late_gain:g}, max_rate "
                f"{self.max_rate:g}; expected numbers above 0"
            )
        if self.blur and self.blur < 0.3:
            raise UserError(f"blur is {self.blur:g}; expected 0, or 0.3 pixels or more")
        for name in ("small_norm", "small_benefit"):
            if not 0 <= getattr(self, name) < 100:
                raise UserError(f"{name} is {getattr(self, name):g}; expected a percentile 0..99")

    def shorter(self, steps: int) -> "Ascent":
        """Returns the same settings for fewer steps."""
        return replace(self, steps=steps)


ASCENTS = {
    "plain": Ascent(),
    "decay": Ascent(steps=1500, decay=0.01, early_gain=0.03, late_gain=0.02),
    "sparse": Ascent(
        steps=1500,
        decay=0.001,
        early_gain=0.03,
        late_gain=0.05,
        blur=0.3,
        small_norm=20.0,
        small_benefit=20.0,
    ),
    "blur": Ascent(
        steps=1000, decay=0.001, early_gain=0.03, late_gain=0.05, blur=0.4, blur_every=2
    ),
}
"""The four settings of the paper's supplement."""


class Rates(NamedTuple):
    """The settings as what a compiled step takes; None for what it leaves out.

    Attributes:
        blur: taps of the Gaussian; the others are those of `Ascent`.
    """

    steps: Count
    decay: Number
    early_gain: Number
    late_gain: Number
    max_rate: Number
    blur: Weights | None
    blur_every: Count
    small_norm: Number | None
    small_benefit: Number | None


def rates_of(settings: Ascent) -> Rates:
    """Returns the settings as what a compiled step takes."""
    return Rates(
        steps=settings.steps,
        decay=settings.decay,
        early_gain=settings.early_gain,
        late_gain=settings.late_gain,
        max_rate=settings.max_rate,
        blur=_blur_weights(settings.blur) if settings.blur else None,
        blur_every=settings.blur_every,
        small_norm=settings.small_norm or None,
        small_benefit=settings.small_benefit or None,
    )


def take_step(
    rates: Rates,
    number: Int[Array, ""],
    x: FloatLevels,
    odds: Float[Array, " batch"],
    slope: FloatLevels,
) -> FloatLevels:
    """Takes one step.

    Args:
        rates: the settings.
        number: of the step, from 0.
        x: levels minus the mean.
        odds: log-odds of the class, log(p / (1 - p)).
        slope: gradient of the log-odds. That of p is p (1 - p) times it, and would underflow.
    """
    p, rest = jax.nn.sigmoid(odds), jax.nn.sigmoid(-odds)
    square = jnp.sum(jnp.square(slope), axis=(1, 2, 3))
    # min(max_rate, gain / |g|^2) g  with  g = p (1 - p) slope
    gain = jnp.minimum(rates.early_gain / rest, rates.late_gain)
    factor = jnp.minimum(rates.max_rate * p * rest, gain / (p * square))
    x = (x + factor[:, None, None, None] * slope) * (1 - rates.decay)
    if rates.blur is not None:
        is_due, blurred = number % rates.blur_every == 0, partial(_blur, weights=rates.blur)
        x = lax.cond(is_due, blurred, lambda x: x, x)
    if rates.small_norm is not None:
        x = _drop_small(x, jnp.sqrt(jnp.sum(jnp.square(x), axis=3)), rates.small_norm)
    if rates.small_benefit is not None:
        x = _drop_small(x, jnp.abs(jnp.sum(slope * x, axis=3)), rates.small_benefit)
    return x


def _drop_small(
    x: FloatLevels, value: Float[Array, "batch height width"], percentile: Number
) -> FloatLevels:
    """Sets pixels to zero whose value is below a percentile of the image's values."""
    least = jnp.percentile(value, percentile, axis=(1, 2), keepdims=True)
    return jnp.where((value < least)[..., None], 0.0, x)


def _blur_weights(deviation: float) -> Float[np.ndarray, " taps"]:
    """Returns the taps of SciPy's Gaussian filter, which ends at four standard deviations."""
    radius = int(4 * deviation + 0.5)
    impulse = np.zeros(2 * radius + 1)
    impulse[radius] = 1.0
    return scipy.ndimage.gaussian_filter1d(impulse, deviation, mode="constant").astype(np.float32)


def _blur(x: FloatLevels, weights: Weights) -> FloatLevels:
    """Blurs every channel as `scipy.ndimage.gaussian_filter` does; rows and columns in turn."""
    radius = len(weights) // 2
    for axis in (1, 2):
        pads = [(radius, radius) if i == axis else (0, 0) for i in range(4)]
        padded = lax.optimization_barrier(jnp.pad(x, pads, mode="symmetric"))
        x = jnp.zeros_like(x)
        for i, weight in enumerate(weights):
            x = x + weight * lax.slice_in_dim(padded, i, i + x.shape[axis], axis=axis)
    return x
