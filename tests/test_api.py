"""The conventions of docs and signatures, checked over every public function and class."""

import importlib
import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest

PACKAGES = (
    *("cppn", "archive", "evofool", "evofool.attacks"),
    *("evofool.classifiers", "evofool.data", "evofool.runs"),
)


def public(package: str) -> dict[str, Any]:
    module = importlib.import_module(package)
    return {f"{package}.{name}": getattr(module, name) for name in module.__all__}


def original(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function below jit and the tests' type checks."""
    return inspect.unwrap(function)


NAMES = {name: value for package in PACKAGES for name, value in public(package).items()}
FUNCTIONS = {
    name: original(value)
    for name, value in NAMES.items()
    if callable(value) and not inspect.isclass(value)
}
CLASSES = {name: value for name, value in NAMES.items() if inspect.isclass(value)}
# what a verb is about may be left out and still be given by position
SUBJECTS = {
    "evofool.evolve": ["classifier"],
    "evofool.doctor": ["config"],
    "evofool.reproduce": ["name"],
    "evofool.fetch": ["directory"],
    "evofool.load_cifar10": ["data_dir"],
    "evofool.load_mnist": ["data_dir"],
    "evofool.runs.doctor": ["config"],
    "evofool.runs.goal_switches": ["run_index"],
    "evofool.runs.evolve": ["classifier"],
    "evofool.data.fetch": ["directory"],
    "evofool.data.find_data": ["data_dir"],
    "evofool.data.find_files": ["data_dir"],
    "evofool.data.load_cifar10": ["data_dir"],
    "evofool.data.load_mnist": ["data_dir"],
}


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_are_sorted_and_there(package):
    module = importlib.import_module(package)
    names = list(module.__all__)
    assert sorted(set(names)) == sorted(names)
    assert all(hasattr(module, name) for name in names)
    assert set(names) <= set(dir(module))


@pytest.mark.parametrize("package", [*PACKAGES, "evofool.cli"])
def test_every_package_says_what_it_is(package):
    assert len((importlib.import_module(package).__doc__ or "").strip()) > 40


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_begins_with_a_sentence(name):
    first = (FUNCTIONS[name].__doc__ or "").strip().split("\n")[0]
    assert re.search(r"^[A-Z].*[.?:]$", first), first


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_is_documented_with_its_public_methods(name):
    cls = CLASSES[name]
    assert (cls.__doc__ or "").strip()
    assert not (cls.__doc__ or "").startswith(f"{cls.__name__}("), "only the generated one"
    bare = [
        member
        for member, value in vars(cls).items()
        if not member.startswith("_")
        and (inspect.isfunction(value) or isinstance(value, classmethod | property))
        and not inspect.getdoc(value)
    ]
    assert bare == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_documented_arguments_are_those_of_the_signature(name):
    doc = inspect.getdoc(FUNCTIONS[name]) or ""
    if "Args:" not in doc:
        return
    section = doc.split("Args:\n")[1].split("\n\n")[0]
    documented = re.findall(r"^ {4}\*{0,2}(\w+):", section, flags=re.MULTILINE)
    assert documented == list(inspect.signature(FUNCTIONS[name]).parameters)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_key_comes_first(name):
    parameters = list(inspect.signature(FUNCTIONS[name]).parameters)
    assert "key" not in parameters[1:]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_options_are_given_by_name(name):
    optional = [
        parameter.name
        for parameter in inspect.signature(FUNCTIONS[name]).parameters.values()
        if parameter.default is not parameter.empty and parameter.kind is not parameter.KEYWORD_ONLY
    ]
    assert optional == SUBJECTS.get(name, [])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_signatures_are_annotated_throughout(name):
    signature = inspect.signature(FUNCTIONS[name])
    assert signature.return_annotation is not signature.empty
    bare = [p.name for p in signature.parameters.values() if p.annotation is p.empty]
    assert bare == []
