"""The conventions of docs and signatures, held by everything that is public.

Each test looks at all public functions or classes, and lists those that break a convention.
"""

import importlib
import inspect
import re
from collections.abc import Callable
from typing import Any

from jaxtyping import AbstractArray

from tests.doors import DOORS, public

SENTENCE = r"^[A-Z].*[.?:]$"
# a sentence says what one or two parameters are; more are listed
MAX_UNLISTED = 2
# what a verb is about may be left out and still be given by position
SUBJECTS = {
    "evofool.measures.cosine": ["others"],
    "evofool.attacks.attack": ["classifier"],
    "evofool.cli.main": ["arguments"],
    "evofool.data.fetch": ["directory"],
    "evofool.data.find_data": ["data_dir"],
    "evofool.data.find_files": ["data_dir"],
    "evofool.data.load_cifar10": ["data_dir"],
    "evofool.data.load_cifar10_tests": ["data_dir"],
    "evofool.data.load_mnist": ["data_dir"],
    "evofool.evaluation.accuracy": ["classifier"],
    "evofool.evaluation.classify": ["classifier"],
    "evofool.experiments.reproduce": ["name"],
    "evofool.evolution.ask_tell": ["classifier"],
    "evofool.runs.doctor": ["config"],
    "evofool.runs.evolve": ["classifier"],
    "evofool.runs.goal_switches": ["run_index"],
    "evofool.training.with_class": ["label"],
    "evofool.web.serve": ["run"],
}


def is_function(value: object) -> bool:
    """Whether a public name is a function, not a class, an alias of a type or a constant."""
    return inspect.isroutine(inspect.unwrap(value)) if callable(value) else False


# the same object may be let out by several doors: the first, which is that of its room, names it
HOMES = {
    id(value): f"{door}.{name}" for door in reversed(DOORS) for name, value in public(door).items()
}
VALUES = {HOMES[id(value)]: value for door in DOORS for value in public(door).values()}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: inspect.unwrap(value) for name, value in VALUES.items() if is_function(value)
}
CLASSES = {
    name: value
    for name, value in VALUES.items()
    if inspect.isclass(value) and not issubclass(value, AbstractArray)  # a shape, not a class
}


def parameters_of(function: Callable[..., Any]) -> list[inspect.Parameter]:
    return list(inspect.signature(function).parameters.values())


def listed(function: Callable[..., Any]) -> list[str] | None:
    """Returns the parameters that a docstring lists under "Args:"; None without such a list."""
    _, heading, rest = (inspect.getdoc(function) or "").partition("Args:\n")
    if not heading:
        return None
    return re.findall(r"^ {4}\*{0,2}(\w+):", rest.split("\n\n")[0], flags=re.MULTILINE)


def test_functions_and_classes_of_all_rooms_are_looked_at():
    looked_at = {".".join(name.split(".")[:-1]) for name in (*FUNCTIONS, *CLASSES)}
    assert looked_at >= set(DOORS) - {"evofool"}  # evofool's own names come from the rooms
    assert len(FUNCTIONS) > 200
    assert len(CLASSES) > 50


def test_public_names_are_sorted_and_listed_once():
    wrong = [
        door
        for door in DOORS
        for names in [list(importlib.import_module(door).__all__)]
        if len(set(names)) < len(names) or not set(names) <= set(dir(importlib.import_module(door)))
    ]
    assert wrong == []


def test_every_package_says_what_it_is():
    docs = {door: importlib.import_module(door).__doc__ or "" for door in DOORS}
    assert [door for door, doc in docs.items() if len(doc.strip()) <= 40] == []


def test_every_function_begins_with_a_sentence():
    first_lines = {
        name: (function.__doc__ or "").strip().split("\n")[0]
        for name, function in FUNCTIONS.items()
    }
    wrong = {name: line for name, line in first_lines.items() if not re.search(SENTENCE, line)}
    assert wrong == {}


def test_every_class_is_documented():
    wrong = [
        name
        for name, cls in CLASSES.items()
        for doc in [(cls.__doc__ or "").strip()]
        if not doc or doc.startswith(f"{cls.__name__}(")  # only the generated one
    ]
    assert wrong == []


def test_public_methods_are_documented():
    bare = [
        f"{name}.{member}"
        for name, cls in CLASSES.items()
        for member, value in vars(cls).items()
        if not member.startswith("_")
        and (inspect.isfunction(value) or isinstance(value, classmethod | property))
        and not inspect.getdoc(value)
    ]
    assert bare == []


def test_listed_arguments_are_those_of_the_signature():
    wrong = {
        name: listed(function)
        for name, function in FUNCTIONS.items()
        if listed(function) not in (None, [p.name for p in parameters_of(function)])
    }
    assert wrong == {}


def test_functions_of_many_arguments_list_them():
    unlisted = [
        name
        for name, function in FUNCTIONS.items()
        if listed(function) is None and len(parameters_of(function)) > MAX_UNLISTED
    ]
    assert unlisted == []


def test_key_comes_first():
    wrong = [
        name
        for name, function in FUNCTIONS.items()
        if "key" in [parameter.name for parameter in parameters_of(function)[1:]]
    ]
    assert wrong == []


def test_options_are_given_by_name():
    by_position = {
        name: [
            parameter.name
            for parameter in parameters_of(function)
            if parameter.default is not parameter.empty
            and parameter.kind is not parameter.KEYWORD_ONLY
        ]
        for name, function in FUNCTIONS.items()
    }
    assert {name: options for name, options in by_position.items() if options} == SUBJECTS


def test_signatures_are_annotated_throughout():
    bare = [
        name
        for name, function in FUNCTIONS.items()
        for signature in [inspect.signature(function)]
        if signature.return_annotation is signature.empty
        or any(p.annotation is p.empty for p in signature.parameters.values())
    ]
    assert bare == []
