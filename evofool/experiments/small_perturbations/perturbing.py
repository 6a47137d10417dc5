"""What the experiments on small perturbations share: sign maps, what they do, how it is shown.

Perturbations are whole levels of 8-bit images: an epsilon of .05 is 12 of 255 levels, .01 is 2.
A recognised image is *lost* when it is taken for another class. *Hits* are a table of whether an
attack succeeds, with a row for each strength and a column for each image.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Int8, UInt8

from evofool.attacks import AttackResult, fgsm, output_map
from evofool.classifiers import Classifier, Params
from evofool.evaluation import Recognized, recognize
from evofool.experiments.bench import Lab
from evofool.experiments.report import (
    Claim,
    Figure,
    Row,
    cells,
    recognized_captions,
    rows_of,
    section,
)
from evofool.images import Levels, Section, chart
from evofool.measures import Share, proportion_interval
from evofool.support import AnyArray

Image = UInt8[np.ndarray, "height width channels"]
Signs = Int8[np.ndarray, "height width channels"]
Classes = Int[np.ndarray, " images"]
Hits = Bool[np.ndarray, "strengths images"]

LEVELS = (*range(1, 13), 15, 18, 21, 25)  # of 255, that values change by
PART = 256  # images attacked together
STYLES = ("o-", "s-", "^-", "v-", "D--", "x--", "+:", "*:")  # of curves


class Differences(NamedTuple):
    """An attack on one image by finite differences, towards rivals of its label.

    Signs agree where the gradient of the same quantity has them; a difference of 0 does not.
    """

    signs: Int8[np.ndarray, "rivals height width channels"]  # 1 where raising it favours the label
    classes: Int[np.ndarray, "strengths rivals"]  # the likeliest at each of `LEVELS`
    written: Int[np.ndarray, " strengths"]  # first rival, with the sign that the article writes
    agreement: Float[np.ndarray, " rivals"]  # share of the signs that agree with the gradient's
    agreement_fgsm: Float[np.ndarray, ""]  # first rival, with that of the label's log-odds (FGSM)
    flat: Float[np.ndarray, ""]  # first rival, share of the values whose difference is 0


def level_of(epsilon: float) -> int:
    """Returns the whole levels that an epsilon leaves room for."""
    return int(255 * epsilon)


def runners_up(seen: Recognized, labels: Classes) -> Classes:
    """Returns the likeliest class of each image but its label."""
    odds = seen.log_odds.copy()
    odds[np.arange(len(labels)), labels] = -np.inf
    return odds.argmax(axis=1)


def examine(
    network: Classifier, image: Image, label: int, rivals: Sequence[int], *, step: float
) -> Differences:
    """Attacks an image by finite differences, towards every rival, from one map of its logits.

    Args:
        network: that sees it.
        image: levels 0..255.
        label: of the image.
        rivals: classes that it is to be taken for.
        step: r, as a share of the range.
    """
    outputs = output_map(network, image, step=step)
    signs = np.stack([outputs.signs(label, rival) for rival in rivals])
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


def fgsm_in_parts(
    network: Classifier,
    images: Levels,
    labels: Classes,
    *,
    target: Classes | None = None,
    strengths: Sequence[int] = LEVELS,
) -> Iterator[AttackResult]:
    """Attacks images by FGSM at every strength, `PART` of them at a time."""
    epsilons = [(level + 0.5) / 255 for level in strengths]
    for rows in parts(len(images)):
        aim = None if target is None else target[rows]
        yield fgsm(network, images[rows], labels[rows], target=aim, epsilon=epsilons)


def classes_by_fgsm(
    network: Classifier, images: Levels, labels: Classes, *, target: Classes | None = None
) -> Int[np.ndarray, "strengths images"]:
    """Returns the likeliest classes after FGSM, at every strength."""
    results = fgsm_in_parts(network, images, labels, target=target)
    return np.concatenate([result.label for result in results], axis=1)


def classes_by_chance(
    network: Classifier, images: Levels, *, strengths: Sequence[int] = LEVELS
) -> Int[np.ndarray, "strengths images"]:
    """Returns the likeliest classes where signs are random: the effect of a change's size alone."""
    signs = random_signs(images.shape)
    return np.stack([recognize(network, perturb(images, signs, k)).classes for k in strengths])


def random_signs(shape: tuple[int, ...]) -> Int8[np.ndarray, "images height width channels"]:
    """Draws -1 or 1 for every value."""
    return np.random.default_rng(0).choice(np.array([-1, 1], np.int8), shape)


def parts(count: int) -> list[slice]:
    """Returns rows that are attacked together."""
    return [slice(start, min(start + PART, count)) for start in range(0, count, PART)]


def share_of(hits: Bool[np.ndarray, " images"]) -> Share:
    """Returns the share of images that are hit."""
    return proportion_interval(int(hits.sum()), len(hits))


def share_at(hits: Hits, epsilon: float) -> Share:
    """Returns the share of images that are hit at an epsilon."""
    return share_of(hits[LEVELS.index(level_of(epsilon))])


def share_cells(hits: Hits, epsilons: Sequence[float]) -> list[str]:
    """Writes the share of images that are hit at each epsilon, with its interval."""
    shares = [share_at(hits, epsilon) for epsilon in epsilons]
    return [f"{cells.share(share.share)} {cells.interval(share)}" for share in shares]


def lost_rows(
    lost: Mapping[str, Hits],
    epsilons: Sequence[float],
    images: str,
    *,
    claims: Sequence[Claim] = (),
) -> Iterator[Row]:
    """Returns a row for each attack and epsilon, beside the claim on it, if there is one."""
    for attack, hits in lost.items():
        shares = {
            f"lost at epsilon {epsilon:g}, {attack}": [share_at(hits, epsilon).share]
            for epsilon in epsilons
        }
        yield from rows_of(shares, claims=claims, n=f"{hits.shape[1]} {images}")


def smallest_epsilons(hits: Hits) -> Float[np.ndarray, " images"]:
    """Returns the least of `LEVELS` that hits each image, as a share of the range; or infinity."""
    first = np.array(LEVELS)[hits.argmax(axis=0)] / 255
    return np.where(hits.any(axis=0), first, np.inf)


def strip(
    network: Classifier, image: Image, signs: Signs, epsilons: Sequence[float], heading: str
) -> Section:
    """Shows an image, the signs of its change, and what a network makes of it at each epsilon."""
    changed = [perturb(image, signs, level_of(epsilon)) for epsilon in epsilons]
    seen, *captions = recognized_captions(network, np.stack([image, *changed]))
    for caption, epsilon in zip(captions, epsilons, strict=True):
        caption.append(f"epsilon {epsilon:g}")
    change = (128 - 127 * signs.astype(np.int16)).astype(np.uint8)
    return section(heading, [image, change, *changed], [seen, ["the change, enlarged"], *captions])


def draw_curves(
    lab: Lab,
    caption: str,
    panels: Mapping[str, Mapping[str, Float[np.ndarray, " strengths"]]],
    *,
    strengths: Sequence[int] = LEVELS,
) -> Figure:
    """Draws shares over epsilon, a panel for each key, a curve for each key within."""
    epsilons, size = np.array(strengths) / 255, (6 * len(panels), 4)
    with chart(lab.folder / "curves.png", size=size, panels=len(panels)) as all_axes:
        for axes, (title, curves) in zip(np.atleast_1d(all_axes), panels.items(), strict=True):
            for (name, shares), style in zip(curves.items(), itertools.cycle(STYLES), strict=False):
                axes.plot(epsilons, shares, style, label=name, markersize=4)
            labels = {"xlabel": "epsilon", "ylabel": "share of the images"}
            axes.set(title=title, ylim=(-0.02, 1.02), **labels)
            axes.grid(alpha=0.3)
            axes.legend(fontsize=8)
    return Figure(file="curves.png", caption=caption)


def _gradient_signs(
    network: Classifier, image: Image, label: int, rivals: Sequence[int]
) -> Int8[np.ndarray, "rows height width channels"]:
    """Returns the signs of the gradient of the label's log-odds, then of its lead over rivals."""
    offset = network.card.class_offset
    function = _gradients(network.apply)
    gradients = function(network.params, image, label + offset, np.array(rivals) + offset)
    return np.sign(np.asarray(gradients)).astype(np.int8)


@cache
def _gradients(apply: Callable[[Params, AnyArray], AnyArray]) -> Callable[..., Array]:
    def gradients(
        params: Params, image: Array, label: Array, rivals: Int[Array, " rivals"]
    ) -> Array:
        def leads(levels: Array) -> Array:
            outputs = apply(params, levels[None] / 255)[0]
            others = outputs.at[label].set(-jnp.inf)
            odds = outputs[label] - jax.nn.logsumexp(others)
            return jnp.concatenate([odds[None], outputs[label] - outputs[rivals]])

        return jax.jacrev(leads)(image.astype(jnp.float32))

    return jax.jit(gradients)
