"""Numbers on the command line: plain ASCII digits, finite, and in the range of their flag.

Python itself takes `1_0`, `٣` and `nan` for numbers, and `10 ** 20` for a size; tyro asks this
module instead. No flag takes a number below 0, but those of type `Signed`. One whose type is a
plain `int` or `float` has the widest range that everything behind it can bear; the types below are
narrower.
"""

import re
from collections.abc import Callable
from typing import Annotated, TypeVar, get_args, get_origin

import tyro
from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from evofool.config import MAX_SEED, MOST_GENERATIONS, MOST_ROUNDS, MOST_STEPS, MOST_WIDTH

_WHOLE = re.compile(r"[+-]?[0-9]{1,30}")
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]{1,3})?", re.IGNORECASE)
_LONGEST = 40  # letters of a wrong number that are repeated
MOST_DECIMAL = 1e9
MOST_WHOLE = 2**53  # whole numbers above are none to many programs
MOST_COUNT = 10**6  # of images, rows, pixels, epochs

Size = int | tuple[int, int]
Number = TypeVar("Number", int, float)


def whole(least: int, most: int) -> PrimitiveConstructorSpec[int | None]:
    """Describes a flag that takes a whole number from `least` to `most`; for `Annotated`."""

    def parse(word: str) -> int | None:
        return int(word) if _WHOLE.fullmatch(word) and least <= int(word) <= most else None

    return _number(int, parse, f"a whole number from {least:,} to {most:,}")


def decimal(least: float, most: float) -> PrimitiveConstructorSpec[float | None]:
    """Describes a flag that takes a number from `least` to `most`; for `Annotated`."""

    def parse(word: str) -> float | None:
        return float(word) if _DECIMAL.fullmatch(word) and least <= float(word) <= most else None

    return _number(float, parse, f"a number from {least:g} to {most:g}")


def pixels(most: int) -> PrimitiveConstructorSpec[Size]:
    """Describes a flag that takes a size, as "2048" or as "2048x1024", width and height."""

    def from_words(words: list[str]) -> Size:
        sides = [int(side) if _WHOLE.fullmatch(side) else 0 for side in words[0].split("x")]
        if not all(1 <= side <= most for side in sides) or len(sides) > 2:
            expected = f"a number of pixels from 1 to {most:,}, or two as WIDTHxHEIGHT"
            raise ValueError(f"{words[0][:_LONGEST]!r} is not {expected}")
        return sides[0] if len(sides) == 1 else (sides[0], sides[1])

    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="PIXELS|WxH",
        instance_from_str=from_words,
        is_instance=lambda value: isinstance(value, int | tuple),
        str_from_instance=lambda value: [str(value)],
    )


def _number(
    kind: type[Number], parse: Callable[[str], Number | None], expected: str
) -> PrimitiveConstructorSpec[Number | None]:
    """Describes a flag to tyro.

    Args:
        kind: int or float.
        parse: text -> number, or None where the text is not what is expected.
        expected: says so.
    """

    def from_words(words: list[str]) -> Number | None:
        number = parse(words[0])
        if number is None:
            raise ValueError(f"{words[0][:_LONGEST]!r} is not {expected}")
        return number

    return PrimitiveConstructorSpec(
        nargs=1,
        metavar=kind.__name__.upper(),
        instance_from_str=from_words,
        is_instance=lambda value: value is None or isinstance(value, int | kind),
        str_from_instance=lambda value: [str(value)],
    )


NUMBERS = ConstructorRegistry()
"""How tyro reads numbers whose type says no more than `int` or `float`, or None besides."""


@NUMBERS.primitive_rule
def _plain_number(
    kind: PrimitiveTypeInfo,
) -> PrimitiveConstructorSpec[int | None] | PrimitiveConstructorSpec[float | None] | None:
    if get_origin(kind.type) is tuple:
        return None  # of numbers, each of which tyro asks for by itself
    alternatives = set(get_args(kind.type) or (kind.type,)) - {type(None)}
    if alternatives == {int}:
        return whole(0, MOST_WHOLE)
    return decimal(0.0, MOST_DECIMAL) if alternatives == {float} else None


Port = Annotated[int, whole(0, 65535)]
Seed = Annotated[int, whole(0, MAX_SEED)]
MaybeSeed = Annotated[int | None, whole(0, MAX_SEED)]
Index = Annotated[int, whole(0, MOST_COUNT)]
MaybeIndex = Annotated[int | None, whole(0, MOST_COUNT)]
Count = Annotated[int, whole(1, MOST_COUNT)]
MaybeCount = Annotated[int | None, whole(1, MOST_COUNT)]
MaybeDevices = Annotated[int | None, whole(1, 256)]
PolishSteps = Annotated[int | None, whole(1, MOST_STEPS), tyro.conf.arg(name="polish")]
Steps = Annotated[int, whole(1, MOST_STEPS)]
Rounds = Annotated[int, whole(1, MOST_ROUNDS)]
Width = Annotated[int, whole(0, MOST_WIDTH)]
MaybeGenerations = Annotated[int | None, whole(0, MOST_GENERATIONS)]
Signed = Annotated[float, decimal(-1e6, 1e6)]
Share = Annotated[float, decimal(0.0, 1.0)]
MaybeShare = Annotated[float | None, decimal(0.0, 1.0)]
MaybePositive = Annotated[float | None, decimal(0.0, 1e6)]
