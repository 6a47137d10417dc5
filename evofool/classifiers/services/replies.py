"""What a service says of an image, and the file in which its replies are kept."""

import hashlib
import json
import math
import os
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

import numpy as np

from evofool.images import Levels
from evofool.support import JsonValue, UserError, locked, write_error

Scores = dict[str, float]
"""Label -> probability, of the classes that a reply lists."""

MOST_LABELS = 100_000  # in a reply
SUM_TOLERANCE = 1e-3
PATIENCE = 60.0  # seconds for other processes, each of which adds its replies in a moment


class BadReplyError(ValueError):
    """A service answered with something else than labels and scores."""


def scores_of(reply: JsonValue) -> Scores:
    """Reads the reply for one image.

    Args:
        reply: a list of `{"label": ..., "score": ...}`, an object label -> score, or
            `{"labels": [...], "scores": [...]}`. Rounded scores may add up to more than 1: they are
            divided by their sum.

    Raises:
        BadReplyError: it is something else, or the scores are no probabilities.
    """
    try:
        if isinstance(reply, dict) and isinstance(reply.get("labels"), list):
            pairs = list(zip(reply["labels"], reply["scores"], strict=True))
        elif isinstance(reply, dict):
            pairs = list(reply.items())
        else:
            pairs = [(one["label"], one["score"]) for one in reply]
        if any(isinstance(score, bool | str) for _, score in pairs):
            raise TypeError("a score is no number")
        scores = {str(label): float(score) for label, score in pairs}
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BadReplyError(f"expected labels and scores, got {reply!r:.100}") from error
    if not scores or len(scores) < len(pairs) or len(pairs) > MOST_LABELS:
        raise BadReplyError(f"expected each label once, got {len(pairs)} of them")
    values = list(scores.values())
    total = sum(values)
    is_sum = total <= 1 + SUM_TOLERANCE
    if min(values) < 0 or not (is_sum or total <= 1 + SUM_TOLERANCE + _raised(values)):
        raise BadReplyError(f"expected probabilities, got scores {values!r:.100}")
    return scores if is_sum else {label: score / total for label, score in scores.items()}


def _raised(scores: Sequence[float]) -> float:
    """Returns by how much rounding to the decimals that scores have may have raised their sum."""
    if not all(map(math.isfinite, scores)):
        return math.nan
    decimals = max(-int(Decimal(repr(score)).as_tuple().exponent) for score in scores)
    return 0.5 * 10.0**-decimals * sum(score > 0 for score in scores)


def replies_of(answer: JsonValue, images: int) -> list[Scores]:
    """Reads the answer to a request: a list of replies, or an object with it as `predictions`.

    Raises:
        BadReplyError: it is something else, or has another number of replies than images.
    """
    listed = answer.get("predictions") if isinstance(answer, dict) else answer
    if not isinstance(listed, list) or len(listed) != images:
        raise BadReplyError(f"expected a list of {images} replies, got {answer!r:.100}")
    return [scores_of(reply) for reply in listed]


def hash_of(image: Levels) -> str:
    """Returns what an 8-bit image is known by: a hash of its size and its levels."""
    levels = np.ascontiguousarray(image, np.uint8)
    return hashlib.sha256(repr(levels.shape).encode() + levels.tobytes()).hexdigest()


class Replies:
    """The replies of a service, each in a line of a file, at once on the disk.

    Several processes may add to a file.

    Args:
        path: of the file; made with the first reply.

    Raises:
        UserError: it holds something else.
    """

    def __init__(self, path: Path):
        self.path = path
        self._known: dict[str, Scores] = {}
        self._size = 0  # bytes of whole lines; a kill may have cut the last one short
        if path.exists():
            with path.open("rb") as file:
                self._read(file)

    def __len__(self) -> int:
        """Returns the number of images that are known."""
        return len(self._known)

    def get(self, key: str) -> Scores | None:
        """Returns the reply for the image of a hash; None if it was not asked about."""
        return self._known.get(key)

    def add(self, keys: Sequence[str], replies: Sequence[Scores]) -> None:
        """Keeps replies.

        Raises:
            UserError: they cannot be written.
        """
        lines = [
            json.dumps({"image": key, "scores": scores}) + "\n"
            for key, scores in zip(keys, replies, strict=True)
        ]
        with locked(self.path, patience=PATIENCE):
            try:
                with self.path.open("a+b") as file:
                    self._read(file)  # what other processes have added meanwhile
                    file.truncate(self._size)
                    file.write("".join(lines).encode())
                    file.flush()
                    os.fsync(file.fileno())
                    self._read(file)
            except OSError as error:
                raise write_error(self.path, error) from error

    def _read(self, file: BinaryIO) -> None:
        """Reads what is new in the file; of an image that is in it twice, the first reply counts.

        The file may have been removed, or cut short, since it was read last.
        """
        self._size = min(self._size, file.seek(0, os.SEEK_END))
        file.seek(self._size)
        for line in file:
            if not line.endswith(b"\n"):
                return
            try:
                record = json.loads(line)
                self._known.setdefault(str(record["image"]), scores_of(record["scores"]))
            except (ValueError, KeyError, TypeError) as error:
                raise UserError(
                    f"{self.path}, byte {self._size:,}: no reply of a service; name another file "
                    "with #replies=FILE, or remove it"
                ) from error
            self._size += len(line)
