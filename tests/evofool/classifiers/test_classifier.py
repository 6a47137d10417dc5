import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from evofool.classifiers.architectures.lenet import lenet_card
from evofool.classifiers.card import Card
from evofool.classifiers.classifier import (
    Classifier,
    check_classifier,
    make_network,
    register_family,
)
from evofool.classifiers.loading import load_classifier
from evofool.support.errors import UserError

CARD = Card(
    name="toy",
    family="toy",
    input_shape=(4, 5, 1),
    outputs=3,
    labels=("a", "b", "c"),
    channel_order="grey",
    mean=(0.0,),
    scale=1 / 255,
)


def sums(params: Any, images: Any) -> Any:
    return jnp.sum(images, axis=(1, 2)) * jnp.arange(3.0)[None] + params


def constant(value: float) -> Callable[[Any, Any], Any]:
    return lambda params, images: jnp.full((len(images), 3), value)


def toy(apply: Callable[[Any, Any], Any], **changes: Any) -> Classifier:
    return Classifier(card=CARD, params=jnp.float32(0.0), apply=apply, **changes)


def test_a_sound_classifier_passes():
    check_classifier(toy(sums))


def raises(params: Any, images: Any) -> Any:
    raise RuntimeError("no such layer\nand a long story")


def with_nan(params: Any, images: Any) -> Any:
    return sums(params, images).at[1, 2].set(jnp.nan)


@pytest.mark.parametrize(
    ("apply", "message"),
    [
        (
            lambda params, images: sums(params, images)[:, :2],
            "(8, 2) for 8 images; expected (8, 3)",
        ),
        (lambda params, images: images, "returned shape (8, 4, 5, 1)"),
        (with_nan, "NaN or infinity in 1 of 3 outputs (first: output 2)"),
        (constant(jnp.inf), "NaN or infinity in 3 of 3 outputs"),
        (lambda params, images: sums(params, images) > 1, "outputs of type bool; expected float32"),
        (lambda params, images: sums(params, images) + 1j, "outputs of type complex64"),
        (constant(0.25), "the same output for 8 different images"),
        (
            raises,
            "failed on images of shape (8, 4, 5, 1) (float32 in [0, 1]): RuntimeError: no such",
        ),
    ],
)
def test_an_unsound_classifier_is_described(apply, message):
    with pytest.raises(UserError) as caught:
        check_classifier(toy(apply))
    assert message in str(caught.value)
    assert str(caught.value).startswith("classifier 'toy'")
    assert "\n" not in str(caught.value)


def test_probabilities_are_asked_for_with_numpy_arrays_and_checked():
    def softmax(params, images):
        assert type(images) is np.ndarray
        odds = np.exp(images.mean(axis=(1, 2)) * np.arange(3.0))
        return odds / odds.sum(axis=1, keepdims=True)

    check_classifier(toy(softmax, kind="probabilities"))
    with pytest.raises(UserError, match="smallest value is -"):
        check_classifier(toy(lambda p, x: softmax(p, x) - 0.5, kind="probabilities"))
    with pytest.raises(UserError, match=r"sum differs from 1 by up to 1\b"):
        check_classifier(toy(lambda p, x: 2 * softmax(p, x), kind="probabilities"))


def test_networks_of_like_cards_share_one_compilation():
    card = lenet_card()
    other = dataclasses.replace(
        card, name="mine", sha256="0" * 64, notes="others", labels=("x",) * 10
    )
    assert make_network(card).apply is make_network(other).apply
    assert make_network(card).apply is not make_network(lenet_card(outputs=11)).apply
    assert make_network(card).apply is not make_network(lenet_card(activation="sigmoid")).apply


def test_an_unknown_family_offers_the_known():
    with pytest.raises(UserError, match=r"unknown family .* 'lenett'; did you mean 'lenet'"):
        make_network(dataclasses.replace(lenet_card(), family="lenett"))


def test_a_family_registers_once():
    with pytest.raises(ValueError, match="'lenet' is registered already"):
        register_family("lenet", lambda card, rngs: None)  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize("outputs", [10, 11])
def test_parameters_start_as_the_shapes_say(outputs, key):
    network = make_network(lenet_card(outputs=outputs))
    assert jax.eval_shape(network.init, key) == network.shapes


@pytest.mark.parametrize("factor", [0.5, 2.0, 255.0])
def test_check_catches_inputs_on_another_scale_than_the_cards(factor):
    lenet = load_classifier("lenet")
    check_classifier(lenet)
    scaled = dataclasses.replace(lenet, apply=lambda p, x: lenet.apply(p, factor * x))
    with pytest.raises(UserError, match="its card records"):
        check_classifier(scaled)


def test_check_catches_weights_that_were_not_loaded():
    lenet = load_classifier("lenet")
    random_weights = make_network(lenet.card).init(jax.random.key(0))
    with pytest.raises(UserError, match="its card records"):
        check_classifier(dataclasses.replace(lenet, params=random_weights))


def test_64_bits_are_refused_in_a_line():
    jax.config.update("jax_enable_x64", True)
    try:
        with pytest.raises(UserError, match="evofool computes in float32, and JAX is set to 64"):
            load_classifier("mock:4")
    finally:
        jax.config.update("jax_enable_x64", False)


def outside(apply, **changes):
    card = Card(name="outside", input_shape=(4, 5, 1), outputs=2, labels=("a", "b"))
    return Classifier(card=card, params=None, apply=apply, **changes)


def test_a_forgotten_kind_is_named():
    def ask(_, images):
        bright = np.asarray(images).mean(axis=(1, 2, 3))
        return np.stack([bright, 1 - bright], axis=1)

    with pytest.raises(UserError, match=r"outside JAX \(.*give Classifier\(\.\.\., kind='prob"):
        check_classifier(outside(ask))
    check_classifier(outside(ask, kind="probabilities"))


@pytest.mark.parametrize("error", [SystemExit, BrokenPipeError, TimeoutError])
def test_whatever_a_model_raises_is_an_error_with_its_line(error):
    def ask(_, images):
        raise error("away")

    with pytest.raises(UserError, match=rf"{error.__name__}: away \(.*test_classifier.py, line"):
        check_classifier(outside(ask, kind="probabilities"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"card": None}, "card is a NoneType; expected an evofool.Card"),
        ({"apply": 3}, "apply is a int; expected a function"),
        ({"kind": "LOGITS"}, "unknown kind of outputs 'LOGITS'"),
    ],
)
@pytest.mark.usefixtures("wrong_types")
def test_a_classifier_of_other_members_is_refused_when_it_is_made(changes, message):
    members = {"card": toy(sums).card, "params": None, "apply": sums, **changes}
    with pytest.raises(UserError, match=message):
        Classifier(**members)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": (1, 2, 3)}, "label of class 0 is 1; expected text"),
        ({"input_shape": (8, 8)}, r"input_shape is \(8, 8\); expected \(height, width, channels\)"),
    ],
)
@pytest.mark.usefixtures("wrong_types")
def test_a_card_with_members_of_other_kinds_is_refused(changes, message):
    with pytest.raises(UserError, match=message):
        dataclasses.replace(toy(sums).card, **changes)


class Bare(BaseException):
    """As some libraries have them, to end a thread."""


@pytest.mark.parametrize("error", [Bare, GeneratorExit, StopIteration])
def test_what_is_derived_from_base_exception_is_blamed_too(error):
    def ask(_, images):
        raise error("away")

    with pytest.raises(UserError, match=rf"{error.__name__}: away"):
        check_classifier(outside(ask, kind="probabilities"))


def test_what_a_model_prints_is_no_result(capsys):
    def ask(_, images):
        print("loading")
        bright = images.mean(axis=(1, 2, 3))
        return np.stack([bright, 1 - bright], axis=1)

    check_classifier(outside(ask, kind="probabilities"))
    assert capsys.readouterr() == ("", "loading\n")
