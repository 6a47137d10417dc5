"""The activation functions of a CPPN, by name.

Every function maps all finite numbers into [-1, 1], so that no network, however large its
weights, can draw anything but finite values. `GenomeSpec.activations` names the ones a genome
may use; a genome stores, for each node, the index into that tuple.

The sine is computed here and not by `jnp.sin`: on a CPU, XLA's takes 2.8 ns for a number, the
polynomial below 0.3 ns, and drawing is mostly sines.
"""

import math
from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

Values = Float[Array, "..."]

# pi = _PI_HIGH + _PI_LOW. _PI_HIGH has eight significant bits, so that k * _PI_HIGH is exact
# for |k| < 2**16, that is for arguments of the sine up to 200,000 (raw pixel coordinates times
# the largest weights give some thousands).
_PI_HIGH = 3.140625
_PI_LOW = 9.67653589793e-4


def sine(p: Values) -> Values:
    """sin(p); absolute error below 3e-7, plus that of the argument itself."""
    half_turns = jnp.round(p * (1 / math.pi))
    return _sine_of_remainder(p, half_turns) * _parity(half_turns)


def cosine(p: Values) -> Values:
    """cos(p) = -sin(p - (k + 1/2) pi) (-1)^k; absolute error as for `sine`."""
    half_turns = floor(p * (1 / math.pi))
    return -_sine_of_remainder(p, half_turns + 0.5) * _parity(half_turns)


def sigmoid(p: Values) -> Values:
    """2 / (1 + exp(-p)) - 1 = tanh(p / 2): the paper's sigmoid runs from -1 to 1."""
    return jnp.tanh(0.5 * p)


def gaussian(p: Values) -> Values:
    """exp(-p^2), in (0, 1]."""
    return jnp.exp(-p * p)


def linear(p: Values) -> Values:
    """Clips p / 3 to [-1, 1]."""
    return jnp.clip(p, -3.0, 3.0) * (1 / 3)


def hyperbolic_tangent(p: Values) -> Values:
    """tanh(p)."""
    return jnp.tanh(p)


def bipolar_gaussian(p: Values) -> Values:
    """2 exp(-p^2) - 1: the Gaussian of Picbreeder."""
    return 2.0 * jnp.exp(-p * p) - 1.0


def rectifier(p: Values) -> Values:
    """Clips p / 3 to [0, 1]."""
    return jnp.clip(p, 0.0, 3.0) * (1 / 3)


def absolute(p: Values) -> Values:
    """Clips |p| / 3 to [0, 1]."""
    return jnp.minimum(jnp.abs(p), 3.0) * (1 / 3)


def step(p: Values) -> Values:
    """1 where p > 0, else -1."""
    return jnp.where(p > 0, 1.0, -1.0)


def square_wave(p: Values) -> Values:
    """The sign of sin(p), from -1 to 1, period 2 pi."""
    return _parity(floor(p * (1 / math.pi)))


def triangle_wave(p: Values) -> Values:
    """arcsin(sin(p)) 2 / pi: straight lines through the zeros and peaks of the sine."""
    half_turns = jnp.round(p * (1 / math.pi))
    return _remainder(p, half_turns) * (2 / math.pi) * _parity(half_turns)


ACTIVATIONS: dict[str, Callable[[Values], Values]] = {
    "sine": sine,
    "sigmoid": sigmoid,
    "gaussian": gaussian,
    "linear": linear,
    "cosine": cosine,
    "tanh": hyperbolic_tangent,
    "bipolar_gaussian": bipolar_gaussian,
    "relu": rectifier,
    "abs": absolute,
    "step": step,
    "square_wave": square_wave,
    "triangle_wave": triangle_wave,
}
"""Every activation by name: the paper's four first, then the extended set."""


def register_activation(name: str, function: Callable[[Values], Values]) -> None:
    """Adds an activation function, so that `GenomeSpec.activations` may name it.

    Args:
        name: of letters, digits and "_".
        function: a JAX function of one array that keeps its shape and maps all finite numbers into
            [-1, 1], number by number.

    Raises:
        ValueError: the name is taken by another function or no name, or the function breaks a
            promise on a range of numbers.
    """
    if not name.isidentifier():
        raise ValueError(f"activation {name!r}: expected a name of letters, digits and '_'")
    if ACTIVATIONS.get(name, function) is not function:
        raise ValueError(f"activation {name!r} is there already; choose another name")
    numbers = jnp.concatenate([jnp.linspace(-20.0, 20.0, 401), jnp.array([-1e30, -1e6, 1e6, 1e30])])
    values = function(numbers)
    if values.shape != numbers.shape or not bool(jnp.all(jnp.abs(values) <= 1.0)):
        raise ValueError(
            f"activation {name!r} gives shape {values.shape}, or values outside [-1, 1] or no "
            f"numbers, for {numbers.shape} numbers; expected as many in [-1, 1]"
        )
    ACTIVATIONS[name] = function


def _remainder(p: Values, half_turns: Values) -> Values:
    """Gives p - half_turns * pi, most of it taken away without rounding."""
    remainder = (p - half_turns * _PI_HIGH) - half_turns * _PI_LOW
    # An argument too large for the reduction must not leave [-pi/2, pi/2] either.
    return jnp.clip(remainder, -math.pi / 2, math.pi / 2)


def _sine_of_remainder(p: Values, half_turns: Values) -> Values:
    """The sine on [-pi/2, pi/2], by a minimax polynomial that is off by at most 2e-7."""
    r = _remainder(p, half_turns)
    s = r * r
    polynomial = 2.6083159e-6 * s - 1.9810690e-4
    polynomial = polynomial * s + 8.3330255e-3
    polynomial = polynomial * s - 0.16666659
    return polynomial * s * r + r


def _parity(k: Values) -> Values:
    """(-1)^k for a whole number k held as a float; its gradient is zero."""
    return 1.0 - 2.0 * jnp.abs(k - 2.0 * jnp.round(0.5 * k))


def floor(p: Values) -> Values:
    """The largest whole number not above p, for GPU kernels too: Mosaic has no other rounding."""
    nearest = jnp.round(p)
    return nearest - jnp.where(nearest > p, 1.0, 0.0)
