import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evofool.evolution.sharding import NO_CHILD, Layout, champions_of


@pytest.mark.slow
@given(st.integers(1, 4), st.integers(1, 20), st.integers(1, 20), st.integers(1, 5))
def test_layout_gives_every_child_one_place_that_depends_on_its_index_alone(
    runs, batch, micro_batch, devices
):
    layout = Layout.plan(runs, batch, micro_batch, devices)
    assert layout.units.child.shape == (len(layout.units.run), micro_batch)
    assert len(layout.units.run) % devices == 0
    run = np.broadcast_to(layout.units.run[:, None], layout.units.child.shape)
    merged = layout.merge(jnp.asarray(np.stack([run, layout.units.child], axis=-1)))
    assert (np.asarray(merged) == np.moveaxis(np.indices((runs, batch)), 0, -1)).all()
    # all but the last child of a run, which pads, are where their index says
    place = np.arange(micro_batch)
    assert ((layout.units.child % micro_batch == place) | (layout.units.child == batch - 1)).all()


def test_layout_marks_every_child_of_every_run_real_once():
    layout = Layout.plan(2, 13, 5, 4)
    units = layout.units
    run = np.broadcast_to(units.run[:, None], units.child.shape)
    real = sorted(zip(run[units.is_real], units.child[units.is_real], strict=True))
    assert real == [(run, child) for run in range(2) for child in range(13)]
    assert layout.per_device * 4 == len(units.run) == 8


numbers = st.sampled_from([-np.inf, np.nan, np.inf, -0.0, 0.0, 1.0, -2.5, 3.0])


@given(st.lists(st.tuples(numbers, st.booleans()), min_size=1, max_size=6))
def test_champion_is_the_first_of_the_best_real_finite_children(children):
    fitness = np.array([[value] for value, _ in children], np.float32)
    is_real = np.array([real for _, real in children])
    found = jax.jit(champions_of)(
        jnp.asarray(fitness), 10 + jnp.arange(len(children)), jnp.asarray(is_real)
    )
    valid = [(v, -i) for i, (v, real) in enumerate(children) if real and np.isfinite(v)]
    invalid = [v for v, real in children if real and not np.isfinite(v)]
    assert int(found.num_invalid) == len(invalid)
    if valid:
        value, index = max(valid)
        assert (float(found.fitness[0]), int(found.child[0])) == (value, 10 - index)
        assert not (value == 0 and np.signbit(found.fitness[0]))
    else:
        assert float(found.fitness[0]) == -np.inf
        assert int(found.child[0]) in (10, NO_CHILD)
