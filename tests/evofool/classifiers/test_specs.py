import json

import pytest

from evofool.classifiers.architectures.lenet import lenet_card
from evofool.classifiers.specs import card_of_entry, find_card
from evofool.support.errors import UserError

ENTRY = {
    "family": "mobilenet_v1",
    "width": 0.25,
    "input": [128, 128, 3],
    "channel_order": "RGB",
    "mean": [128, 128, 128],
    "scale": 0.0078125,
    "outputs": 1001,
    "class_offset": 1,
    "crop": 224,
    "parameters": 467_593,  # says nothing about the network; ignored
}


def test_an_entry_for_imagenet_gets_its_labels_and_ids():
    card = card_of_entry("net", ENTRY, source="specs.json, net")
    assert (card.name, card.input_shape, card.crop, card.resize) == ("net", (128, 128, 3), 224, 256)
    assert (card.labels[327], card.ids[327]) == ("starfish, sea star", "n02317335")
    assert card.padding == "SAME"


@pytest.mark.parametrize(
    ("outputs", "offset", "wanted"), [(1001, 0, 1), (1001, 2, 1), (1000, 1, 0)]
)
def test_a_class_offset_that_leaves_other_classes_than_imagenets_is_refused(
    outputs, offset, wanted
):
    entry = ENTRY | {"outputs": outputs, "class_offset": offset}
    message = f"specs: class_offset is {offset} with {outputs} outputs; expected {wanted} for Imag"
    with pytest.raises(UserError, match=message):
        card_of_entry("net", entry, source="specs")


def test_other_classes_bring_their_own_labels():
    entry = ENTRY | {"class_offset": 0, "labels": [str(index) for index in range(1001)]}
    card = card_of_entry("net", entry, source="specs")
    assert (card.classes, card.ids, card.resize, card.padding) == (1001, (), 0, "symmetric")


def test_a_card_beside_the_weights_comes_before_the_entry(tmp_path):
    (tmp_path / "specs.json").write_text(json.dumps({"net": ENTRY}))
    weights = tmp_path / "net.safetensors"
    assert find_card(weights).family == "mobilenet_v1"
    lenet_card().write(tmp_path / "net.json")
    assert find_card(weights).family == "lenet"


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        ({"nett": ENTRY}, "unknown entry in .*'net'; did you mean 'nett'"),
        ({"net": 3}, "expected a JSON object with an object for each weights file"),
        ([ENTRY], "expected a JSON object with an object for each weights file"),
    ],
)
def test_a_list_of_cards_without_the_entry_is_refused(specs, message, tmp_path):
    (tmp_path / "specs.json").write_text(json.dumps(specs))
    with pytest.raises(UserError, match=message):
        find_card(tmp_path / "net.safetensors")
