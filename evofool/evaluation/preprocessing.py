"""Which of the usual preprocessings fits a model that others made: all are tried."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from evofool.classifiers import Card, Classifier, ClassifierError, Params, usual_cards
from evofool.support import AnyArray, UserError, rounded_percent

SHOWN = 4  # of the preprocessings that were tried, the best
GAIN = 0.1  # of accuracy, which only a mistake in preprocessing gains


def try_preprocessings(
    classifier: Classifier, measure: Callable[[Classifier], float]
) -> tuple[bool, str] | None:
    """Ranks the usual ranges, means and channel orders by how much is recognised with each.

    Args:
        classifier: of a model in a file or in memory; None comes back for others, whose
            preprocessing is known.
        measure: gives the accuracy of a classifier, in [0, 1].

    Returns:
        Whether none gains more than `GAIN` over the one that is used; and the best, in words.
    """
    if not classifier.card.layout:
        return None
    usual, apply = measure(classifier), _with_other_input(classifier)
    found: dict[str, float] = {}
    for option, card in usual_cards(classifier.card).items():
        params = (classifier.params, _change(classifier.card, card))
        seeing = dataclasses.replace(
            classifier, card=card, params=params, apply=apply, members=(), other=None
        )
        try:
            found[option] = measure(seeing)
        except ClassifierError:
            raise
        except UserError:  # with that input it says the same of every image
            found[option] = 0.0
    ranked = sorted(found, key=lambda option: -found[option])
    passed = found[ranked[0]] - usual <= GAIN
    figures = [f"?{option} {rounded_percent(found[option], digits=2)}" for option in ranked[:SHOWN]]
    advice = "" if passed else f"; use ?{ranked[0]}"
    return passed, (
        f"top-1 as it is {rounded_percent(usual, digits=2)}; best of {len(found)} usual ones: "
        f"{', '.join(figures)} (expected to gain {rounded_percent(GAIN, digits=0)} at most){advice}"
    )


Change = dict[str, Array | np.ndarray]


def _change(now: Card, other: Card) -> Change:
    """Returns what makes an image that, prepared as now, is what the other preparation makes.

    In the network's order of channels that is `factor * image + shift`.
    """
    factor = np.asarray(other.scale) / np.asarray(now.scale)
    shift = (np.asarray(now.mean) - factor * np.asarray(other.mean)) / 255
    channels = now.input_shape[2]
    return {
        "factor": np.broadcast_to(factor, channels).astype(np.float32),
        "shift": np.broadcast_to(shift, channels).astype(np.float32),
        "is_exchanged": np.asarray(now.channel_order != other.channel_order),
    }


def _with_other_input(classifier: Classifier) -> Callable[..., AnyArray]:
    """Returns the function of images that are changed first: one program for all changes."""
    is_bgr = classifier.card.channel_order == "BGR"

    def ordered(images: Array) -> Array:
        return images[..., ::-1] if is_bgr else images

    def changed(change: Change, images: Array) -> Array:
        seen = jnp.where(change["is_exchanged"], images[..., ::-1], images)
        return ordered(ordered(seen) * change["factor"] + change["shift"])

    def apply(params: tuple[Params, Change], images: AnyArray) -> AnyArray:
        return classifier.apply(params[0], changed(params[1], images))

    to_host = jax.jit(changed)

    def apply_outside(params: tuple[Params, Change], images: np.ndarray) -> AnyArray:
        return classifier.apply(params[0], np.asarray(to_host(params[1], images)))

    return apply if classifier.is_jax else apply_outside
