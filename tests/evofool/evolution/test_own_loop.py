import jax
import numpy as np

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
    assert (np.diff(np.asarray(fitness), axis=0) >= 0).all()
