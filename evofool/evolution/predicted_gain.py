"""Gradient steps of a predicted gain, as an optax transformation.

The gradients of a CPPN's weights differ by four orders of magnitude from weight to weight: steps of
equal size, as Adam's, overshoot along the steep ones and stand still along the flat ones. Here the
length of a step is such that the objective, were it linear, would rise by a given amount.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree

MEAN_DECAY, SQUARE_DECAY = 0.9, 0.999  # Adam's
POWER = 0.75  # of the mean square, in the denominator; Adam's is 1/2


class PredictedGainState(NamedTuple):
    """The running averages of one set of variables, float32 `[variables]` each."""

    count: jax.Array
    mean: jax.Array
    square: jax.Array


def scale_to_predicted_gain(
    gain: optax.ScalarOrSchedule, *, longest: float
) -> optax.GradientTransformation:
    """Turns gradients of an objective into steps uphill of a predicted gain.

    With m and v the bias-corrected averages of the gradient and of its square, the direction is
    s = m / v^(3/4), and its length is such that sum(sqrt(v) |s|) = `gain`. No variable moves by
    more than `longest`. The updates are added: they climb, where those of optax's optimisers
    descend.

    Args:
        gain: what the objective is to rise by in a step, in its own unit; a number, or a function
            of the number of steps done.
        longest: the largest step of a variable.

    References:
        Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, for m and v.
    """

    def init(params: optax.Params) -> PredictedGainState:
        zeros = jnp.zeros_like(ravel_pytree(params)[0])
        return PredictedGainState(jnp.int32(0), zeros, zeros)

    def update(
        updates: optax.Updates, state: optax.OptState, params: optax.Params | None = None
    ) -> tuple[optax.Updates, PredictedGainState]:
        del params
        assert isinstance(state, PredictedGainState)
        # as one array: what XLA makes of several, last bits too, differs with the program around
        gradient, unravel = ravel_pytree(updates)
        count = state.count + 1
        mean = optax.tree.update_moment(gradient, state.mean, MEAN_DECAY, 1)
        square = optax.tree.update_moment(gradient, state.square, SQUARE_DECAY, 2)
        m = optax.tree.bias_correction(mean, MEAN_DECAY, count)
        v = optax.tree.bias_correction(square, SQUARE_DECAY, count)
        # a variable whose gradient was always 0 stays where it is
        direction = jnp.where(v > 0, m * jnp.where(v > 0, v, 1.0) ** -POWER, 0.0)
        rise = jnp.sum(jnp.sqrt(v) * jnp.abs(direction))
        wanted = gain(state.count) if callable(gain) else gain
        length = jnp.where(rise > 0, wanted / jnp.where(rise > 0, rise, 1.0), 0.0)
        steps = unravel(jnp.clip(length * direction, -longest, longest))
        return steps, PredictedGainState(count, mean, square)

    return optax.GradientTransformation(init, update)
