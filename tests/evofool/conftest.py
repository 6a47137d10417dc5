"""Finished runs for all tests that look at runs."""

from pathlib import Path

import pytest

import evofool
from evofool import Run
from tests.evofool import imagenet_mock


def _evolved(folder: Path, **settings: object) -> Run:
    return evofool.evolve("mock:10", batch_size=30, generations=12, out=folder, **settings)


@pytest.fixture(scope="session")
def cppn_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Ten classes, two independent runs, drawn by CPPNs."""
    return _evolved(tmp_path_factory.mktemp("cppn"), encoding="cppn", runs=2)


@pytest.fixture(scope="session")
def direct_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Three of ten classes, directly encoded, seed 5."""
    classes = ("3", "class 7", "9")
    return _evolved(tmp_path_factory.mktemp("direct"), encoding="direct", seed=5, classes=classes)


@pytest.fixture(scope="session")
def imagenet_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The 1000 classes of ImageNet, drawn by colour CPPNs."""
    folder = tmp_path_factory.mktemp("imagenet")
    return evofool.evolve(imagenet_mock.NAME, batch_size=40, generations=3, out=folder)
