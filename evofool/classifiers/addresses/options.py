"""What the options of an address say about a model."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from evofool.classifiers.card import SCORES, Card
from evofool.support import Address, UserError, parse_json, read_text, unknown_name

_IMAGENET = {"mean": "0.485,0.456,0.406", "std": "0.229,0.224,0.225"}
PRESETS = {  # by the names that the libraries' users know
    "unit": {"range": "1"},
    "levels": {"range": "255"},
    "imagenet": _IMAGENET,
    "inception": {"mean": "0.5", "std": "0.5"},
    "caffe": {"range": "255", "mean": "104,117,123", "bgr": ""},
}
_VALUED = ("card", "input", "mean", "std", "range", "layout", "labels", "prep", "backend", "output")
OPTIONS = (*_VALUED, "bgr", *SCORES)
BACKENDS = ("jax", "onnxruntime")
MOST_LABELS = 2**17


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of an address, read.

    Attributes:
        card: what a card file says; None without one.
        input_shape: (height, width, channels), 0 for a number of channels that was not given.
        mean: subtracted, in the network's channel order and in levels 0..255; None if not given.
        scale: factor after it.
        is_bgr: whether the network's channels are blue, green, red.
        layout: NHWC or NCHW; empty if not given.
        labels: of all outputs or classes; empty if not given.
        scores: what the outputs are; empty if not given.
        backend: what computes.
        output: name of the output to use; None for the first.
    """

    card: Card | None = None
    input_shape: tuple[int, int, int] | None = None
    mean: tuple[float, ...] | None = None
    scale: tuple[float, ...] | None = None
    is_bgr: bool = False
    layout: str = ""
    labels: tuple[str, ...] = ()
    scores: str = ""
    backend: str = "jax"
    output: str | None = None


def read_options(address: Address) -> Options:
    """Reads the options of an address, and the files that they name.

    Raises:
        UserError: an option is unknown, or its value is of no use.
    """
    given = dict(address.options)
    for name, value in given.items():
        if name not in OPTIONS:
            raise unknown_name(f"option of {address}", name, OPTIONS)
        if (name in _VALUED) != bool(value):
            expected = f"{name}=VALUE" if name in _VALUED else f"{name} without a value"
            raise UserError(f"{address}: the option {name} is {value!r}; expected {expected}")
    if (prep := given.pop("prep", None)) is not None:
        if prep not in PRESETS:
            raise unknown_name(f"prep of {address}", prep, PRESETS)
        given = {**PRESETS[prep], **given}
    said = [name for name in SCORES if name in given]
    if len(said) > 1:
        raise UserError(f"{address}: {' and '.join(said)} exclude one another; give one")
    backend = given.get("backend", "jax")
    if backend not in BACKENDS:
        raise unknown_name(f"backend of {address}", backend, BACKENDS)
    mean, scale = _statistics(address, given)
    return Options(
        card=Card.read(Path(given["card"])) if "card" in given else None,
        input_shape=_shape(address, given["input"]) if "input" in given else None,
        mean=mean,
        scale=scale,
        is_bgr="bgr" in given,
        layout=_layout(address, given.get("layout", "")),
        labels=read_labels(Path(given["labels"])) if "labels" in given else (),
        scores=said[0] if said else "",
        backend=backend,
        output=given.get("output"),
    )


def _statistics(
    address: Address, given: dict[str, str]
) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """Returns mean and scale as a card has them: in levels, whatever range the network takes."""
    if not {"mean", "std", "range"} & given.keys():
        return None, None
    (top,) = _numbers(address, "range", given.get("range", "1"), counts=(1,))
    mean = _numbers(address, "mean", given.get("mean", "0"), counts=(1, 3))
    std = _numbers(address, "std", given.get("std", "1"), counts=(1, 3))
    if top <= 0 or min(std) <= 0:
        raise UserError(f"{address}: range and std must be above 0")
    return tuple(255 / top * m for m in mean), tuple(top / 255 / s for s in std)


def _numbers(address: Address, name: str, text: str, counts: tuple[int, ...]) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) not in counts:
        expected = " or ".join(f"{count} number{'s' if count > 1 else ''}" for count in counts)
        example = {"range": "255", "mean": "0.485,0.456,0.406", "std": "0.229,0.224,0.225"}[name]
        raise UserError(
            f"{address}: {name} is {text!r}; expected {expected}, for instance {example}"
        )
    return numbers


def _shape(address: Address, text: str) -> tuple[int, int, int]:
    match = re.fullmatch(r"(\d{1,6})x(\d{1,6})(?:x([13]))?", text)
    if not match:
        raise UserError(
            f"{address}: input is {text!r}; expected HEIGHTxWIDTH or HEIGHTxWIDTHxCHANNELS, for "
            "instance 224x224 or 28x28x1"
        )
    height, width, channels = (int(number or 0) for number in match.groups())
    return height, width, channels


def _layout(address: Address, text: str) -> str:
    if text.upper() not in ("", "NHWC", "NCHW"):
        raise unknown_name(f"layout of {address}", text, ("nhwc", "nchw"))
    return text.upper()


def read_labels(path: Path) -> tuple[str, ...]:
    """Reads labels: a JSON list, a JSON object by index as `id2label`, or a label per line.

    Raises:
        UserError: the file cannot be read, or has no labels.
    """
    text = read_text(path)
    values: object = re.split(r"\r\n|\r|\n", text.rstrip())
    if path.suffix == ".json":
        values = parse_json(text, path)
    if isinstance(values, dict):
        values = values.get("id2label", values)
    if isinstance(values, dict):
        values = _by_index(values)
    if not isinstance(values, list) or not values or len(values) > MOST_LABELS:
        raise UserError(f"{path} has no labels; expected a list of them, or one per line")
    return tuple(value if isinstance(value, str) else str(value) for value in values)


def _by_index(values: dict[str, object]) -> list[object]:
    """Returns labels by index from either {index: label} or {label: index}."""
    pairs: Iterable[tuple[object, object]] = values.items()
    if not all(str(key).isdecimal() for key in values):
        pairs = ((value, key) for key, value in values.items())
    indexed = {int(str(index)): label for index, label in pairs if str(index).isdecimal()}
    return [indexed[index] for index in sorted(indexed)] if len(indexed) == len(values) else []
