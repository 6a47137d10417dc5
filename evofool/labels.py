"""From what a user calls a class to an output of the classifier, and back."""

from evofool.classifiers import Card
from evofool.errors import UserError, unknown_name


def resolve_class(card: Card, name: str) -> int:
    """Finds the output that `name` means.

    Args:
        card: of the classifier; its labels may hold several names, separated by commas.
        name: a class index, one of a label's names in any case, or a WordNet id.

    Returns:
        The index of the output (the class index plus the card's `class_offset`).

    Raises:
        UserError: no class, or several, of that name.
    """
    wanted = name.strip().lower()
    if wanted.isdigit() and int(wanted) < len(card.labels):
        return int(wanted) + card.class_offset
    if wanted in card.ids:
        return card.ids.index(wanted) + card.class_offset
    matches = [
        index
        for index, label in enumerate(card.labels)
        if wanted in (part.strip().lower() for part in (label, *label.split(",")))
    ]
    if not matches:
        raise _unknown_class(card, name)
    if len(matches) > 1:
        ids = "" if not card.ids else " or the id"
        options = "; ".join(
            f"{i} ({card.labels[i]}{', ' + card.ids[i] if ids else ''})" for i in matches
        )
        raise UserError(f"class {name!r} is ambiguous: {options}; use the index{ids}")
    return matches[0] + card.class_offset


def _unknown_class(card: Card, name: str) -> UserError:
    """Offers single names, not whole labels, which are too long to look like a misspelt name.

    Those that hold the word come first: of "cat", "Egyptian cat" is meant rather than "coat".
    """
    names = dict.fromkeys(part.strip() for label in card.labels for part in label.split(","))
    word = name.strip().lower()
    with_word = [known for known in names if word in known.lower().split()]
    ids = f", WordNet ids such as {card.ids[0]}" if card.ids else ""
    indices = f"indices 0..{card.classes - 1}"
    unknown = unknown_name("class", name, names, nearest=with_word, separator="; ")
    return UserError(f"{unknown}; also {indices}{ids}")


def resolve_classes(card: Card, names: tuple[str, ...]) -> tuple[int, ...]:
    """Returns the outputs that get a cell, ascending; all classes when no name is given.

    Raises:
        UserError: an unknown or ambiguous name, or one class given twice.
    """
    if not names:
        return tuple(range(card.class_offset, card.class_offset + len(card.labels)))
    outputs = [resolve_class(card, name) for name in names]
    if len(set(outputs)) < len(outputs):
        raise UserError(f"classes {' '.join(names)} name one class twice; give each once")
    return tuple(sorted(outputs))


def label_of(card: Card, output: int) -> str:
    """Returns the label of an output; outputs before the first class are "background"."""
    index = output - card.class_offset
    return card.labels[index] if index >= 0 else "background"


def first_name(label: str) -> str:
    """Returns the first of a label's names: "starfish" of "starfish, sea star"."""
    return label.split(",")[0].strip()
