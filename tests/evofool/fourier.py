"""The encoding of the tutorial, registered as "fourier"."""

from evofool.classifiers import run_code
from tests.doors import ROOT

FILE = ROOT / "docs/tutorials/fourier.py"


def register() -> None:
    run_code(str(FILE))
