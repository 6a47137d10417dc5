"""From the name of a service to a `Classifier` outside JAX."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evofool.classifiers.blaming import ClassifierError
from evofool.classifiers.card import Card, check_sizes
from evofool.classifiers.classifier import Classifier, Params
from evofool.classifiers.services.asking import Asker, Client
from evofool.classifiers.services.http import HttpClient
from evofool.classifiers.services.options import ServiceOptions, read_options
from evofool.classifiers.services.program import ProgramClient
from evofool.classifiers.services.replies import SUM_TOLERANCE, Replies, Scores
from evofool.images import to_levels
from evofool.support import UserError, user_cache

LEAST_REST = float(np.finfo(np.float32).tiny)


def load_service(name: str) -> Classifier:
    """Makes a classifier of a service.

    Classes that a reply leaves out have no score: their images are no candidates for these classes.
    What the scores that it lists leave of 1 is that of an output before the classes.

    Args:
        name: its address with options, `http://HOST/PATH#OPTIONS` or `cmd:PROGRAM#OPTIONS`.

    Raises:
        UserError: the options are wrong, or the program cannot be started.
        ClassifierError: the service does not answer, or the budget does not allow to ask it.
    """
    address, options = read_options(name)
    path = options.replies or _usual_file(address)
    client = _client(address, options)
    asker = Asker(client, address, options, Replies(path))
    used = asker.used
    labels = options.labels or _labels_of_first_reply(asker, address, options)
    check_sizes(address, options.shape, len(labels) + 1)
    card = Card(
        name=address,
        family=address.partition(":")[0],
        input_shape=options.shape,
        outputs=len(labels) + 1,
        class_offset=1,
        labels=tuple(labels),
        channel_order="grey" if options.shape[2] == 1 else "RGB",
        mean=(0.0,) * options.shape[2],
        scale=1 / 255,
        notes="a service; it gets 8-bit images as PNG",
    )
    index = {label: place for place, label in enumerate(labels, 1)}

    def apply(params: Params, images: np.ndarray) -> np.ndarray:
        del params
        replies = asker.ask(list(to_levels(np.asarray(images))))
        return np.stack([_row(scores, index, address) for scores in replies])

    return Classifier(
        card=card,
        params=None,
        apply=apply,
        kind="probabilities",
        lists_top=True,
        remark=_remark(address, options, used, path),
    )


def _client(address: str, options: ServiceOptions) -> Client:
    scheme, _, rest = address.partition(":")
    if scheme == "cmd":
        return ProgramClient(rest, timeout=options.timeout)
    return HttpClient(address, timeout=options.timeout)


def _usual_file(address: str) -> Path:
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", address).strip("-")[:60]
    digest = hashlib.sha256(address.encode()).hexdigest()[:10]
    return user_cache() / "services" / f"{slug}-{digest}" / "replies.jsonl"


def _labels_of_first_reply(asker: Asker, address: str, options: ServiceOptions) -> Sequence[str]:
    """Asks about a grey image; a reply that lists all classes tells their labels."""
    (scores,) = asker.ask([np.full(options.shape, 128, np.uint8)])
    total = sum(scores.values())
    if abs(total - 1) > SUM_TOLERANCE:
        raise UserError(
            f"{address} lists {len(scores)} classes whose scores add up to {total:.3g} and not to "
            "1, as if there were more; name all in a file, one label a line: #labels=FILE"
        )
    return sorted(scores, key=lambda label: (len(label) if label.isdecimal() else 0, label))


def _row(scores: Scores, index: dict[str, int], address: str) -> np.ndarray:
    row = np.zeros(len(index) + 1, np.float32)
    for label, score in scores.items():
        if label not in index:
            raise ClassifierError(
                f"{address} lists class {label!r:.100} that is not among its {len(index)} labels: "
                "name all in a file, one label a line: #labels=FILE"
            )
        row[index[label]] = score
    row[0] = max(LEAST_REST, 1.0 - float(row[1:].sum(dtype=np.float64)))
    return row


def _remark(address: str, options: ServiceOptions, used: int, path: Path) -> str:
    most = (
        "any number of images is"
        if options.queries is None
        else (f"at most {options.queries:,} images are")
    )
    return f"{most} sent to {address}, {used:,} were before; replies are kept in {path}"
