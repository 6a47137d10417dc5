"""What a user says about a model: in the options of an address, or in Python."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TypedDict

import numpy as np

from evofool.classifiers.card import SCORES, Card
from evofool.support import Address, UserError, parse_json, read_text, unknown_name

_IMAGENET: Mapping[str, object] = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
PRESETS: Mapping[str, Mapping[str, object]] = {  # by the names that the libraries' users know
    "unit": {"range": 1},
    "levels": {"range": 255},
    "imagenet": _IMAGENET,
    "inception": {"mean": 0.5, "std": 0.5},
    "caffe": {"range": 255, "mean": (104, 117, 123), "bgr": ""},
}
_VALUED = ("card", "input", "mean", "std", "range", "layout", "labels", "prep", "backend", "output")
OPTIONS = (*_VALUED, "bgr", *SCORES)
BACKENDS = ("jax", "native", "onnxruntime", "auto")  # of formats that more than JAX computes
_BACKENDS_OF = {
    **dict.fromkeys(("onnx", "torch", "torchscript", "timm", "hf"), BACKENDS),
    "tflite": ("jax", "native", "auto"),
}
_PREPARED = frozenset(("prep", "range", "mean", "std", "bgr"))
_EXAMPLES = {"range": "255", "mean": "0.485,0.456,0.406", "std": "0.229,0.224,0.225"}
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
        backend: what computes; empty for JAX where it can.
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
    backend: str = ""
    output: str | None = None


class Described(TypedDict, total=False):
    """What a user says in Python about a model; the same as in the options of an address.

    Attributes:
        name: on its card; that of its type unless given.
        card: its card, or the file of one.
        input: (height, width) or (height, width, channels) of its images, or "HEIGHTxWIDTH".
        prep: one of `PRESETS`, which stands for the next four.
        range: largest value of an image before `mean` and `std`.
        mean: subtracted, in that range and in the model's channel order.
        std: divided by.
        bgr: whether its channels are blue, green, red.
        layout: "nchw" or "nhwc".
        labels: of all outputs, or a file of them.
        scores: what the outputs are, one of `SCORES`.
        backend: what computes it.
    """

    name: str
    card: Card | str | Path
    input: Sequence[int] | str
    prep: str
    range: float
    mean: float | Sequence[float]
    std: float | Sequence[float]
    bgr: bool
    layout: str
    labels: Sequence[str] | Path
    scores: str
    backend: str


def read_options(address: Address, told: Mapping[str, object] = MappingProxyType({})) -> Options:
    """Reads the options of an address, and the files that they name.

    Args:
        address: of the model.
        told: what the model's own configuration says, as in `Described`; options take its place,
            and a card that of all of it.

    Raises:
        UserError: an option is unknown, or its value is of no use.
    """
    for name, value in address.options.items():
        if name not in OPTIONS:
            raise unknown_name(f"option of {address}", name, OPTIONS)
        if (name in _VALUED) != bool(value):
            expected = f"{name}=VALUE" if name in _VALUED else f"{name} without a value"
            raise UserError(f"{address}: the option {name} is {value!r}; expected {expected}")
    given = address.options
    if "card" in given:
        told = {}
    elif not _PREPARED.isdisjoint(given):
        told = {key: value for key, value in told.items() if key not in _PREPARED}
    return _options(address, {**told, **given})


def options_of(address: Address, described: Described) -> Options:
    """Returns the options of a model in memory.

    Raises:
        UserError: one is unknown, or its value is of no use.
    """
    for name in described:
        if name not in Described.__annotations__:
            raise unknown_name(f"argument for {address}", name, Described.__annotations__)
    given: dict[str, object] = {
        k: v for k, v in described.items() if v is not None and v is not False
    }
    if (scores := given.pop("scores", None)) is not None:
        if scores not in SCORES:
            raise unknown_name(f"scores of {address}", str(scores), SCORES)
        given[str(scores)] = ""
    return _options(address, given)


def usual_cards(card: Card) -> dict[str, Card]:
    """Returns a card with each of the usual preprocessings, by the option that stands for it."""
    cards: dict[str, Card] = {}
    channels = card.input_shape[2]
    for prep in PRESETS:
        options = _options(Address("onnx", card.name), {"prep": prep})
        assert options.mean is not None
        assert options.scale is not None
        if max(len(options.mean), len(options.scale)) > channels:
            continue  # of colours, for a grey model
        for is_bgr in sorted({options.is_bgr, True}) if channels == 3 else [False]:
            order = "grey" if channels == 1 else "BGR" if is_bgr else "RGB"
            mean = options.mean * (channels // len(options.mean))
            scale = options.scale * (channels // len(options.scale))
            name = f"prep={prep}&bgr" if is_bgr and not options.is_bgr else f"prep={prep}"
            cards[name] = replace(card, mean=mean, scale=scale, channel_order=order, probe=())
    return cards


def _options(address: Address, given: Mapping[str, object]) -> Options:
    """Resolves options, whose values are text or what `Described` holds."""
    if (prep := given.get("prep")) is not None:
        if prep not in PRESETS:
            raise unknown_name(f"prep of {address}", str(prep), PRESETS)
        given = {**PRESETS[str(prep)], **given}
    said = [name for name in SCORES if name in given]
    if len(said) > 1:
        raise UserError(f"{address}: {' and '.join(said)} exclude one another; give one")
    mean, scale = _statistics(address, given)
    output = given.get("output")
    return Options(
        card=_card(given["card"]) if "card" in given else None,
        input_shape=_shape(address, given["input"]) if "input" in given else None,
        mean=mean,
        scale=scale,
        is_bgr="bgr" in given,
        layout=_layout(address, str(given.get("layout", ""))),
        labels=_labels(given["labels"]) if "labels" in given else (),
        scores=said[0] if said else "",
        backend=_backend(address, given["backend"]) if "backend" in given else "",
        output=None if output is None else str(output),
    )


def _backend(address: Address, backend: object) -> str:
    if address.scheme not in _BACKENDS_OF:
        raise UserError(f"{address}: {address.scheme} has one backend; leave the option out")
    if backend not in _BACKENDS_OF[address.scheme]:
        raise unknown_name(f"backend of {address}", str(backend), _BACKENDS_OF[address.scheme])
    return str(backend)


def _card(card: object) -> Card:
    return card if isinstance(card, Card) else Card.read(Path(str(card)))


def _labels(labels: object) -> tuple[str, ...]:
    """Returns labels; text and paths are the file that they are in."""
    if isinstance(labels, Sequence) and not isinstance(labels, str):
        return tuple(map(str, labels))
    return read_labels(Path(str(labels)))


def _statistics(
    address: Address, given: Mapping[str, object]
) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """Returns mean and scale as a card has them: in levels, whatever range the network takes."""
    if not {"mean", "std", "range"} & given.keys():
        return None, None
    (top,) = _numbers(address, "range", given.get("range", 1), counts=(1,))
    mean = _numbers(address, "mean", given.get("mean", 0), counts=(1, 3))
    std = _numbers(address, "std", given.get("std", 1), counts=(1, 3))
    if top <= 0 or min(std) <= 0:
        raise UserError(f"{address}: range and std must be above 0")
    return tuple(255 / top * m for m in mean), tuple(top / 255 / s for s in std)


def _numbers(
    address: Address, name: str, value: object, counts: tuple[int, ...]
) -> tuple[float, ...]:
    parts = value.split(",") if isinstance(value, str) else np.ravel(np.asarray(value)).tolist()
    try:
        numbers = tuple(map(float, parts))
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) not in counts:
        expected = " or ".join(f"{count} number{'s' if count > 1 else ''}" for count in counts)
        raise UserError(
            f"{address}: {name} is {value!r}; expected {expected}, for instance {_EXAMPLES[name]}"
        )
    return numbers


def _shape(address: Address, value: object) -> tuple[int, int, int]:
    text = str(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        text = "x".join(map(str, value))
    match = re.fullmatch(r"(\d{1,6})x(\d{1,6})(?:x([13]))?", text)
    if not match:
        raise UserError(
            f"{address}: input is {value!r}; expected HEIGHTxWIDTH or HEIGHTxWIDTHxCHANNELS, for "
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
