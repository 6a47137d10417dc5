"""The settings of gradient ascent, and a step of it."""

from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int
from scipy.ndimage import gaussian_filter1d

from evofool.attacks.gradients import FloatLevels
from evofool.support import UserError


@dataclass(frozen=True, kw_only=True)
class Ascent:
    """Settings of gradient ascent.

    Attributes:
        steps: images looked at on the way; between them is a step each.
        decay: share of X that a step takes away (L2 regularisation).
        early_gain: wanted gain in probability of a step, at most.
        late_gain: the same as a share of what is left, 1 - p.
        max_rate: largest factor of the gradient, in levels.
        blur: standard deviation in pixels of a Gaussian blur of every channel; 0 for none.
        blur_every: steps from one blur to the next.
        small_norm: percentile of the pixels' norms over channels, below which they become 0.
        small_benefit: percentile of the pixels' effects |sum over channels of g X|, likewise.
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
    """The settings as arrays; None for what is not done."""

    steps: Any
    decay: Any
    early_gain: Any
    late_gain: Any
    max_rate: Any
    blur: Any
    blur_every: Any
    small_norm: Any
    small_benefit: Any


def rates_of(settings: Ascent) -> Rates:
    """Returns the settings as what a compiled step takes."""
    numbers = asdict(settings)
    weights = _blur_weights(settings.blur) if settings.blur else None
    absent = {name: numbers[name] or None for name in ("small_norm", "small_benefit")}
    return Rates(**numbers | absent | {"blur": weights})


def take_step(
    rates: Rates,
    number: Int[Array, ""],
    x: FloatLevels,
    own: Float[Array, " batch"],
    slope: FloatLevels,
) -> FloatLevels:
    """Takes one step.

    Args:
        rates: the settings.
        number: of the step, from 0.
        x: levels minus the mean.
        own: log-odds of the class, log(p / (1 - p)).
        slope: their gradient. That of p is p (1 - p) times it, and would underflow.
    """
    p, rest = jax.nn.sigmoid(own), jax.nn.sigmoid(-own)
    square = jnp.sum(jnp.square(slope), axis=(1, 2, 3))
    # min(max_rate, gain / |g|^2) g  with  g = p (1 - p) slope
    gain = jnp.minimum(rates.early_gain / rest, rates.late_gain)
    factor = jnp.minimum(rates.max_rate * p * rest, gain / (p * square))
    x = (x + factor[:, None, None, None] * slope) * (1 - rates.decay)
    if rates.blur is not None:
        is_due = number % rates.blur_every == 0
        x = lax.cond(is_due, lambda x: _blur(x, rates.blur), lambda x: x, x)
    if rates.small_norm is not None:
        x = _drop_small(x, jnp.sqrt(jnp.sum(jnp.square(x), axis=3)), rates.small_norm)
    if rates.small_benefit is not None:
        x = _drop_small(x, jnp.abs(jnp.sum(slope * x, axis=3)), rates.small_benefit)
    return x


def _drop_small(
    x: FloatLevels, value: Float[Array, "batch height width"], percentile: Any
) -> FloatLevels:
    """Sets pixels to zero whose value is below a percentile of all pixels' values."""
    least = jnp.percentile(value, percentile, axis=(1, 2), keepdims=True)
    return jnp.where((value < least)[..., None], 0.0, x)


def _blur_weights(deviation: float) -> Float[np.ndarray, " taps"]:
    """Returns the taps of SciPy's Gaussian filter, which ends at four standard deviations."""
    radius = int(4 * deviation + 0.5)
    impulse = np.zeros(2 * radius + 1)
    impulse[radius] = 1.0
    return gaussian_filter1d(impulse, deviation, mode="constant").astype(np.float32)


def _blur(x: FloatLevels, weights: Float[Array, " taps"]) -> FloatLevels:
    """Is `scipy.ndimage.gaussian_filter` of every channel; rows and columns in turn."""
    radius = len(weights) // 2
    for axis in (1, 2):
        pads = [(radius, radius) if i == axis else (0, 0) for i in range(4)]
        padded = lax.optimization_barrier(jnp.pad(x, pads, mode="symmetric"))
        x = jnp.zeros_like(x)
        for i, weight in enumerate(weights):
            x = x + weight * lax.slice_in_dim(padded, i, i + x.shape[axis], axis=axis)
    return x
