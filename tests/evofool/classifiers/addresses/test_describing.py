"""What a file tells of its input, what the address adds, and what is guessed."""

import pytest

from evofool.classifiers.addresses.describing import find_input, labels_in, make_card
from evofool.classifiers.addresses.options import read_options
from evofool.support import UserError, parse_address


def given(query: str = ""):
    address = parse_address(f"onnx:model.onnx?{query}")
    assert address is not None
    return address, read_options(address)


@pytest.mark.parametrize(
    ("shape", "query", "expected", "layout", "guessed"),
    [
        ((None, 3, 224, 200), "", (224, 200, 3), "NCHW", ()),
        ((1, 28, 28, 1), "", (28, 28, 1), "NHWC", ()),
        ((None, 3, None, None), "input=48x192", (48, 192, 3), "NCHW", ()),
        ((None, None, None, None), "input=8x8", (8, 8, 3), "NCHW", ("layout", "channel_order")),
        ((None, None, None, None), "input=8x8x1&layout=nhwc", (8, 8, 1), "NHWC", ()),
        ((None, 784), "", (28, 28, 1), "NHWC", ()),
        ((None, 3072), "", (32, 32, 3), "NHWC", ()),
        ((None, 28, 28), "", (28, 28, 1), "NHWC", ()),
    ],
)
def test_the_image_is_read_from_the_file(shape, query, expected, layout, guessed):
    image = find_input(given()[0], shape, given(query)[1])
    assert (image.shape, image.layout, image.guessed) == (expected, layout, guessed)


@pytest.mark.parametrize(
    ("shape", "query", "message"),
    [
        ((None, 3, None, None), "", "of any size .* say which with the option input=HEIGHTxWIDTH"),
        ((1, 3, 224, 224), "input=96x96", "input is 96x96, but the file takes 1x3x224x224"),
        ((1, 4, 32, 32), "", "images of 4 channels"),
        ((1, 17), "", "from which no image can be told"),
    ],
)
def test_what_cannot_be_told_is_asked_for(shape, query, message):
    with pytest.raises(UserError, match=message):
        find_input(given()[0], shape, given(query)[1])


def test_what_nobody_says_is_marked_as_guessed(tmp_path):
    address, options = given()
    image = find_input(address, (1, 3, 8, 8), options)
    card = make_card(address, options, image, outputs=4, scores="logits", sha256="0")
    assert card.guessed == ("mean", "scale", "channel_order", "labels")
    again = type(card).from_dict(card.to_dict())
    assert again == card
    address, options = given("prep=caffe")
    card = make_card(
        address, options, image, outputs=2, scores="logits", sha256="0", labels=("a", "b")
    )
    assert (card.guessed, card.channel_order, card.mean) == ((), "BGR", (104, 117, 123))


def test_a_card_of_another_model_is_refused(tmp_path):
    address, options = given()
    image = find_input(address, (1, 3, 8, 8), options)
    make_card(address, options, image, outputs=4, scores="logits", sha256="0").write(
        tmp_path / "card.json"
    )
    address, options = given(f"card={tmp_path / 'card.json'}")
    with pytest.raises(UserError, match="is for a model with sha256 0, and this one has 1"):
        make_card(address, options, image, outputs=4, scores="logits", sha256="1")
    with pytest.raises(UserError, match=r"has 4 outputs .* the model has 5"):
        make_card(address, options, image, outputs=5, scores="logits", sha256="0")


def test_labels_that_exporters_leave_are_found_without_running_anything():
    assert labels_in({"names": "{0: 'cat', 1: 'dog'}"}) == ("cat", "dog")
    assert labels_in({"classes": '["a", "b"]', "author": "x"}) == ("a", "b")
    assert labels_in({"names": "[__import__('os').getcwd()]"}) == ()
