"""The address of a service and its options, which follow `#`: a `?` belongs to the service.

http://127.0.0.1:8000/predict#input=28x28x1&labels=digits.txt&queries=10000
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from evofool.support import UserError, read_text, unknown_name

MOST = 10**9


@dataclass(frozen=True, kw_only=True)
class ServiceOptions:
    """What is known of a service.

    Attributes:
        shape: (height, width, channels) of the images that it is sent.
        labels: of its classes; empty where its first reply is to tell.
        batch: images in a request.
        queries: most images that may be sent, in all; None for any number.
        rate: most images in a second; None for any.
        retries: how often a request that failed is sent again.
        timeout: seconds to wait for an answer.
        replies: file of the replies; None for one in the user cache.
    """

    shape: tuple[int, int, int]
    labels: tuple[str, ...] = ()
    batch: int = 32
    queries: int | None = None
    rate: float | None = None
    retries: int = 6
    timeout: float = 60.0
    replies: Path | None = None


_COUNTS = {"batch": 1, "queries": 0, "retries": 0}  # and the least that makes sense
_NUMBERS = ("rate", "timeout")
_KNOWN = ("input", "labels", *_COUNTS, *_NUMBERS, "replies")


def read_options(name: str) -> tuple[str, ServiceOptions]:
    """Splits the name of a service into its address and its options.

    Raises:
        UserError: an option is unknown or has an impossible value, or `input` is missing.
    """
    address, _, text = name.partition("#")
    pairs = parse_qsl(text, keep_blank_values=True)
    given = dict(pairs)
    for key, _ in pairs:
        if key not in _KNOWN:
            raise unknown_name(f"option of {address}", key, _KNOWN)
    numbers: dict[str, int | float] = {
        **{key: _count(key, given[key], least) for key, least in _COUNTS.items() if key in given},
        **{key: _number(key, given[key]) for key in _NUMBERS if key in given},
    }
    labels = tuple(read_text(Path(given["labels"])).split("\n")) if "labels" in given else ()
    replies = Path(given["replies"]) if given.get("replies") else None
    options = ServiceOptions(
        shape=_shape(address, given),
        labels=tuple(label.strip() for label in labels if label.strip()),
        replies=replies,
        **numbers,  # type: ignore[arg-type]  (each is of its field's kind)
    )
    if len(set(options.labels)) < len(options.labels):
        raise UserError(f"{given['labels']} has a label twice; a service is understood by labels")
    return address, options


def _shape(address: str, given: Mapping[str, str]) -> tuple[int, int, int]:
    match = re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})(?:x([13]))?", given.get("input", ""))
    if match is None:
        raise UserError(
            f"{address}: input is {given.get('input')!r}; say what images it takes with "
            "#input=HEIGHTxWIDTHxCHANNELS, for instance #input=224x224x3 (quote the address)"
        )
    return int(match[1]), int(match[2]), int(match[3] or 3)


def _count(key: str, text: str, least: int) -> int:
    if not re.fullmatch("[0-9]{1,12}", text) or not least <= int(text) <= MOST:
        raise UserError(f"{key} is {text!r}; expected a whole number from {least} to {MOST:,}")
    return int(text)


def _number(key: str, text: str) -> float:
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) or not 0 < float(text) <= MOST:
        raise UserError(f"{key} is {text!r}; expected a number above 0")
    return float(text)
