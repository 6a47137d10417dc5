"""Several classifiers that must be fooled at once.

References:
    Nguyen, Yosinski and Clune 2015, section 3: fooling images of an ensemble, by the mean of its
    members' confidences.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Literal

import jax.numpy as jnp
from jaxtyping import Array, Float

from evofool.classifiers.card import Card
from evofool.classifiers.classifier import Classifier
from evofool.classifiers.views import mean_log_odds, with_views
from evofool.support import UserError, unknown_name

Combine = Literal["mean", "min"]
COMBINATIONS: dict[str, Callable[[Any], Any]] = {
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

    Its outputs are the log-odds, per class, of the members' mean or least confidence. Every
    member sees the image at its own input size, and its own "background" output is no class.

    Args:
        members: classifiers inside JAX.
        combine: "mean" as in the paper, or "min": certain only where every member is.
        image_shape: (height, width, channels) that images are drawn at; the largest input of a
            member unless given.
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
    seeing = tuple(with_views(member, shape, views=views) for member in members)

    def apply(params: Any, images: Any) -> Float[Array, "batch classes"]:
        each = [
            member.log_odds(member.apply(own, images))[:, member.card.class_offset :]
            for member, own in zip(seeing, params, strict=True)
        ]
        return COMBINATIONS[combine](jnp.stack(each))

    return Classifier(
        card=_joint_card([member.card for member in members], shape, combine),
        params=tuple(member.params for member in seeing),
        apply=apply,
        kind="log_odds",
        members=tuple(members),
        views=sum(member.views for member in seeing),
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
