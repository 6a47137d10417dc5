"""Cards in folders of weights: `NAME.json`, or the entry NAME of a `specs.json`.

A `specs.json` describes several files at once, and differs from a card: it has `input` instead of
`input_shape`, no labels for the 1000 ImageNet classes, and no padding for TensorFlow's MobileNets
(which have SAME).
"""

from collections.abc import Mapping
from pathlib import Path

from evofool.classifiers.card import Card
from evofool.classifiers.labels import IMAGENET_CLASSES, imagenet_ids, imagenet_labels
from evofool.support import JsonValue, UserError, read_json, unknown_name

SPECS = "specs.json"
SHORTER_SIDE = 256  # of a photograph before the crop, as is usual for ImageNet
_COPIED = ("family", "width", "channel_order", "mean", "scale", "outputs", "class_offset", "crop")
_OPTIONAL = ("resize", "interpolation", "padding", "activation", "labels", "ids", "sha256", "probe")


def find_card(weights: Path) -> Card:
    """Reads the card of a weights file.

    Args:
        weights: `DIR/NAME.safetensors`; the card is `DIR/NAME.json`, or else the entry NAME of
            `DIR/specs.json`.

    Raises:
        UserError: there is neither, or what is there is no card.
    """
    path, specs = weights.with_suffix(".json"), weights.with_name(SPECS)
    if path.exists():
        return Card.read(path)
    if not specs.exists():
        raise UserError(
            f"{weights} has no card, {path.name}, beside it; put it there, or make the weights "
            "again if that was cut short"
        )
    entries = read_json(specs)
    if not isinstance(entries, dict) or not isinstance(entries.get(weights.stem, {}), dict):
        raise UserError(f"{specs}: expected a JSON object with an object for each weights file")
    if weights.stem not in entries:
        raise unknown_name(f"entry in {specs}", weights.stem, entries)
    return card_of_entry(weights.stem, entries[weights.stem], source=f"{specs}, {weights.stem}")


def card_of_entry(name: str, entry: Mapping[str, JsonValue], *, source: str) -> Card:
    """Builds a card from an entry of a `specs.json`; other keys than a card's are ignored.

    Raises:
        UserError: as `Card.from_dict`.
    """
    values = {key: entry[key] for key in (*_COPIED, *_OPTIONAL) if key in entry}
    if "input" in entry:
        values["input_shape"] = entry["input"]
    values["name"] = name
    outputs, offset = entry.get("outputs"), entry.get("class_offset", 0)
    if "labels" not in values and outputs in (IMAGENET_CLASSES, IMAGENET_CLASSES + 1):
        if offset != outputs - IMAGENET_CLASSES:
            raise UserError(
                f"{source}: class_offset is {offset!r} with {outputs} outputs; expected "
                f"{outputs - IMAGENET_CLASSES} for ImageNet's {IMAGENET_CLASSES} classes, or "
                "labels of others"
            )
        values |= {"labels": imagenet_labels(), "ids": imagenet_ids()}
        values.setdefault("resize", SHORTER_SIDE)
    if str(entry.get("family", "")).startswith("mobilenet") and offset == 1:
        values.setdefault("padding", "SAME")
    return Card.from_dict(values, source=source)
