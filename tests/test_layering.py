"""Arrows point one way, to cppn and archive; a package's `__init__` is its only door."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("cppn", "archive", "evofool")
# evofool's own packages, entered by their doors as well
INNER = tuple(
    f"evofool.{room}"
    for room in (
        *("support", "images", "classifiers", "data", "evaluation", "evolution", "runs"),
        *("training", "attacks", "analysis", "experiments", "cli"),
    )
)
FORBIDDEN = {
    "cppn": ("archive", "evofool"),
    "archive": ("cppn", "evofool"),
    "evofool": ("tests", "scripts"),
}


class Import(NamedTuple):
    """One imported name: `from module import name`, or `import module`, where name is empty."""

    file: Path
    line: int
    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}: {self.module} {self.name}"


def files_of(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imports_of(file: Path) -> Iterator[Import]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(file, node.lineno, alias.name, "")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: write imports in full"
            for alias in node.names:
                yield Import(file, node.lineno, node.module or "", alias.name)


def is_within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts)


@pytest.mark.parametrize("package", FORBIDDEN)
def test_arrows_point_one_way(package):
    wrong = [
        str(found)
        for file in files_of(package)
        for found in imports_of(file)
        if any(is_within(found.module, other) for other in FORBIDDEN[package])
    ]
    assert wrong == []


@pytest.mark.parametrize("door", ["cppn", "archive", *INNER])
def test_packages_are_entered_by_their_doors(door):
    public = set(getattr(importlib.import_module(door), "__all__", ["main"]))
    # benchmarks, among the scripts, take evofool apart
    folders = PACKAGES if door in INNER else (*PACKAGES, "scripts")
    outside = [
        found
        for folder in folders
        for file in files_of(folder)
        if not is_within(module_of(file), door)
        for found in imports_of(file)
    ]
    beside = [str(found) for found in outside if found.module.startswith(f"{door}.")]
    assert beside == []
    private = [str(f) for f in outside if f.module == door and f.name and f.name not in public]
    assert private == []


@pytest.mark.parametrize("door", ["cppn", "archive"])
def test_only_public_names_are_used_of_a_package(door):
    public = set(importlib.import_module(door).__all__)
    wrong = [
        f"{file.relative_to(ROOT)}:{node.lineno}: {door}.{node.attr}"
        for folder in ("evofool", "scripts")
        for file in files_of(folder)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == door
        and node.attr not in public
    ]
    assert wrong == []


def test_no_module_is_imported_in_a_circle():
    modules = {module_of(file): file for package in PACKAGES for file in files_of(package)}
    graph = {
        name: {
            target
            for found in _at_import(file)
            for target in (found.module, f"{found.module}.{found.name}")
            if target in modules and target != name
        }
        for name, file in modules.items()
    }
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, f"a circle: {' <- '.join((*path, name))}"
        if name not in done:
            for target in sorted(graph[name]):
                visit(target, (*path, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def _at_import(file: Path) -> Iterator[Import]:
    """The imports that run when the module is loaded."""
    lines = {
        node.lineno
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    return (found for found in imports_of(file) if found.line in lines)
