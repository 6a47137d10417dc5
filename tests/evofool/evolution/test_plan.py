import dataclasses
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import pytest

import cppn
import evofool
from evofool.classifiers import Classifier, load_classifier
from evofool.classifiers import classifier as classifier_module
from evofool.config import CELLS, ENCODINGS, FITNESSES
from evofool.evolution import Plan, loop, make_plan
from evofool.evolution.plan import configure, load_configured
from evofool.support import kept_programs
from tests.evofool.support.test_kept_programs import in_another_process


def plan_of(classifier: Classifier | None = None, **settings: Any) -> Plan:
    config = evofool.make_config(**settings)
    return make_plan(config, configure(classifier or load_classifier("lenet"), config))


@pytest.mark.parametrize("settings", [{}, {"fitness": "probability"}, {"encoding": "direct"}])
def test_programs_of_evofools_own_networks_are_known_by_cards(settings: dict):
    parts = plan_of(**settings).own_parts
    assert parts is not None
    assert {card.name for card, *_ in parts} == {"lenet"}


def test_views_of_an_ensemble_make_other_programs():
    settings = {"classifier": "lenet+lenet", "image_size": 56, "micro_batch": 10}
    parts = [
        make_plan(config, load_configured(config)).own_parts
        for config in (evofool.make_config(views=v, **settings) for v in ("single", "ten-crop"))
    ]
    assert None not in parts
    assert repr(parts[0]) != repr(parts[1])


class TestWithFunctionsOfTheUsers:
    """Nothing but tracing says what they compute."""

    @pytest.mark.parametrize(
        ("registry", "setting"),
        [(FITNESSES, "fitness"), (CELLS, "cells"), (ENCODINGS, "encoding")],
    )
    def test_hooks(self, registry, setting: str, monkeypatch: pytest.MonkeyPatch):
        plan = plan_of()
        monkeypatch.setitem(registry._values, "mine", object())
        config = dataclasses.replace(plan.config, **{setting: "mine"})
        assert dataclasses.replace(plan, config=config).own_parts is None

    def test_activations(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setitem(cppn.ACTIVATIONS, "mine", lambda values: jnp.clip(values, -1, 1))
        assert plan_of(cppn={"activations": ("sine", "mine")}).own_parts is None

    def test_classifiers(self):
        lenet = load_classifier("lenet")
        other = dataclasses.replace(lenet, apply=lambda params, images: lenet.apply(params, images))
        assert plan_of(other).own_parts is None
        assert plan_of(load_classifier("mock:10")).own_parts is None

    def test_families(self, monkeypatch: pytest.MonkeyPatch):
        lenet = load_classifier("lenet")
        make = classifier_module._FAMILIES[lenet.card.family]
        monkeypatch.setitem(
            classifier_module._FAMILIES, lenet.card.family, lambda card, rngs: make(card, rngs)
        )
        assert plan_of(lenet).own_parts is None


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["cppn", "direct"])
def test_a_run_whose_program_was_kept_traces_none_and_leaves_the_same_archive(
    encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(kept_programs, "_folder", tmp_path / "programs")

    def run(name: str, **settings: Any) -> str:
        made = evofool.evolve(
            encoding=encoding,
            generations=3,
            batch_size=20,
            out=tmp_path / name,
            quiet=True,
            **settings,
        )
        return made.finished["archive_sha256"]

    first, other = run("first"), run("other", seed=1)
    in_another_process()
    monkeypatch.setattr(loop.Generation, "step", _never)
    loop._loop.cache_clear()
    assert run("again") == first
    # other rates and seeds are given to the program, which is the same
    faster = {"cppn": {"weight_rate": 0.3}, "direct": {"mutation_rate": 0.3}}
    assert run("faster", seed=1, **faster) not in (first, other)


def _never(*arguments: object) -> None:
    raise AssertionError("traced")
