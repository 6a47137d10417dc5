"""Code that a file names: it runs only at the user's word.

A classifier named `module:factory` or `FILE.py:factory` is code, which loading it runs. Typed on
the command line, or written into a program, such a name is the user's word. In a file that may come
from anyone, a run directory's `config.json` or a TOML file, it is not.
"""

import sys
from importlib.machinery import PathFinder
from pathlib import Path
from urllib.parse import quote, unquote_plus

from evofool.support.addresses import parse_address
from evofool.support.errors import UserError
from evofool.support.urls import url_of

MOCK = "mock"
SERVICES = ("http://", "https://", "cmd:")


def split_code(name: str) -> tuple[str, str] | None:
    """Splits the name of a classifier that is code into where it is and its factory.

    Args:
        name: of one classifier, not of an ensemble.

    Returns:
        The module, or the path of a file that ends in .py, and the function in it; None for a
        name that runs nothing.

    Example:
        >>> split_code("mine:make"), split_code("nets/mine.py:make")
        (('mine', 'make'), ('nets/mine.py', 'make'))
        >>> split_code("lenet"), split_code("mock:10:32x32x3"), split_code("onnx:model.onnx")
        (None, None, None)
        >>> split_code("torch:mine:make")
        ('mine', 'make')
    """
    if ":" not in name or name.split(":")[0] == MOCK or is_service(name):
        return None
    address = parse_address(name)
    if address is not None:
        return address.code
    place, _, factory = name.rpartition(":")
    return place, factory


def is_service(name: str) -> bool:
    """Says whether a classifier is a service or a program that is asked about images."""
    return name.startswith(SERVICES)


def with_full_path(name: str) -> str:
    """Names a classifier so that its files, also those of its options, are found from anywhere."""
    if is_service(name):
        place, mark, options = name.partition("#")
        return place + mark + "&".join(map(_with_full_value, options.split("&")))
    address = parse_address(name)
    if address is not None:
        return str(address.with_full_paths())
    code = split_code(name)
    if code is None or not is_python_file(code[0]):
        return name
    return f"{Path(code[0]).absolute()}:{code[1]}"


def _with_full_value(option: str) -> str:
    key, _, value = option.partition("=")
    is_file = key in ("labels", "replies") and value
    return f"{key}={quote(str(Path(unquote_plus(value)).absolute()))}" if is_file else option


def names_code(name: str) -> bool:
    """Says whether to load a classifier, or an ensemble, of this name would run code.

    To send images to a service that only a file names counts as such, and to fetch a model.
    """
    return is_service(name) or any(
        split_code(part) is not None or _is_elsewhere(part) for part in name.split("+")
    )


def _is_elsewhere(name: str) -> bool:
    address = parse_address(name)
    return address is not None and url_of(address.place) is not None


def is_python_file(place: str) -> bool:
    """Says whether the place of a factory is a file and not a module."""
    return place.endswith(".py")


def check_trust(name: str, *, source: str | Path, trust_code: bool) -> None:
    """Makes sure that nothing runs which only a file has named.

    Args:
        name: of a classifier or an ensemble, as the file has it.
        source: the file.
        trust_code: the user's word.

    Raises:
        UserError: the name is code, and the user did not say to run it. The message says which
            file would run.
    """
    if trust_code or not names_code(name):
        return
    code = [] if is_service(name) else [*filter(None, map(split_code, name.split("+")))]
    if not code:
        what = "is asked about images" if is_service(name) else "is fetched"
        raise UserError(
            f"{source} names the classifier {name!r}, which {what}. If you trust that address, add "
            "--trust-code (in Python: trust_code=True), or name a classifier yourself with "
            "--classifier"
        )
    runs = " and ".join(_would_run(place) for place, _ in code)
    raise UserError(
        f"{source} names the classifier {name!r}, which is code: to load it runs {runs}. If you "
        "trust that code, add --trust-code (in Python: trust_code=True), or name a classifier "
        "yourself with --classifier"
    )


def _would_run(place: str) -> str:
    if is_python_file(place):
        return str(Path(place).absolute())
    file = locate_module(place)
    return f"the module {place}, " + (f"from {file}" if file else "which is not found from here")


def locate_module(name: str) -> str | None:
    """Finds the file of a module without running anything, its packages included.

    Args:
        name: dotted, for instance "mine.networks".

    Returns:
        The path; of a folder, where the module is a package without code; None if there is none.
    """
    places = [str(Path.cwd()), *sys.path]
    file = None
    for part in name.split("."):
        spec = PathFinder.find_spec(part, places)
        if spec is None:
            return None
        places = list(spec.submodule_search_locations or ())
        file = spec.origin or next(iter(places), None)
    return file
