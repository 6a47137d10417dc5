"""Classifiers that are code of the user's: `module:factory` or `FILE.py:factory`.

Whether the code may run is for the caller to know, see `evofool.support.trust`.
"""

import dataclasses
import importlib
import importlib.util
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from evofool.classifiers.blaming import blaming
from evofool.classifiers.classifier import Classifier
from evofool.classifiers.rewriting import Rewritten
from evofool.support import SCHEMES, UserError, is_python_file, unknown_name

# Prefixes of addresses elsewhere. Modules of some of these names are installed in many places:
# importing one of them would run foreign code, and say nothing about the model that is meant.
_SCHEMES = ("sklearn", "tfjs", "http", "https", "file", "cmd")
_WRAPPED = {"torch.nn": "from_torch", "keras": "from_keras", "tensorflow": "from_keras"}


def load_own(name: str, place: str, factory: str) -> Classifier:
    """Imports the code that `name` stands for and calls its factory.

    Args:
        name: as the user gave it, for messages.
        place: the module, or the path of a file that ends in .py.
        factory: the function in it, without arguments, that returns a `Classifier`.

    Raises:
        UserError: there is no such module, file or function, it fails, or returns something else.
    """
    made = make_own(name, place, factory)
    if not isinstance(made, Classifier):
        raise _no_classifier(name, made)
    is_ours = getattr(made.apply, "__module__", "").startswith("evofool.")
    if made.is_jax and not is_ours:
        return dataclasses.replace(made, apply=Rewritten(made.apply))
    return made


def make_own(name: str, place: str, factory: str) -> object:
    """Imports code and returns what its factory makes; otherwise as `load_own`."""
    _check_place(name, place, factory)
    with blaming(name):
        module = _module_in(Path(place)) if is_python_file(place) else _module(name, place)
    make = getattr(module, factory, None)
    if not callable(make):
        functions = [k for k, v in vars(module).items() if callable(v) and not k.startswith("_")]
        raise unknown_name(f"function in {module.__file__}", factory, functions)
    with blaming(name):
        return make()


def run_code(place: str) -> None:
    """Imports a module, or runs a file that ends in .py, once in a process.

    Raises:
        UserError: there is no such module or file, or it fails.
    """
    if is_python_file(place) and not Path(place).is_file():
        raise UserError(f"there is no file {Path(place).absolute()}")
    with blaming(place):
        if is_python_file(place):
            _module_in(Path(place))
        else:
            _search(Path.cwd())
            importlib.import_module(place)


def _check_place(name: str, place: str, factory: str) -> None:
    """Refuses what is neither a module nor a file, before anything is imported."""
    scheme = name.split(":")[0]
    if scheme in _SCHEMES:
        raise UserError(
            f"classifier {name!r}: addresses that begin with {scheme}: are not supported (those "
            f"with {': '.join(SCHEMES)}: are); write a function that loads the model and returns "
            "an evofool.Classifier, and give it as FILE.py:factory"
        )
    if not factory or not place:
        raise UserError(
            f"classifier {name!r}: expected module:factory or FILE.py:factory, for instance "
            "mine:make or mine.py:make"
        )
    if is_python_file(place):
        if not Path(place).is_file():
            raise UserError(f"classifier {name!r}: there is no file {Path(place).absolute()}")
    elif not (re.fullmatch(r"\w+(\.\w+)*", place) and factory.isidentifier()):
        raise UserError(
            f"classifier {name!r}: {place!r} is no module, and no file that ends in .py; expected "
            "module:factory or FILE.py:factory"
        )


def _module(name: str, place: str) -> ModuleType:
    _search(Path.cwd())  # a console script does not search it by itself
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{place}.".startswith(f"{error.name}."):
            raise  # the module is there, and something that it imports is not
        raise UserError(
            f"classifier {name!r}: there is no module {place!r} in the working directory or among "
            "the installed packages; give its file, FILE.py:factory"
        ) from error


def _module_in(path: Path) -> ModuleType:
    """Runs a file once, under a name of its own, with the files beside it in reach."""
    path = path.absolute()
    name = f"evofool_file:{path}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None  # as the file ends in .py
    assert spec.loader is not None
    _search(path.parent)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _search(folder: Path) -> None:
    """Lets modules in a folder be imported."""
    is_searched = str(folder) in sys.path or ("" in sys.path and folder == Path.cwd())
    if not is_searched:
        sys.path.insert(0, str(folder))


def _no_classifier(name: str, made: object) -> UserError:
    """Makes the error for a factory that returned something else, with the remedy where known."""
    kind = type(made).__name__
    if isinstance(made, Sequence) and any(isinstance(part, Classifier) for part in made):
        return UserError(f"classifier {name!r} gave a {kind} of classifiers; expected one")
    modules = [base.__module__ for base in type(made).__mro__]
    for library, helper in _WRAPPED.items():
        if any(f"{module}.".startswith(f"{library}.") for module in modules):
            return UserError(
                f"classifier {name!r} gave a {kind}, of which nobody says what images it takes: "
                f"return evofool.{helper}(model, input=(height, width), ...)"
            )
    return UserError(
        f"classifier {name!r} gave a {kind}; expected an evofool.classifiers.Classifier"
    )
