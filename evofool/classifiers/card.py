"""The card: what a classifier is, and how an image becomes its input.

A card is a JSON file beside the weights it describes, with the same stem. Images are float32 values
`[height, width, channels]` in [0, 1], RGB or grey; the input of the network is

    (255 * image - mean) * scale        (per channel, after reordering the channels)
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from evofool.classifiers.names import current_name
from evofool.support import JsonValue, UserError, read_json, unknown_name, write_json

ImageBatch = Float[Array, "batch height width channels"]
"""Values in [0, 1], or the same after preprocessing."""

CHANNEL_ORDERS = ("grey", "RGB", "BGR")
LAYOUTS = ("", "NHWC", "NCHW")
SCORES = ("logits", "probabilities", "sigmoids", "score")
ACTIVATIONS = ("relu", "sigmoid")
PADDINGS = ("symmetric", "SAME")
INTERPOLATIONS = ("bicubic", "bilinear", "nearest")
_OPTIONS = {
    "channel_order": CHANNEL_ORDERS,
    "activation": ACTIVATIONS,
    "padding": PADDINGS,
    "interpolation": INTERPOLATIONS,
    "layout": LAYOUTS,
    "scores": SCORES,
}
DIGITS = tuple("0123456789")
# Far above what classifiers have, and far below what fills the memory.
MOST_VALUES = 2**24  # of an image: 4096 x 4096, grey
MOST_OUTPUTS = 2**17
MOST_LETTERS = 1000  # of a label; the longest of ImageNet's has 131


@dataclass(frozen=True, kw_only=True)
class Card:
    """Everything about a classifier except its weights.

    Attributes:
        name: what users call it.
        family: the architecture, a name that `register_family` knows; a former name is replaced
            by today's. "own" is a function of the user's, which preprocesses its images itself.
        input_shape: (height, width, channels) of an image.
        outputs: number of outputs of the network.
        class_offset: output index of class 0; outputs before it ("background") are no classes.
        labels: name of every class, `outputs - class_offset` of them.
        channel_order: channels of the network's input: grey, RGB or BGR; by default grey or RGB,
            as `input_shape` has one channel or three.
        mean: subtracted per channel, in levels 0..255, in the network's channel order; by default
            zeros.
        scale: factor after the subtraction; one number, or one per channel.
        ids: WordNet id of every class ("n02317335"), or nothing.
        resize: pixels that a photograph's shorter side is first scaled to; 0 does not scale it.
        crop: side of the centre crop that follows, in pixels; 0 takes the largest square.
        interpolation: how a photograph is scaled, before the crop and to `input_shape` after it.
        background: level 0..255 of the ground of the images that the network was trained on; None
            where they have none, as photographs. By default that of MNIST, 0, for a network of
            MNIST's digits.
        width: multiplier of the channels, in families that have one.
        padding: where a strided convolution puts uneven zeros, in families that have both: SAME is
            TensorFlow's (below and right), symmetric is PyTorch's and Caffe's.
        activation: nonlinearity, in families that have both: relu or sigmoid.
        sha256: of the weights file, hexadecimal; empty when there is none.
        test_accuracy: share of the data set's test images classified correctly, in [0, 1].
        probe: the network's first outputs, at most ten, for a test image (see
            `check_classifier`); empty when none were recorded.
        layout: of the input of a network in a file: NHWC, or NCHW, channels first; empty where
            evofool builds the network.
        scores: what such a network's outputs are: "logits"; softmax "probabilities"; "sigmoids", a
            probability for each class by itself; or a single "score" whose logistic function is
            the probability of the second of two classes.
        guessed: fields of a file's network that nobody has said and the file does not tell.
        notes: how the weights were made.
    """

    name: str
    family: str = "own"
    input_shape: tuple[int, int, int]
    outputs: int
    class_offset: int = 0
    labels: tuple[str, ...]
    channel_order: str = ""
    mean: tuple[float, ...] = ()
    scale: float | tuple[float, ...] = 1 / 255
    ids: tuple[str, ...] = ()
    resize: int = 0
    crop: int = 0
    interpolation: str = "bicubic"
    background: int | None = None
    width: float = 1.0
    padding: str = "symmetric"
    activation: str = "relu"
    sha256: str = ""
    test_accuracy: float | None = None
    probe: tuple[float, ...] = ()
    layout: str = ""
    scores: str = "logits"
    guessed: tuple[str, ...] = ()
    notes: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "family", current_name(self.family))
        where = f"card of {self.name!r}"
        check_sizes(where, self.input_shape, self.outputs)
        self._check_classes(where)
        if not self.channel_order:
            object.__setattr__(self, "channel_order", "grey" if self.input_shape[2] == 1 else "RGB")
        if not self.mean:
            object.__setattr__(self, "mean", (0.0,) * self.input_shape[2])
        if self.background is None and self.is_of_digits:
            object.__setattr__(self, "background", 0)
        for field, options in _OPTIONS.items():
            if getattr(self, field) not in options:
                raise unknown_name(f"{field} ({where})", getattr(self, field), options)
        if self.background is not None and not 0 <= self.background <= 255:
            raise UserError(f"{where}: background is {self.background}; expected a level 0..255")
        if min(self.resize, self.crop) < 0 or not self.width > 0:
            raise UserError(
                f"{where}: resize is {self.resize}, crop {self.crop}, width {self.width}; expected "
                "0 or more pixels and a width above 0"
            )
        self._check_channels(where)

    def _check_classes(self, where: str) -> None:
        if not 0 <= self.class_offset < self.outputs:
            raise UserError(
                f"{where}: class_offset is {self.class_offset} with {self.outputs} outputs; "
                "expected 0 or more, and at least one class after it"
            )
        if len(self.labels) != self.classes:
            raise UserError(
                f"{where}: {len(self.labels)} labels; expected {self.classes}, one per class "
                f"({self.outputs} outputs, class_offset {self.class_offset})"
            )
        for index, label in enumerate(self.labels):
            if not isinstance(label, str):
                raise UserError(f"{where}: the label of class {index} is {label!r}; expected text")
            if len(label) > MOST_LETTERS:
                raise UserError(
                    f"{where}: the label of class {index} has {len(label):,} letters, "
                    f"{label[:20]!r}...; expected at most {MOST_LETTERS:,}"
                )
        if self.ids and len(self.ids) != self.classes:
            raise UserError(f"{where}: {len(self.ids)} ids; expected {self.classes}, as labels")

    def _check_channels(self, where: str) -> None:
        channels = 1 if self.channel_order == "grey" else 3
        if self.input_shape[2] != channels:
            raise UserError(
                f"{where}: input_shape {self.input_shape} has {self.input_shape[2]} channel(s); "
                f"channel_order {self.channel_order!r} needs {channels}"
            )
        if len(self.mean) != channels:
            raise UserError(f"{where}: mean has {len(self.mean)} values; expected {channels}")
        scales = self.scale if isinstance(self.scale, tuple) else (self.scale,)
        if isinstance(self.scale, tuple) and len(scales) != channels:
            raise UserError(f"{where}: scale has {len(scales)} values; expected one, or {channels}")
        is_finite = all(map(math.isfinite, self.mean))
        if not (is_finite and all(0 < scale < math.inf for scale in scales)):
            raise UserError(
                f"{where}: scale is {self.scale}, mean {self.mean}; expected finite numbers, and a "
                "scale above 0"
            )

    @property
    def classes(self) -> int:
        """Number of classes: the outputs from `class_offset` on."""
        return self.outputs - self.class_offset

    @property
    def is_of_digits(self) -> bool:
        """Whether the network is one for MNIST's digits; it may have more classes than these."""
        return self.labels[:10] == DIGITS and self.input_shape == (28, 28, 1)

    def to_dict(self) -> dict[str, JsonValue]:
        """Returns values that JSON can hold and `from_dict` reads back.

        What only networks in files have is left out of other cards.
        """
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in dataclasses.asdict(self).items()
            if value != _OF_FILES.get(name, ...)
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, JsonValue], *, source: str = "card") -> "Card":
        """Builds a card from the values of a JSON object.

        Args:
            values: the fields; those with a default may be missing.
            source: names the values in error messages, for instance a file.

        Raises:
            UserError: a key is unknown or missing, or a value is of the wrong kind.
        """
        fields = {field.name: field for field in dataclasses.fields(cls)}
        for key in values:
            if key not in fields:
                raise unknown_name(f"key in {source}", key, fields)
        missing = [name for name in _REQUIRED if name not in values]
        if missing:
            raise UserError(f"{source}: no value for {', '.join(missing)}")
        return cls(**{key: _checked(key, value, source) for key, value in values.items()})

    def write(self, path: Path) -> None:
        """Writes the card as JSON, atomically."""
        write_json(path, self.to_dict())

    @classmethod
    def read(cls, path: Path) -> "Card":
        """Reads a card.

        Raises:
            UserError: the file cannot be read, or is not a card.
        """
        values = read_json(path)
        if not isinstance(values, dict):
            raise UserError(f"{path}: expected a JSON object, found {type(values).__name__}")
        return cls.from_dict(values, source=str(path))


def check_sizes(where: str, input_shape: tuple[int, int, int], outputs: int) -> None:
    """Refuses sizes that no classifier has, before memory is taken for them.

    Args:
        where: they come from, for the message.
        input_shape: (height, width, channels) of an image.
        outputs: number of outputs.

    Raises:
        UserError: one is too small or too large.
    """
    if len(input_shape) != 3:
        raise UserError(
            f"{where}: input_shape is {input_shape}; expected (height, width, channels)"
        )
    if min(input_shape) < 1 or math.prod(input_shape) > MOST_VALUES:
        raise UserError(
            f"{where}: input_shape is {input_shape}; expected 1 or more each, and at most "
            f"{MOST_VALUES:,} values in all"
        )
    if not 2 <= outputs <= MOST_OUTPUTS:
        raise UserError(
            f"{where}: outputs is {outputs}; expected 2..{MOST_OUTPUTS:,} (the softmax of "
            "one output is always 1: for a yes or no, give the outputs [0, z])"
        )


def preprocess(card: Card, images: ImageBatch) -> ImageBatch:
    """Turns images with values in [0, 1] into the network's input, as the card says."""
    if card.channel_order == "BGR":
        images = images[..., ::-1]
    scale = np.broadcast_to(np.asarray(card.scale), (1, 1, 1, len(card.mean)))
    factor, shift = 255.0 * scale, scale * np.asarray(card.mean)
    if np.all(factor == factor[..., :1]):
        factor = factor[0, 0, 0, 0]
    if np.any(factor != 1.0):
        images = images * jnp.asarray(factor, images.dtype)
    return images - jnp.asarray(shift, images.dtype) if np.any(shift) else images


def with_extra(labels: Sequence[str], outputs: int) -> tuple[str, ...]:
    """Returns labels for more classes than have names: "extra 10", "extra 11", ... follow.

    Args:
        labels: of the first classes; only the first `outputs` of them are used.
        outputs: number of classes.
    """
    return (*labels[:outputs], *(f"extra {index}" for index in range(len(labels), outputs)))


_OF_FILES = {"layout": "", "scores": "logits", "guessed": ()}
# What a card in a file must hold: nothing about the input may be guessed.
_REQUIRED = (
    *("name", "family", "input_shape", "outputs", "labels"),
    *("channel_order", "mean", "scale"),
)
_TEXTS = (
    *("name", "family", "channel_order", "activation", "padding", "interpolation", "sha256"),
    *("layout", "scores"),
)
_KINDS = {
    **dict.fromkeys((*_TEXTS, "notes"), str),
    **dict.fromkeys(("outputs", "class_offset", "resize", "crop", "background"), int),
    **dict.fromkeys(("scale", "test_accuracy", "width"), float),
}
_ELEMENTS = {
    **dict.fromkeys(("labels", "ids", "guessed"), str),
    **dict.fromkeys(("mean", "probe", "scale"), float),
    "input_shape": int,
}


def _checked(key: str, value: JsonValue, source: str) -> JsonValue:
    """Returns the value of a field, whose JSON value must be of the field's type."""
    if key == "scale" and not isinstance(value, list | tuple):
        return _number_or_text(key, value, float, source)
    if key in _ELEMENTS:
        if not isinstance(value, list | tuple):
            raise UserError(f"{source}: {key} is {value!r}; expected a list")
        if key == "input_shape" and len(value) != 3:
            raise UserError(f"{source}: {key} is {value!r}; expected [height, width, channels]")
        return tuple(_number_or_text(key, v, _ELEMENTS[key], source) for v in value)
    if value is None and key in ("test_accuracy", "background"):
        return None
    return _number_or_text(key, value, _KINDS[key], source)


def _number_or_text(key: str, value: JsonValue, kind: type, source: str) -> JsonValue:
    """Returns a number or text; whole numbers count as floats, truth values never as numbers."""
    accepted = (int, float) if kind is float else kind
    if isinstance(value, bool) or not isinstance(value, accepted):
        raise UserError(f"{source}: {key} has {value!r}; expected {kind.__name__}")
    try:
        return kind(value)
    except OverflowError as error:
        raise UserError(f"{source}: {key} has {value!r:.20}...; expected a float") from error
