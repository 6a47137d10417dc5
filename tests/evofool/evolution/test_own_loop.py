import jax
import jax.numpy as jnp
import numpy as np
import pytest

import evofool

SETTINGS = {"encoding": "direct", "batch_size": 16}


def test_a_loop_of_ones_own_makes_the_same_archive_as_a_run(tmp_path):
    run = evofool.evolve(
        "mock:10", generations=4, out=tmp_path / "run", quiet=True, micro_batch=8, **SETTINGS
    )
    loop = evofool.ask_tell("mock:10", micro_batch=8, **SETTINGS)
    state = loop.init()
    for _ in range(5):
        offspring, images = loop.ask(state)
        state, _ = loop.tell(state, offspring, loop.classify(images))
    np.testing.assert_allclose(loop.confidences(state), run.confidences, rtol=1e-5)
    np.testing.assert_array_equal(
        state.archive.items.born[0], [elite.born for elite in run.elites()]
    )


def test_a_whole_loop_is_one_compiled_program():
    loop = evofool.ask_tell("mock:10", **SETTINGS)

    def step(state, _):
        offspring, images = loop.ask(state)
        state, log = loop.tell(state, offspring, loop.classify(images))
        return state, log.fitness

    state, fitness = jax.jit(lambda s: jax.lax.scan(step, s, None, length=4))(loop.init())
    assert int(state.next_generation) == 4
    assert fitness.shape == (4, 1, 10)
    assert (jnp.diff(fitness, axis=0) >= 0).all()


def test_cells_of_ones_own_take_the_place_of_classes():
    by_brightness = evofool.second_axis(
        lambda images: images.mean((1, 2, 3)), names=("dark", "bright"), edges=(0.5,)
    )
    evofool.register_cells("own-loop", by_brightness)
    loop = evofool.ask_tell("mock:3", cells="own-loop", **SETTINGS)
    _, images = loop.ask(loop.init())
    scores = loop.classify(images)
    is_dark = np.asarray(images.mean((2, 3, 4)) < 0.5)
    np.testing.assert_array_equal(scores[..., ::2] > -1e29, np.repeat(is_dark[..., None], 3, -1))


def test_worn_copies_are_refused():
    with pytest.raises(evofool.UserError, match=r"expect is 'shift,noise', .* as they are"):
        evofool.ask_tell("mock:3", expect="shift,noise", **SETTINGS)
