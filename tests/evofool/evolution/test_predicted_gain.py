"""Steps of a predicted gain, on functions whose gradients are known."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from evofool.evolution.predicted_gain import scale_to_predicted_gain

FAR = 1e9  # a longest step that limits nothing


def updates_of(gradients, *, gain=2.0, longest=FAR, steps=1):
    optimizer = scale_to_predicted_gain(gain, longest=longest)
    state = optimizer.init(jax.tree.map(jnp.zeros_like, gradients))
    for _ in range(steps):
        updates, state = optimizer.update(gradients, state)
    return updates


def test_a_linear_function_rises_by_the_gain():
    gradients = {"steep": jnp.array([1e3, -2.0]), "flat": jnp.array([[1e-3]])}
    for steps in (1, 5):  # the averages of equal gradients are these gradients
        updates = updates_of(gradients, steps=steps)
        rise = sum(jnp.vdot(gradients[name], updates[name]) for name in gradients)
        assert rise == pytest.approx(2.0, rel=1e-5)


def test_steps_are_longer_where_gradients_are_smaller():
    updates = updates_of(jnp.array([1e4, 1.0]))
    # m / v^(3/4) of a constant gradient g is g^(-1/2)
    assert updates[1] / updates[0] == pytest.approx(100.0, rel=1e-4)


def test_no_variable_moves_by_more_than_the_longest_step():
    updates = updates_of(jnp.array([1e-6, -1e-6]), longest=0.5)
    np.testing.assert_array_equal(updates, [0.5, -0.5])


def test_a_variable_without_a_gradient_stays():
    np.testing.assert_array_equal(updates_of(jnp.zeros(3)), jnp.zeros(3))
    assert updates_of(jnp.array([0.0, 1.0]))[0] == 0


def test_the_gain_may_change_from_step_to_step():
    def gain(count):
        return jnp.where(count < 1, 1.0, 0.25)

    gradient = jnp.array([3.0])
    assert updates_of(gradient, gain=gain)[0] == pytest.approx(1 / 3, rel=1e-5)
    assert updates_of(gradient, gain=gain, steps=2)[0] == pytest.approx(1 / 12, rel=1e-5)


def test_it_climbs_where_adam_does_not():
    """A hill whose gradients span four orders of magnitude, as those of a network's weights do."""
    slopes = jnp.array([1e2, 1e0, 1e-2])
    peak = jnp.array([0.03, 3.0, 30.0])

    def height(x):
        return -jnp.sum(jnp.abs(slopes * (x - peak)))

    def climbed(optimizer, sign):
        def step(carry, _):
            x, state = carry
            updates, state = optimizer.update(sign * jax.grad(height)(x), state)
            return (optax.apply_updates(x, updates), state), None

        start = jnp.zeros(3)
        (x, _), _ = jax.lax.scan(step, (start, optimizer.init(start)), length=60)
        return float(height(x))

    gain = optax.cosine_decay_schedule(0.5, 60)
    mine = climbed(scale_to_predicted_gain(gain, longest=1.0), 1.0)
    adam = max(climbed(optax.adam(optax.cosine_decay_schedule(rate, 60)), -1.0)
               for rate in (0.003, 0.01, 0.03))  # fmt: skip
    assert mine > adam
