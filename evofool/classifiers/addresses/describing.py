"""The card of a model in a file: what its file tells, what the address says, what is guessed."""

import ast
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from evofool.classifiers.addresses.options import Options
from evofool.classifiers.card import DIGITS, MOST_VALUES, Card, check_sizes, with_extra
from evofool.classifiers.labels import IMAGENET_CLASSES, imagenet_ids, imagenet_labels
from evofool.support import Address, UserError

_COLOURS = (1, 3)
_KEYS_OF_LABELS = ("names", "labels", "classes", "class_names", "id2label", "character")


@dataclass(frozen=True, kw_only=True)
class Input:
    """The image that a model takes.

    Attributes:
        shape: (height, width, channels).
        is_channels_first: whether the model has channels before height and width.
        guessed: fields of the card that were.
    """

    shape: tuple[int, int, int]
    is_channels_first: bool
    guessed: tuple[str, ...] = ()

    @property
    def layout(self) -> str:
        """As on a card."""
        return "NCHW" if self.is_channels_first else "NHWC"


def find_input(address: Address, shape: Sequence[int | None], options: Options) -> Input:
    """Finds out what images a model takes.

    Args:
        address: of the model.
        shape: of its input, with the batch; None where a size is free.
        options: of the address.

    Raises:
        UserError: the sizes are free and not given, others are given than the file has, or the
            input is no image.
    """
    layout, guessed = options.layout or (options.card.layout if options.card else ""), ()
    given = options.input_shape or (options.card.input_shape if options.card else None)
    if len(shape) != 4:
        return Input(shape=_flat_shape(address, shape, given), is_channels_first=False)
    if not layout:
        layout, guessed = _layout_of(shape)
    rows, columns, channels = (2, 3, 1) if layout == "NCHW" else (1, 2, 3)
    known = (shape[rows], shape[columns], shape[channels])
    wanted = given or (0, 0, 0)
    sizes = tuple(size or want for size, want in zip(known, wanted, strict=True))
    if 0 in sizes[:2]:
        raise UserError(
            f"{address} takes images of any size ({_shown(shape)}); say which with "
            "the option input=HEIGHTxWIDTH, the size that it was trained with"
        )
    for size, want in zip(known, wanted, strict=True):
        if size and want and size != want:
            said = _shown([one for one in wanted if one])  # the channels may be left out
            raise UserError(
                f"{address}: input is {said}, but the file takes {_shown(shape)} ({layout}); "
                "leave the option out, or give the layout"
            )
    height, width, channels = sizes
    if not channels:
        channels, guessed = 3, (*guessed, "channel_order")
    if channels not in _COLOURS:
        raise UserError(
            f"{address} takes {_shown(shape)} ({layout}), images of {channels} channels; expected "
            "1 (grey) or 3 (colours); give the layout if it is another"
        )
    return Input(
        shape=(height, width, channels), is_channels_first=layout == "NCHW", guessed=guessed
    )


def _shown(shape: Sequence[int | None]) -> str:
    return "x".join("?" if size is None else str(size) for size in shape)


def _layout_of(shape: Sequence[int | None]) -> tuple[str, tuple[str, ...]]:
    """Returns the layout, and ("layout",) if it was guessed."""
    is_first, is_last = shape[1] in _COLOURS, shape[3] in _COLOURS
    if is_first != is_last:
        return ("NCHW" if is_first else "NHWC"), ()
    return ("NHWC" if is_last and not shape[1] else "NCHW"), ("layout",)


def _flat_shape(
    address: Address, shape: Sequence[int | None], given: tuple[int, int, int] | None
) -> tuple[int, int, int]:
    """Returns the image of an input without channels, or with neither channels nor sides."""
    if len(shape) == 3 and shape[1] and shape[2]:
        return shape[1], shape[2], 1
    count = shape[1] if len(shape) == 2 else None
    if given and (count is None or math.prod(given[:2]) * (given[2] or 1) == count):
        return given[0], given[1], given[2] or 1
    for channels in _COLOURS:
        side = math.isqrt((count or 0) // channels)
        if side and count and channels * side * side == count <= MOST_VALUES:
            return side, side, channels
    raise UserError(
        f"{address} takes {_shown(shape)} numbers, from which no image can be told; give "
        "the option input=HEIGHTxWIDTHxCHANNELS, or another model"
    )


def make_card(
    address: Address,
    options: Options,
    image: Input,
    *,
    outputs: int,
    scores: str,
    sha256: str,
    dtype: str = "float32",
    statistics: tuple[float, float] | None = None,
    labels: tuple[str, ...] = (),
) -> Card:
    """Makes the card of a model in a file.

    Args:
        address: of the model.
        options: of the address.
        image: what it takes.
        outputs: number of its outputs.
        scores: what they are, as on a card.
        sha256: of the file.
        dtype: of the input; uint8 takes levels.
        statistics: mean and scale, where the file says how levels become its input.
        labels: that the file has; empty if none.

    Raises:
        UserError: the options do not fit the model.
    """
    if options.card is not None:
        return _card_of_file(options, image, outputs=outputs, scores=scores, sha256=sha256)
    check_sizes(str(address), image.shape, max(outputs, 2))
    channels, guessed = image.shape[2], list(image.guessed)
    scores = options.scores or scores
    if outputs == 1:
        scores, outputs = "score", 2
    if statistics is None and dtype == "uint8":
        statistics = (0.0, 1.0)
    mean, scale = options.mean, options.scale
    if mean is None or scale is None:
        if statistics is None:
            guessed += ["mean", "scale"]
        mean, scale = ((number,) for number in statistics or (0.0, 1 / 255))
    if channels == 3 and not options.is_bgr:
        guessed.append("channel_order")
    offset, names = _labels(address, options.labels or labels, outputs, image.shape)
    if not (options.labels or labels):
        guessed.append("labels")
    return Card(
        name=_name(address),
        family=address.scheme,
        input_shape=image.shape,
        outputs=outputs,
        class_offset=offset,
        labels=names,
        ids=imagenet_ids() if names == imagenet_labels() else (),
        channel_order="grey" if channels == 1 else "BGR" if options.is_bgr else "RGB",
        mean=_for_channels(address, "mean", mean, channels),
        scale=scale[0] if len(set(scale)) == 1 else _for_channels(address, "std", scale, channels),
        sha256=sha256,
        layout=image.layout,
        scores=scores,
        guessed=tuple(dict.fromkeys(guessed)),
        notes=f"from {address.place}",
    )


def _name(address: Address) -> str:
    return address.path.stem if address.code is None else address.place


def _card_of_file(
    options: Options, image: Input, *, outputs: int, scores: str, sha256: str
) -> Card:
    """Returns the card that an option names, for the model as it is, with other options obeyed."""
    card = options.card
    assert card is not None
    if card.sha256 and card.sha256 != sha256:
        raise UserError(
            f"the card of {card.name!r} is for a model with sha256 {card.sha256}, and this one has "
            f"{sha256}; make another with evofool card"
        )
    expected = 2 if outputs == 1 else outputs
    if (card.outputs, card.input_shape) != (expected, image.shape):
        raise UserError(
            f"the card of {card.name!r} has {card.outputs} outputs and input_shape "
            f"{card.input_shape}; the model has {expected} and takes {image.shape}"
        )
    changes: dict[str, object] = {"sha256": sha256, "layout": image.layout, "probe": ()}
    if outputs == 1:
        changes["scores"] = "score"
    elif options.scores or card.scores == "logits":
        changes["scores"] = options.scores or scores
    if options.is_bgr:
        changes["channel_order"] = "BGR"
    if options.mean is not None and options.scale is not None:
        channels = image.shape[2]
        changes["mean"] = _for_channels(card.name, "mean", options.mean, channels)
        changes["scale"] = _for_channels(card.name, "std", options.scale, channels)
    if options.labels:
        changes["labels"] = options.labels
    return replace(card, **changes)


def _for_channels(
    model: object, name: str, values: tuple[float, ...], channels: int
) -> tuple[float, ...]:
    if len(values) not in (1, channels):
        raise UserError(f"{model}: {name} has {len(values)} values; expected 1 or {channels}")
    return values * channels if len(values) == 1 else values


def _labels(
    address: Address, labels: tuple[str, ...], outputs: int, shape: tuple[int, int, int]
) -> tuple[int, tuple[str, ...]]:
    """Returns the offset of the classes, and the label of each."""
    if labels:
        offset = outputs - len(labels)
        if offset not in (0, 1):
            raise UserError(
                f"{address} has {outputs} outputs, and there are {len(labels)} labels; expected "
                "one for each output, or one fewer where the first is no class"
            )
        return offset, labels
    if outputs in (IMAGENET_CLASSES, IMAGENET_CLASSES + 1) and shape[2] == 3:
        return outputs - IMAGENET_CLASSES, imagenet_labels()
    if shape == (28, 28, 1) and outputs >= len(DIGITS):
        return 0, with_extra(DIGITS, outputs)
    if outputs == 2:
        return 0, ("no", "yes")
    return 0, tuple(f"class {index}" for index in range(outputs))


def labels_in(metadata: dict[str, str]) -> tuple[str, ...]:
    """Finds labels among the texts that an exporter left in a file: a list, or an object."""
    for key in _KEYS_OF_LABELS:
        text = metadata.get(key, "")
        if not text.lstrip().startswith(("[", "{")) or len(text) > 10**7:
            continue
        try:
            values = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        if isinstance(values, dict) and all(isinstance(key, int) for key in values):
            values = [values[key] for key in sorted(values)]
        if isinstance(values, list) and values:
            return tuple(map(str, values))
    return ()
