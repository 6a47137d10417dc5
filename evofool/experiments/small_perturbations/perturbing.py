"""What the experiments on small perturbations share: sign maps, what they do, how it is shown.

Perturbations are whole levels of 8-bit images: an epsilon of .05 is 12 of 255 levels, .01 is 2.
A recognised image is *lost* when it is taken for another class.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Int8, UInt8

from evofool.analysis import Share, proportion_interval
from evofool.attacks import fgsm, output_map
from evofool.classifiers import Classifier, first_name
from evofool.evaluation import Recognized, recognize
from evofool.images import Levels, Section, chart, thumbnail

Figure = UInt8[np.ndarray, "height width channels"]
Classes = Int[np.ndarray, " images"]

LEVELS = (*range(1, 13), 15, 18, 21, 25)  # of 255, that values change by
PART = 256  # images attacked together
STYLES = ("o-", "s-", "^-", "v-", "D--", "x--", "+:", "*:")  # of curves


class Differences(NamedTuple):
    """What finite differences at one image lead to; rows of `LEVELS` on the way.

    Attributes:
        signs: where raising a value favours the label over a rival (1) or not (-1).
        classes: the likeliest at every strength, against each rival.
        written: the same against the first rival, with the sign that the article writes.
        agreement: share of values where the gradient of the same margin has that sign, for each
            rival; where a difference is 0, it has not.
        agreement_fgsm: the same with the gradient of the label's log-odds, which FGSM follows.
        flat: share of values whose difference is 0, against the first rival.
    """

    signs: Int8[np.ndarray, "rivals height width channels"]
    classes: Int[np.ndarray, "strengths rivals"]
    written: Int[np.ndarray, " strengths"]
    agreement: Float[np.ndarray, " rivals"]
    agreement_fgsm: Float[np.ndarray, ""]
    flat: Float[np.ndarray, ""]


def level_of(epsilon: float) -> int:
    """Returns the whole levels that an epsilon leaves room for."""
    return int(255 * epsilon)


def runners_up(found: Recognized, labels: Classes) -> Classes:
    """Returns the likeliest class of each image that is not its own."""
    odds = found.log_odds.copy()
    odds[np.arange(len(labels)), labels] = -np.inf
    return odds.argmax(axis=1)


def examine(
    network: Classifier,
    image: Figure,
    label: int,
    rivals: Sequence[int],
    *,
    step: float,
    of: str = "logits",
) -> Differences:
    """Attacks an image by finite differences, towards every rival, from one map of outputs.

    Args:
        network: that sees it.
        image: levels 0..255.
        label: of the image.
        rivals: classes that it is to be taken for.
        step: r, as a share of the range.
        of: outputs that differences are taken of, "logits" or "probabilities".
    """
    found = output_map(network, image, step=step, of=of)
    signs = np.stack([found.signs(label, rival) for rival in rivals])
    ways = np.concatenate([signs, -signs[:1]])
    changed = np.concatenate([perturb(image[None], ways, level) for level in LEVELS])
    classes = recognize(network, changed).classes.reshape(len(LEVELS), len(ways))
    gradients = _gradient_signs(network, image, label, rivals)
    return Differences(
        signs=signs,
        classes=classes[:, :-1],
        written=classes[:, -1],
        agreement=np.mean(signs == gradients[1:], axis=(1, 2, 3)),
        agreement_fgsm=np.mean(signs[0] == gradients[0]),
        flat=np.mean(signs[0] == 0),
    )


def perturb(
    images: UInt8[np.ndarray, "*images height width channels"],
    signs: Int8[np.ndarray, "*signs height width channels"],
    level: int,
) -> UInt8[np.ndarray, "*both height width channels"]:
    """Moves every value by whole levels against its sign, within 0..255; one may serve many."""
    return np.clip(images.astype(np.int16) - level * signs, 0, 255).astype(np.uint8)


def classes_by_fgsm(
    network: Classifier,
    images: Levels,
    labels: Classes,
    *,
    target: Classes | None = None,
    strengths: Sequence[int] = LEVELS,
) -> Int[np.ndarray, "strengths images"]:
    """Returns the likeliest classes after FGSM, at every strength."""
    epsilons = [(level + 0.5) / 255 for level in strengths]
    found = [
        fgsm(
            network,
            images[rows],
            labels[rows],
            target=None if target is None else target[rows],
            epsilon=epsilons,
        )
        for rows in parts(len(images))
    ]
    return np.concatenate([one.label for one in found], axis=1)


def classes_by_chance(
    network: Classifier, images: Levels, *, strengths: Sequence[int] = LEVELS
) -> Int[np.ndarray, "strengths images"]:
    """Returns the same where signs are drawn at random: what the size of a change does alone."""
    signs = random_signs(images.shape)
    return np.stack([recognize(network, perturb(images, signs, k)).classes for k in strengths])


def random_signs(shape: tuple[int, ...]) -> Int8[np.ndarray, "images height width channels"]:
    """Draws -1 or 1 for every value."""
    return np.random.default_rng(0).choice(np.array([-1, 1], np.int8), shape)


def parts(count: int) -> list[slice]:
    """Returns rows that are attacked together."""
    return [slice(start, min(start + PART, count)) for start in range(0, count, PART)]


def share_at(is_hit: Bool[np.ndarray, "strengths images"], epsilon: float) -> Share:
    """Returns the share of the images that are hit at an epsilon."""
    hit = is_hit[LEVELS.index(level_of(epsilon))]
    return proportion_interval(int(hit.sum()), len(hit))


def smallest_epsilons(
    is_hit: Bool[np.ndarray, "strengths images"],
) -> Float[np.ndarray, " images"]:
    """Returns the least strength that hits each image, as a share of the range; infinity if none.

    It is one of `LEVELS`.
    """
    first = np.array(LEVELS)[is_hit.argmax(axis=0)] / 255
    return np.where(is_hit.any(axis=0), first, np.inf)


def strip(
    network: Classifier,
    image: Figure,
    signs: Int8[np.ndarray, "height width channels"],
    epsilons: Sequence[float],
    heading: str,
) -> Section:
    """Shows an image, the signs of its change, and what a network makes of it at each epsilon."""
    changed = [perturb(image[None], signs[None], level_of(epsilon)) for epsilon in epsilons]
    found = recognize(network, np.concatenate([image[None], *changed]))
    seen = [
        [first_name(network.card.labels[index]), f"{sure:.1%}"]
        for index, sure in zip(found.classes, found.confidence, strict=True)
    ]
    change = (128 - 127 * signs.astype(np.int16)).astype(np.uint8)
    return Section(
        heading,
        [thumbnail(levels) for levels in (image, change, *(one[0] for one in changed))],
        [
            seen[0],
            ["the change, enlarged"],
            *(
                [*names, f"epsilon {epsilon:g}"]
                for names, epsilon in zip(seen[1:], epsilons, strict=True)
            ),
        ],
    )


def draw_curves(
    path: Path,
    panels: Mapping[str, Mapping[str, Float[np.ndarray, " strengths"]]],
    *,
    strengths: Sequence[int] = LEVELS,
) -> None:
    """Draws shares over epsilon, a panel for each key, a curve for each key within."""
    epsilons = np.array(strengths) / 255
    with chart(path, size=(6 * len(panels), 4), panels=len(panels)) as axes:
        for each, (title, curves) in zip(np.atleast_1d(axes), panels.items(), strict=True):
            for (name, shares), style in zip(curves.items(), itertools.cycle(STYLES), strict=False):
                each.plot(epsilons, shares, style, label=name, markersize=4)
            each.set_title(title)
            each.set_xlabel("epsilon")
            each.set_ylabel("share of the images")
            each.set_ylim(-0.02, 1.02)
            each.grid(alpha=0.3)
            each.legend(fontsize=8)


def _gradient_signs(
    network: Classifier, image: Figure, label: int, rivals: Sequence[int]
) -> Int8[np.ndarray, "rows height width channels"]:
    """Returns the signs of the gradient of the label's log-odds, then of its lead over rivals."""
    offset = network.card.class_offset
    function = _gradients(network.apply)
    found = function(network.params, image, label + offset, np.array(rivals) + offset)
    return np.sign(np.asarray(found)).astype(np.int8)


@cache
def _gradients(apply: Callable[[Any, Any], Any]) -> Any:
    def gradients(params: Any, image: Array, label: Array, rivals: Int[Array, " rivals"]) -> Array:
        def leads(levels: Array) -> Array:
            outputs = apply(params, levels[None] / 255)[0]
            others = outputs.at[label].set(-jnp.inf)
            odds = outputs[label] - jax.nn.logsumexp(others)
            return jnp.concatenate([odds[None], outputs[label] - outputs[rivals]])

        return jax.jacrev(leads)(image.astype(jnp.float32))

    return jax.jit(gradients)
