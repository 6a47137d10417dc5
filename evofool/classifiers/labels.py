"""The classes of a classifier: labels, indices and WordNet ids; the groups of ImageNet's classes.

A label may hold several names, separated by commas. A group is a set of related ImageNet classes,
for instance all breeds of dogs.
"""

import re
from functools import cache
from pathlib import Path
from typing import SupportsIndex

from evofool.classifiers.card import Card
from evofool.support import UserError, is_service, unknown_name

IMAGENET_CLASSES = 1000
INDEX = "index:"  # before a class index, where labels are numbers themselves
# Class indices of the breeds of dogs, and of domestic cats; wild relatives follow each range.
DOGS, CATS = range(151, 269), range(281, 286)


def resolve_class(card: Card, name: str | SupportsIndex) -> int:
    """Returns the output index of the class that a user names.

    A label as it is written comes before everything else: of labels that differ in case only, each
    is itself, and of the labels "1" to "10" the name "1" is the first. A number that is no label is
    an index; but where labels are numbers that count otherwise than the indices, it is refused, as
    nobody could tell which of the two is meant.

    Args:
        card: of the classifier.
        name: a class index as an integer; or a label, one of the names that it consists of, in any
            case if no other differs from it only there; a class index ("3", or "index:3" where
            labels are numbers); or a WordNet id.

    Returns:
        The index of the output (the class index plus the card's `class_offset`).

    Raises:
        UserError: no class has that name, or several have.
    """
    name = name.strip() if isinstance(name, str) else f"{INDEX}{int(name)}"
    if name in card.ids:
        return card.ids.index(name) + card.class_offset
    for match in (_is_name, _is_name_in_any_case):
        matches = [index for index, label in enumerate(card.labels) if match(label, name)]
        if len(matches) > 1:
            raise _ambiguous_class(card, name, matches)
        if matches:
            return matches[0] + card.class_offset
    number = name.removeprefix(INDEX)
    if not (re.fullmatch(r"[0-9]{1,9}", number) and int(number) < card.classes):
        raise _unknown_class(card, name)
    if number == name and not _numbers_are_indices(card):
        raise UserError(
            f"class {name!r} is no label of {card.name!r}, whose labels are numbers themselves; "
            f"the class with the index {name} is called {card.labels[int(name)]!r}: give that, or "
            f"{INDEX}{name}"
        )
    return int(number) + card.class_offset


def _is_name(label: str, name: str) -> bool:
    return name in (part.strip() for part in (label, *label.split(",")))


def _is_name_in_any_case(label: str, name: str) -> bool:
    return _is_name(label.lower(), name.lower())


def _numbers_are_indices(card: Card) -> bool:
    """Says whether no label is a number that is not the index of its class."""
    numbers = ((i, s.strip()) for i, s in enumerate(card.labels) if s.strip().isdecimal())
    return all(label == str(index) for index, label in numbers)


def resolve_classes(card: Card, names: tuple[str, ...]) -> tuple[int, ...]:
    """Returns the output indices of several classes, ascending; of all classes without names.

    Raises:
        UserError: a name is unknown or ambiguous, or two names mean the same class.
    """
    if not names:
        return tuple(range(card.class_offset, card.class_offset + len(card.labels)))
    outputs = [resolve_class(card, name) for name in names]
    if len(set(outputs)) < len(outputs):
        raise UserError(f"classes {' '.join(names)} name one class twice; give each once")
    return tuple(sorted(outputs))


def label_of(card: Card, output: int) -> str:
    """Returns the label of an output; what stands before the first class is named, too."""
    index = output - card.class_offset
    if index >= 0:
        return card.labels[index]
    # a service: what is left of 1 by the scores that a reply lists
    return "other classes" if is_service(card.name) else "background"


def first_name(label: str) -> str:
    """Returns the first of a label's names: "starfish" of "starfish, sea star"."""
    return label.split(",")[0].strip()


def groups_of(card: Card) -> tuple[str, ...]:
    """Returns the group of every class; nothing unless the ids show that all are ImageNet's."""
    return _groups(card.ids)


def check_groups(card: Card) -> None:
    """Checks that a classifier's classes have groups.

    Raises:
        UserError: they have none.
    """
    if not groups_of(card):
        raise UserError(
            f"the classes of {card.name!r} have no groups; they are known by ImageNet's WordNet "
            "ids, which its card does not hold"
        )


def imagenet_group(index: int) -> str:
    """Returns the group of one of ImageNet's classes, for instance "dogs".

    Args:
        index: of the class, 0..999.
    """
    return next(group for start, group in reversed(_GROUP_STARTS) if start <= index)


@cache
def imagenet_ids() -> tuple[str, ...]:
    """Returns the WordNet id of every ImageNet class."""
    return tuple(line.split(" ", 1)[0] for line in _imagenet_lines())


@cache
def imagenet_labels() -> tuple[str, ...]:
    """Returns the label of every ImageNet class."""
    return tuple(line.split(" ", 1)[1] for line in _imagenet_lines())


def _unknown_class(card: Card, name: str) -> UserError:
    """Makes the error for a name that no class has.

    It suggests single names, since whole labels are too long to resemble a misspelt name. Names
    that contain the word come first: "cat" means "Egyptian cat" rather than "coat".
    """
    names = dict.fromkeys(part.strip() for label in card.labels for part in label.split(","))
    word = name.strip().lower()
    with_word = [known for known in names if word in known.lower().split()]
    ids = f", WordNet ids such as {card.ids[0]}" if card.ids else ""
    indices = f"indices 0..{card.classes - 1}"
    unknown = unknown_name("class", name, names, nearest=with_word, separator="; ")
    return UserError(f"{unknown}; also {indices}{ids}")


def _ambiguous_class(card: Card, name: str, matches: list[int]) -> UserError:
    """Makes the error for a name that several classes have; names them all."""
    options = "; ".join(
        f"{index} ({card.labels[index]}{', ' + card.ids[index] if card.ids else ''})"
        for index in matches
    )
    or_id = " and so on, or the id" if card.ids else " and so on"
    return UserError(f"class {name!r} is ambiguous: {options}; use {INDEX}{matches[0]}{or_id}")


@cache
def _groups(ids: tuple[str, ...]) -> tuple[str, ...]:
    index = {name: index for index, name in enumerate(imagenet_ids())}
    return tuple(imagenet_group(index[name]) for name in ids) if index.keys() >= set(ids) else ()


@cache
def _imagenet_lines() -> tuple[str, ...]:
    text = Path(__file__).with_name("imagenet_classes.txt").read_text(encoding="utf-8")
    return tuple(text.splitlines())


# Each group's runs of consecutive classes, by their first class; chosen by reading the labels.
_GROUP_STARTS = (
    (0, "fish"),
    (7, "birds"),
    (25, "amphibians"),
    (33, "reptiles"),
    (69, "arachnids and kin"),
    (80, "birds"),
    (101, "other mammals"),
    (107, "marine invertebrates"),
    (127, "birds"),
    (147, "other mammals"),
    (151, "dogs"),
    (269, "wild canines and hyenas"),
    (281, "cats"),
    (286, "big cats"),
    (294, "other mammals"),
    (300, "insects"),
    (327, "marine invertebrates"),
    (330, "other mammals"),
    (339, "hoofed mammals"),
    (356, "other mammals"),
    (365, "primates"),
    (385, "other mammals"),
    (389, "fish"),
    (398, "objects and structures"),
    (924, "food"),
    (970, "landscapes"),
    (981, "people"),
    (984, "plants and fungi"),
    (999, "objects and structures"),
)
