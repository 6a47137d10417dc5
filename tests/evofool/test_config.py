import dataclasses
import json
import re
import typing

import pytest

from evofool import settings
from evofool.config import (
    PRESETS,
    CppnConfig,
    DirectConfig,
    EvolveConfig,
    PolishConfig,
    from_dict,
    make_config,
)
from evofool.support.errors import UserError

# every field with values it refuses, and what the message must say besides its name
BAD = {
    "classifier": [(7, "text"), (None, "text")],
    "weights": [(3.5, "text")],
    "combine": [("median", "valid: mean, min")],
    "image_size": [(0, r"expected 1\.\."), (10**20, r"expected 1\.\."), (12.5, "whole number")],
    "views": [("tencrop", "did you mean 'ten-crop'")],
    "fitness": [("logodds", "did you mean 'log_odds'"), ("energy", "EVOFOOL_PLUGINS")],
    "cells": [("class", "did you mean 'classes'")],
    "expect": [(3, "text")],
    "expect_by": [("worst", "valid: mean, least")],
    "expect_copies": [(0, r"expected 1\.\."), (10**20, r"expected 1\.\."), (1.5, "whole number")],
    "encoding": [("cpn", "did you mean 'cppn'"), (1, "text")],
    "algorithm": [("map_elites", "did you mean 'map-elites'")],
    "population": [(0, r"1\.\.1048576"), (2**20 + 1, r"1\.\.1048576"), (1.5, "whole number")],
    "generations": [(-1, r"expected 0\.\."), (2.5, "whole number"), (True, "whole number")],
    "batch_size": [(0, r"expected 1\.\."), (10**20, r"expected 1\.\."), ("many", "whole number")],
    "runs": [(0, r"expected 1\.\."), (10**20, r"expected 1\.\.")],
    "seed": [(-1, r"0\.\.4294967295"), (2**32, r"0\.\.4294967295")],
    "classes": [("37", "a list"), (3, "a list")],
    "target_confidence": [(0.0, "between 0 and 1"), (1.0, "between 0 and 1"), ("x", "a number")],
    "max_seconds": [(0.0, "more than 0"), (float("inf"), "more than 0")],
    "max_evaluations": [(0, r"expected 1\.\."), (10**20, r"expected 1\.\."), (1.5, "whole number")],
    "micro_batch": [(0, r"expected 1\.\."), (10**20, r"expected 1\.\.")],
    "checkpoint_every": [(0, r"expected 1\.\."), (10**20, r"expected 1\.\.")],
    "keep_checkpoints": [(0, r"expected 1\.\."), (10**20, r"expected 1\.\.")],
    "log_every": [(0, r"expected 1\.\."), (10**20, r"expected 1\.\.")],
    "cppn": [(3, "table")],
    "direct": [("fast", "table")],
    "cppn.color": [("hsb", "did you mean 'hsv'")],
    "cppn.coordinates": [("centred", "did you mean 'centered'")],
    "cppn.rounding": [("down", "valid: nearest, truncate")],
    "cppn.activations": [((), "name at least one"), ("sine", "a list")],
    "cppn.weight_rate": [(1.5, r"\[0, 1\]"), (-0.1, r"\[0, 1\]"), (float("nan"), r"\[0, 1\]")],
    "cppn.activation_rate": [(2, r"\[0, 1\]")],
    "cppn.add_connection_rate": [(2, r"\[0, 1\]")],
    "cppn.remove_connection_rate": [(2, r"\[0, 1\]")],
    "cppn.add_node_rate": [(2, r"\[0, 1\]"), ("often", "a number")],
    "cppn.remove_node_rate": [(2, r"\[0, 1\]")],
    "cppn.weight_eta": [(0.0, "more than 0")],
    "cppn.fine_rate": [(1.5, r"\[0, 1\]"), ("often", "a number")],
    "cppn.fine_after": [(-1, r"expected 0\.\."), (0.5, "whole number")],
    "cppn.max_nodes": [(0, r"expected 1\.\."), (10**20, r"expected 1\.\.")],
    "cppn.max_connections": [(0, r"expected 1\.\."), (10**20, r"expected 1\.\.")],
    "direct.color": [("hsb", "did you mean 'hsv'")],
    "direct.mutation": [("wave", "did you mean 'waves'")],
    "direct.mutation_rate": [(1.01, r"\[0, 1\]")],
    "direct.halve_every": [(-1, r"expected 0\.\.")],
    "direct.mutation_eta": [(0, "more than 0")],
    "direct.crossover": [("sbxx", "did you mean 'sbx'")],
    "polish": [(3, "expected a table of its settings")],
    "polish.steps": [(-1, r"expected 0\.\."), (1.5, "whole number")],
    "polish.rounds": [(0, r"expected 1\.\.")],
    "polish.weakest": [(0.0, r"in \(0, 1\]"), (1.5, r"in \(0, 1\]"), ("much", "a number")],
    "polish.widen": [(-1, r"expected 0\.\.")],
    "polish.gain": [(0, "more than 0"), ("much", "a number")],
    "polish.batch_size": [(0, r"expected 1\.\.")],
    "polish.evolved_looks": [(0, r"expected 1\.\."), (1.5, "whole number")],
    "polish.classes": [("7", "a list")],
    "direct.crossover_rate": [(-1, r"\[0, 1\]")],
    "direct.crossover_eta": [(0, "more than 0")],
}


def nested(name: str, value: object) -> dict:
    head, _, rest = name.partition(".")
    return {head: nested(rest, value)} if rest else {head: value}


def field_names() -> set[str]:
    names = {field.name for field in dataclasses.fields(EvolveConfig)}
    for prefix, config in (
        ("cppn", CppnConfig),
        ("direct", DirectConfig),
        ("polish", PolishConfig),
    ):
        names |= {f"{prefix}.{field.name}" for field in dataclasses.fields(config)}
    return names


def test_the_table_of_bad_values_has_every_field():
    assert set(BAD) == field_names()


@pytest.mark.parametrize(
    ("name", "value", "says"), [(name, *case) for name, cases in BAD.items() for case in cases]
)
def test_bad_value_is_refused_by_the_name_of_its_field(name, value, says):
    with pytest.raises(UserError, match=says) as caught:
        make_config(**nested(name, value))
    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("batchsize", "batch_size"), ("generation", "generations"), ("sead", "seed")],
)
def test_unknown_setting_offers_the_nearest(wrong, right):
    with pytest.raises(UserError, match=f"unknown setting '{wrong}'; did you mean .*'{right}'"):
        make_config(**{wrong: 1})


def test_unknown_setting_of_an_encoding_offers_the_nearest():
    with pytest.raises(UserError, match=r"'cppn.weight_rat'; did you mean .*'cppn.weight_rate'"):
        make_config(cppn={"weight_rat": 0.2})


def test_unknown_preset_offers_the_nearest():
    with pytest.raises(UserError, match="unknown preset 'mnist-direkt'; did you mean 'mnist-dir"):
        make_config(preset="mnist-direkt")


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_valid_and_survive_json(preset):
    config = make_config(preset=preset)
    assert from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert config.batch_size == (400 if preset in ("imagenet-cppn", "imagenet-polished") else 200)


def test_released_preset_is_the_released_code():
    config = make_config(preset="mnist-cppn-released")
    assert (config.cppn.coordinates, config.cppn.rounding) == ("pixels", "truncate")


def test_defaults_are_the_papers():
    config = make_config()
    assert config == make_config(preset="mnist-cppn")
    rates = [
        getattr(config.cppn, f"{name}_rate")
        for name in (
            "weight",
            "activation",
            "add_connection",
            "remove_connection",
            "add_node",
            "remove_node",
        )
    ]
    assert rates == [0.1, 0.1, 0.5, 0.3, 0.5, 0.2]
    assert (config.direct.mutation_rate, config.direct.halve_every) == (0.1, 1000)


def test_later_sources_win(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(
        'seed = 5\nbatch_size = 30\n[cppn]\nrounding = "nearest"\nadd_node_rate = 0.25\n'
    )
    config = make_config(
        preset="mnist-cppn-released", file=file, seed=9, cppn={"add_node_rate": 0.75}
    )
    assert config.generations == 200  # the default
    assert config.cppn.coordinates == "pixels"  # the preset
    assert config.batch_size == 30  # the file
    assert config.cppn.rounding == "nearest"  # the file over the preset
    assert config.seed == 9  # the argument over the file
    assert config.cppn.add_node_rate == 0.75


def test_whole_numbers_serve_where_numbers_are_meant():
    config = make_config(max_seconds=3, cppn={"weight_rate": 1})
    assert type(config.max_seconds) is float
    assert type(config.cppn.weight_rate) is float


def test_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"cannot read .*none\.toml: No such"):
        make_config(file=tmp_path / "none.toml")


@pytest.mark.parametrize("content", [b"seed = = 3", b"\xff\xfe"])
def test_file_that_is_not_toml_is_named(tmp_path, content):
    (tmp_path / "bad.toml").write_bytes(content)
    with pytest.raises(UserError, match=r"bad\.toml is not (valid TOML|UTF-8 text)"):
        make_config(file=tmp_path / "bad.toml")


def test_seeds_of_all_runs_fit():
    assert make_config(seed=2**32 - 3, runs=3).runs == 3
    with pytest.raises(UserError, match=r"seed is 4294967294 with 3 run\(s\)"):
        make_config(seed=2**32 - 2, runs=3)


@pytest.mark.parametrize(
    ("generations", "max_evaluations", "last"),
    [(200, None, 200), (200, 40_200, 200), (200, 40_199, 199), (200, 200, 0), (5, 10**9, 5)],
)
def test_last_generation_is_the_last_that_can_be_paid_for(generations, max_evaluations, last):
    config = make_config(generations=generations, max_evaluations=max_evaluations)
    assert config.last_generation == last


def test_fewer_evaluations_than_the_initial_population_are_refused():
    with pytest.raises(UserError, match=r"max_evaluations is 199, .* batch_size = 200"):
        _ = make_config(max_evaluations=199).last_generation


@pytest.mark.parametrize(
    ("given", "config"),
    [
        (settings.Settings, EvolveConfig),
        (settings.CppnSettings, CppnConfig),
        (settings.DirectSettings, DirectConfig),
        (settings.PolishSettings, PolishConfig),
    ],
)
def test_keyword_arguments_are_the_fields_and_have_their_types(given, config):
    fields = {field.name: str(field.type) for field in dataclasses.fields(config)}
    for name in ("classifier", "fitness", "cells"):  # arguments of `evolve` by themselves
        fields.pop(name, None)
    hints = {
        name: re.sub(r"collections.abc.Sequence\[(.*?)\]", r"tuple[\1, ...]", str(hint))
        for name, hint in typing.get_type_hints(given).items()
    }
    assert {n: re.sub(r" \| evofool.settings.\w+", "", hint) for n, hint in hints.items()} == {
        name: re.sub(r"<class '(evofool.*)'>", r"\1", kind) for name, kind in fields.items()
    }
