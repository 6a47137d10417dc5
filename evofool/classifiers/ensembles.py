"""Ensembles: several classifiers that one image must fool at once.

References:
    Nguyen, Yosinski and Clune 2015, section 3: fooling images of an ensemble, by the mean of its
    members' confidences.
"""

import dataclasses
from collections.abc import Callable, Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float

from evofool.classifiers.card import Card, ImageBatch
from evofool.classifiers.classifier import Classifier, Params
from evofool.classifiers.views import mean_log_odds, with_views
from evofool.support import UserError, unknown_name

COMBINATIONS: dict[str, Callable[[Array], Array]] = {
    "mean": mean_log_odds,
    "min": lambda log_odds: jnp.min(log_odds, axis=0),
}


def ensemble(
    members: Sequence[Classifier],
    *,
    combine: str = "mean",
    image_shape: tuple[int, int, int] | None = None,
    views: str = "single",
) -> Classifier:
    """Joins classifiers of the same classes into one.

    Its outputs are, per class, the log-odds of the members' mean or smallest confidence. Every
    member is given the image at its input size; the "background" output of a member is left out.

    Args:
        members: classifiers inside JAX.
        combine: "mean" as in the paper, or "min": certain only where every member is certain.
        image_shape: (height, width, channels) of the images; by default the largest input of a
            member.
        views: of each member, see `with_views`.

    Raises:
        UserError: fewer than two members, one outside JAX, other classes or channels, or an
            unknown combination.
    """
    if combine not in COMBINATIONS:
        raise unknown_name("combine", combine, COMBINATIONS)
    if len(members) < 2:
        raise UserError(f"an ensemble of {len(members)} classifier(s); expected 2 or more")
    for member in members:
        _check_joins(members[0].card, member)
    shape = image_shape or max((m.card.input_shape for m in members), key=lambda s: s[0] * s[1])
    resized = tuple(with_views(member, shape, views=views) for member in members)

    def apply(params: Params, images: ImageBatch) -> Float[Array, "batch classes"]:
        log_odds = [
            member.log_odds(member.apply(weights, images))[:, member.card.class_offset :]
            for member, weights in zip(resized, params, strict=True)
        ]
        return COMBINATIONS[combine](jnp.stack(log_odds))

    return Classifier(
        card=_joint_card([member.card for member in members], shape, combine),
        params=tuple(member.params for member in resized),
        apply=apply,
        kind="log_odds",
        members=tuple(members),
        views=sum(member.views for member in resized),
    )


def _check_joins(first: Card, member: Classifier) -> None:
    card = member.card
    if not member.is_jax:
        raise UserError(
            f"{card.name!r} runs outside JAX; the members of an ensemble must be JAX functions"
        )
    have_other_ids = card.ids and first.ids and card.ids != first.ids
    if card.classes != first.classes or have_other_ids:
        raise UserError(
            f"{card.name!r} has {card.classes} classes and {first.name!r} {first.classes}, or in "
            "another order; the members of an ensemble must have the same classes"
        )


def _joint_card(cards: Sequence[Card], shape: tuple[int, int, int], combine: str) -> Card:
    channels = shape[2]
    return dataclasses.replace(
        cards[0],
        name="+".join(card.name for card in cards),
        family="ensemble",
        input_shape=shape,
        outputs=cards[0].classes,
        class_offset=0,
        channel_order="grey" if channels == 1 else "RGB",
        mean=(0.0,) * channels,
        scale=1 / 255,
        crop=max(card.crop for card in cards),
        ids=next((card.ids for card in cards if card.ids), ()),
        sha256="+".join(card.sha256 for card in cards),
        test_accuracy=None,
        probe=(),
        notes=f"{combine} confidence of its members",
    )
