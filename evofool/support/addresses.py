"""Addresses of models that others made: `SCHEME:PLACE?option=value&option`.

The place is a file, or for some schemes code of the user's (`torch:module:factory`) or a name in
the cache of a library (`timm:resnet18`). Letters that an address uses itself are written as in web
addresses: `%3F` for a question mark in the name of a file, `%26` for an ampersand in a value, `%2B`
for a plus, which joins the members of an ensemble.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote, unquote

from evofool.support.errors import UserError
from evofool.support.urls import full_path, url_of

SCHEMES = ("onnx", "tflite", "keras", "torch", "torchscript", "jaxexport", "timm", "hf")
_WITH_NAMES = ("timm", "hf")  # whose place may be a name in the cache of a library
_WITH_CODE = ("torch",)  # whose place may be a factory, module:factory or FILE.py:factory
_FILES = (".pt2", ".pt", ".pth", ".th", ".ckpt", ".bin")  # what such a place ends in if it is none
_PATHS = ("card", "labels")  # options whose values are files
_PLAIN = "/:\\,. ~@()[]"  # letters that stay as they are when an address is written


@dataclass(frozen=True)
class Address:
    """Where a model is, and what the user says about it.

    Attributes:
        scheme: the format, one of `SCHEMES`.
        place: a file or folder, `module:factory`, or a name in the cache of a library.
        options: by name; a word without a value has the value "".
    """

    scheme: str
    place: str
    options: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        words = [_written(k) + (f"={_written(v)}" if v else "") for k, v in self.options.items()]
        query = f"?{'&'.join(words)}" if words else ""
        return f"{self.scheme}:{_written(self.place)}{query}"

    @property
    def path(self) -> Path:
        """The file, where the place is one."""
        return Path(self.place).expanduser()

    @property
    def code(self) -> tuple[str, str] | None:
        """The module or the .py file, and the factory in it; None where the place is no code."""
        is_file = ":" not in self.place or self.place.lower().endswith(_FILES)
        if self.scheme not in _WITH_CODE or is_file:
            return None
        module, _, factory = self.place.rpartition(":")
        return module, factory

    @property
    def is_name(self) -> bool:
        """Whether the place is a name in the cache of a library: folders have a slash in them."""
        is_folder = "/" in self.place and (url_of(self.place) or self.path.is_dir())
        return self.scheme in _WITH_NAMES and not is_folder

    def with_full_paths(self) -> "Address":
        """Returns the address as it is from any folder."""
        code = self.code
        if self.is_name:
            place = self.place
        elif code is None:
            place = full_path(self.place) if url_of(self.place) else str(self.path.absolute())
        elif code[0].endswith(".py"):
            place = f"{Path(code[0]).absolute()}:{code[1]}"
        else:
            place = self.place
        full = {k: str(Path(v).absolute()) for k, v in self.options.items() if k in _PATHS and v}
        return Address(self.scheme, place, {**self.options, **full})


def with_backend(name: str, backend: str) -> str:
    """Returns the name of a classifier with an option that says what computes it.

    Args:
        name: an address; other names come back as they are.
        backend: as in the option.

    Example:
        >>> with_backend("onnx:digits.onnx?bgr&backend=auto", "native")
        'onnx:digits.onnx?bgr&backend=native'
    """
    address = parse_address(name)
    if address is None:
        return name
    return str(replace(address, options={**address.options, "backend": backend}))


def parse_address(name: str) -> Address | None:
    """Reads an address.

    Args:
        name: of one classifier.

    Returns:
        The address; None for a name that begins with no scheme.

    Raises:
        UserError: it names nothing, or an option twice.

    Example:
        >>> parse_address("onnx:nets/digits.onnx?range=255&bgr")
        Address(scheme='onnx', place='nets/digits.onnx', options={'range': '255', 'bgr': ''})
        >>> parse_address("mock:10") is None
        True
    """
    scheme, colon, rest = name.partition(":")
    if not colon or scheme not in SCHEMES:
        return None
    place, _, query = rest.partition("?")
    if not place:
        what = "NAME" if scheme in _WITH_NAMES else "FILE"
        raise UserError(f"classifier {name!r} names no model; expected {scheme}:{what}")
    options: dict[str, str] = {}
    for word in filter(None, query.split("&")):
        key, _, value = (unquote(part) for part in word.partition("="))
        if key in options:
            raise UserError(f"classifier {name!r} has the option {key} twice; give it once")
        options[key] = value
    return Address(scheme, unquote(place), options)


def _written(text: str) -> str:
    return quote(text, safe=_PLAIN)
