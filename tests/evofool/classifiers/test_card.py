import dataclasses
import json

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evofool.classifiers.architectures.lenet import lenet_card
from evofool.classifiers.card import Card, preprocess
from evofool.support.errors import UserError

COLOR = Card(
    name="colour",
    family="lenet",
    input_shape=(4, 5, 3),
    outputs=4,
    class_offset=1,
    labels=("ant", "bee", "cat"),
    channel_order="BGR",
    mean=(104.0, 117.0, 123.0),
    scale=1.0,
    sha256="ab" * 32,
    test_accuracy=0.5,
    notes="made up",
)


@pytest.mark.parametrize("card", [lenet_card(), lenet_card(outputs=11), COLOR])
def test_cards_survive_json(card, tmp_path):
    assert Card.from_dict(json.loads(json.dumps(card.to_dict()))) == card
    card.write(tmp_path / "card.json")
    assert Card.read(tmp_path / "card.json") == card


@given(st.sampled_from(["grey", "RGB", "BGR"]), st.floats(-1e3, 1e3), st.floats(1e-6, 1e3))
def test_cards_survive_json_whatever_the_numbers(order, mean, scale):
    channels = 1 if order == "grey" else 3
    card = dataclasses.replace(
        COLOR,
        input_shape=(4, 5, channels),
        channel_order=order,
        mean=(mean,) * channels,
        scale=scale,
    )
    assert Card.from_dict(json.loads(json.dumps(card.to_dict()))) == card


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lables": ["a"]}, "unknown key in card.json 'lables'; did you mean 'labels'"),
        ({"labels": ["ant"]}, "1 labels; expected 3, one per class"),
        ({"class_offset": 4}, "class_offset is 4 with 4 outputs"),
        ({"channel_order": "RBG"}, "did you mean 'RGB'"),
        ({"channel_order": "grey"}, "has 3 channel"),
        ({"mean": [0.0]}, "mean has 1 values; expected 3"),
        ({"input_shape": [4, 5]}, "expected [height, width, channels]"),
        ({"input_shape": [0, 5, 3]}, "expected 1 or more each"),
        ({"input_shape": [100_000, 100_000, 3]}, "at most 16,777,216 values in all"),
        ({"outputs": 1, "class_offset": 0, "labels": ["ant"]}, "softmax of one output is always 1"),
        ({"outputs": 10**20}, "expected 2..131,072"),
        ({"labels": ["ant", "x" * 10**6, "cat"]}, "class 1 has 1,000,000 letters"),
        ({"scale": 10**400}, "expected a float"),
        ({"activation": "tanh"}, "valid: relu, sigmoid"),
        ({"outputs": "four"}, "outputs has 'four'; expected int"),
        ({"outputs": 4.5}, "outputs has 4.5; expected int"),
        ({"outputs": True}, "outputs has True; expected int"),
        ({"scale": 0.0}, "scale is 0.0, mean (104.0, 117.0, 123.0); expected finite numbers"),
        ({"scale": [1.0, -1.0, 1.0]}, "and a scale above 0"),
        ({"scale": float("nan")}, "scale is nan"),
        ({"mean": [float("inf"), 0.0, 0.0]}, "mean (inf, 0.0, 0.0); expected finite numbers"),
        ({"mean": 3.0}, "mean is 3.0; expected a list"),
    ],
)
def test_card_errors_say_what_is_wrong(change, message):
    with pytest.raises(UserError) as caught:
        Card.from_dict(COLOR.to_dict() | change, source="card.json")
    assert message in str(caught.value)


def test_a_missing_key_is_named():
    values = COLOR.to_dict()
    del values["mean"], values["notes"]  # notes has a default
    with pytest.raises(UserError, match=r"card\.json: no value for mean$"):
        Card.from_dict(values, source="card.json")


@pytest.mark.parametrize(("text", "message"), [("{", "not valid JSON"), ("[]", "found list")])
def test_a_file_that_is_no_card_is_refused(text, message, tmp_path):
    (tmp_path / "card.json").write_text(text)
    with pytest.raises(UserError, match=message):
        Card.read(tmp_path / "card.json")


def test_preprocessing_of_the_lenet_changes_nothing():
    images = jnp.arange(256.0).reshape(1, 16, 16, 1) / 255
    assert preprocess(lenet_card(), images) is images


def test_preprocessing_reorders_channels_and_subtracts_levels():
    levels = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3))
    found = preprocess(COLOR, jnp.asarray(levels / 255, jnp.float32))
    expected = levels[..., ::-1] - np.array([104, 117, 123])
    np.testing.assert_allclose(found, expected, atol=1e-4)
