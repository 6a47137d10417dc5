"""Calls of devices that are short of memory: smaller micro-batches, and what is said of them."""

import dataclasses
import json
from pathlib import Path

import jax
import numpy as np
import pytest

import evofool
from evofool.evolution import calls, checkpoint, journal, session
from evofool.support import multihost
from evofool.support.errors import UserError
from tests.evofool.loop import (
    Told,
    config_of,
    evolve,
)


class Short(Told):
    """A stand-in for the device's memory: calls with more than `limit` children fail.

    Attributes:
        generation: from which the memory is short.
        moment: "compile", "call", or "donated", when the failed call has taken the state.
    """

    def __init__(self, monkeypatch, limit: int, generation: int, moment: str):
        super().__init__()
        self.limit, self.generation, self.moment = limit, generation, moment
        compile_loop = calls.compile_loop

        def compile_short(plan, *, micro_batch, **others):
            compiled = compile_loop(plan, micro_batch=micro_batch, **others)
            if micro_batch <= limit:
                return compiled
            return compiled._replace(advance=self.Advance(compiled.advance, self))

        monkeypatch.setattr(calls, "compile_loop", compile_short)

    class Advance:
        """A compiled or traced function that fails for lack of memory."""

        def __init__(self, function, memory):
            self._function, self._memory = function, memory

        def lower(self, *arguments):
            return type(self)(self._function.lower(*arguments), self._memory)

        def compile(self):
            if self._memory.moment == "compile":
                raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory compiling")
            return type(self)(self._function.compile(), self._memory)

        def __call__(self, params, rates, state, stop, target):
            if stop <= self._memory.generation:
                return self._function(params, rates, state, stop, target)
            if self._memory.moment == "donated":
                jax.tree.map(lambda leaf: leaf.delete(), state)
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes")


def micro_batches_of(folder: Path) -> list[tuple[int, int]]:
    newest = checkpoint.load_newest(folder / "checkpoints", pytest.fail)
    assert newest is not None
    return newest.micro_batches


@pytest.mark.parametrize(
    ("moment", "generation", "recorded"),
    [
        ("compile", 0, [(0, 2)]),
        pytest.param("call", 0, [(0, 2)], marks=pytest.mark.slow),
        pytest.param("donated", 0, [(0, 2)], marks=pytest.mark.slow),
        # the state is there: it is kept, and the run goes on from it
        ("call", 9, [(0, 5), (9, 2)]),
        # the state is gone: the run goes on from the checkpoint of generation 5
        ("donated", 9, [(0, 5), (6, 2)]),
    ],
)
def test_a_run_that_is_short_of_memory_goes_on_with_smaller_micro_batches(
    tmp_path, whole, monkeypatch, moment, generation, recorded
):
    monkeypatch.setattr(session, "_next_length", lambda length, seconds: 1)
    config = config_of(generations=12, checkpoint_every=5)
    told = Short(monkeypatch, 2, generation, moment)
    evolved, outcome = evolve(tmp_path / "run", config, reporter=told)
    assert outcome.reason == "generations"
    assert micro_batches_of(tmp_path / "run") == recorded
    assert "out of memory with micro-batches of 5: going on with 2" in told.messages
    # another micro-batch changes last bits of the fitness, here of no consequence
    assert evolved.records == whole.records
    assert [line["generation"] for line in evolved.lines] == list(range(13))
    monkeypatch.undo()
    again, _ = evolve(tmp_path / "again", dataclasses.replace(config, micro_batch=2))
    if generation == 0:
        assert again == evolved


def test_a_resumed_run_goes_on_with_the_micro_batch_that_was_recorded_last(tmp_path, monkeypatch):
    Short(monkeypatch, 2, 0, "call")
    run = evofool.evolve(config=config_of(generations=4), out=tmp_path / "run")
    assert run.finished["micro_batches"] == [[0, 2]]
    monkeypatch.undo()
    resumed = evofool.resume(tmp_path / "run", generations=6)
    assert (resumed.config.micro_batch, resumed.micro_batch) == (5, 2)
    assert micro_batches_of(tmp_path / "run") == [(0, 2)]


def test_a_run_that_is_short_of_memory_with_single_images_says_so(tmp_path, monkeypatch):
    told = Short(monkeypatch, 0, 0, "call")
    with pytest.raises(UserError, match=r"out of memory even at micro_batch 1 .* 9 bytes"):
        evolve(tmp_path / "run", config_of(generations=4), reporter=told)
    assert [text for text in told.messages if "memory" in text] == [
        "out of memory with micro-batches of 5: going on with 2",
        "out of memory with micro-batches of 2: going on with 1",
    ]


def test_in_a_job_a_process_short_of_memory_stops_and_leaves_word(tmp_path, monkeypatch):
    Short(monkeypatch, 2, 0, "call")
    monkeypatch.setattr(multihost, "is_alone", lambda: False)
    monkeypatch.setattr(multihost, "from_first", lambda make: make())
    monkeypatch.setattr(multihost, "gather", lambda values: np.array([values]))
    with pytest.raises(UserError, match=r"micro-batches of 5; 'evofool resume .*' goes on with 2"):
        evolve(tmp_path / "run", config_of(generations=4))
    assert json.loads((tmp_path / "run" / journal.MEMORY).read_text()) == {"micro_batch": 2}
    monkeypatch.undo()
    evolve(tmp_path / "run", config_of(generations=4))
    assert micro_batches_of(tmp_path / "run") == [(0, 2)]


def test_other_errors_of_a_call_are_not_taken_for_a_lack_of_memory(tmp_path, monkeypatch):
    def broken(self, state, stop, target):
        raise jax.errors.JaxRuntimeError("INTERNAL: something else")

    monkeypatch.setattr(calls.Caller, "call", broken)
    with pytest.raises(jax.errors.JaxRuntimeError, match="something else"):
        evolve(tmp_path / "run", config_of(generations=4))
