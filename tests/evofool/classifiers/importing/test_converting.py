"""What `convert_weights` writes and refuses; that the networks are right is tested in compare/."""

import dataclasses
import json

import jax
import numpy as np
import pytest
import safetensors.numpy

from evofool.classifiers.card import Card
from evofool.classifiers.classifier import check_classifier, make_network
from evofool.classifiers.importing.converting import convert_weights
from evofool.classifiers.importing.published import CONVERSIONS
from evofool.classifiers.labels import imagenet_ids, imagenet_labels
from evofool.classifiers.loading import load_classifier, read_classifier
from evofool.support.errors import UserError
from tests.evofool.torch_state import SMALL, state_of

TEN = [f"class {i}" for i in range(10)]


def write(path, state):
    tensors = {
        name: np.ascontiguousarray(value, np.int64 if value.dtype == np.int64 else np.float32)
        for name, value in state.items()
    }
    path.write_bytes(safetensors.numpy.save(tensors))
    return path


@pytest.fixture(scope="module")
def resnet():
    return state_of("resnet18", outputs=10)


@pytest.fixture(scope="module")
def squeezenet():
    return {outputs: state_of("squeezenet_v1.1", outputs=outputs) for outputs in (10, 1000, 1001)}


def refusal(state, folder, family="resnet18", **options):
    """Converts what cannot be converted; returns what is said of it, and finds nothing written."""
    path = write(folder / "net.safetensors", state)
    options = {"labels": TEN, "fields": SMALL, **options}
    with pytest.raises(UserError) as caught:
        convert_weights(path, family=family, out=folder / "out", **options)
    assert not (folder / "out").exists()
    return str(caught.value)


def test_a_network_is_converted_with_its_batch_norm_folded(resnet, tmp_path):
    path = write(tmp_path / "mine.safetensors", resnet)
    card = convert_weights(path, family="resnet18", out=tmp_path / "out", labels=TEN, fields=SMALL)
    classifier = load_classifier("mine", weights=tmp_path / "out")
    check_classifier(classifier)
    assert classifier.card == card
    assert len(card.probe) == 10
    assert card.notes == "converted from mine.safetensors"
    scale = resnet["bn1.weight"] / np.sqrt(resnet["bn1.running_var"] + 1e-5)
    kernel = (resnet["conv1.weight"] * scale[:, None, None, None]).transpose(2, 3, 1, 0)
    bias = resnet["bn1.bias"] - scale * resnet["bn1.running_mean"]
    layer = classifier.params["conv1"]
    np.testing.assert_allclose(layer["kernel"], kernel, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(layer["bias"], bias, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(
        classifier.params["fc"]["kernel"], resnet["fc.weight"].T.astype(np.float32)
    )


def test_the_card_knows_how_the_weights_are_fed(squeezenet, tmp_path):
    path = write(tmp_path / "net.safetensors", squeezenet[1000])
    card = convert_weights(
        path, family="squeezenet_v1.1", out=tmp_path / "out", name="other", fields=SMALL
    )
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "other.safetensors",
        "other.json",
    }
    assert card.name == "other"
    assert (card.channel_order, card.padding) == ("RGB", "symmetric")
    np.testing.assert_allclose(card.mean, [123.675, 116.28, 103.53])
    np.testing.assert_allclose(1 / np.asarray(card.scale), [58.395, 57.12, 57.375])
    assert (card.resize, card.crop, card.interpolation) == (256, 224, "bilinear")
    assert (card.labels, card.ids) == (imagenet_labels(), imagenet_ids())
    assert card.class_offset == 0


def test_googlenet_and_caffenet_are_fed_differently():
    googlenet, caffenet = CONVERSIONS["googlenet"].card, CONVERSIONS["caffenet"].card
    # torchvision's transform_input: from (x - mean) / std to (x - .5) / .5
    assert (googlenet["mean"], googlenet["scale"]) == ((127.5, 127.5, 127.5), 1 / 127.5)
    assert (caffenet["channel_order"], caffenet["mean"]) == ("BGR", (104.0, 117.0, 123.0))
    assert caffenet["input_shape"] == (227, 227, 3)


def test_with_1001_outputs_the_first_is_no_class(squeezenet, tmp_path):
    path = write(tmp_path / "net.safetensors", squeezenet[1001])
    card = convert_weights(path, family="squeezenet_v1.1", out=tmp_path / "out", fields=SMALL)
    assert (card.class_offset, card.classes) == (1, 1000)
    assert card.labels[0].startswith("tench")
    values = json.loads((tmp_path / "out/net.json").read_text())
    (tmp_path / "out/net.json").write_text(json.dumps({**values, "class_offset": 0}))
    with pytest.raises(UserError, match=r"1000 labels; expected 1001"):
        read_classifier(tmp_path / "out/net.safetensors")


@pytest.mark.slow
def test_channels_in_the_wrong_order_are_noticed(resnet, tmp_path):
    path = write(tmp_path / "net.safetensors", resnet)
    convert_weights(path, family="resnet18", out=tmp_path / "out", labels=TEN, fields=SMALL)
    classifier = read_classifier(tmp_path / "out/net.safetensors")
    check_classifier(classifier)
    card = dataclasses.replace(classifier.card, channel_order="BGR")
    swapped = dataclasses.replace(classifier, card=card, apply=make_network(card).apply)
    with pytest.raises(UserError, match="its weights or its preprocessing are not the card's"):
        check_classifier(swapped)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": TEN[:9]}, "9 labels; expected 10"),
        ({"labels": None}, "has 10 outputs, which are not the 1000 classes of ImageNet"),
        ({"fields": {"interpolatoin": "bicubic"}}, "did you mean 'interpolation'"),
        ({"fields": {"outputs": 11, "labels": TEN}}, "labels, outputs cannot be among them"),
        ({"fields": {"class_offset": 1}}, "10 labels; expected 9"),
    ],
)
def test_cards_that_do_not_fit_are_refused(options, message, squeezenet, tmp_path):
    assert message in refusal(squeezenet[10], tmp_path, "squeezenet_v1.1", **options)


def test_an_unknown_family_offers_the_known(resnet, tmp_path):
    said = refusal(resnet, tmp_path, family="resnet81")
    assert "unknown family to convert 'resnet81'; did you mean 'resnet18'" in said


def test_another_network_is_recognised(resnet, squeezenet, tmp_path):
    said = refusal(squeezenet[10], tmp_path)
    assert "is no state dict of resnet18 (torchvision): tensor 'bn1.bias' is missing" in said
    assert said.endswith("its tensors are named as those of squeezenet_v1.1")
    assert "named as those of resnet18" in refusal(resnet, tmp_path, family="resnet50")


@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.module.", "state_dict_ema.", "anything.at.all."]
)
def test_tensors_are_found_under_any_prefix(prefix, squeezenet, tmp_path):
    state = {f"{prefix}{name}": value for name, value in squeezenet[10].items()}
    path = write(tmp_path / "net.safetensors", {**state, "optimizer.step": np.ones(1)})
    options = {"labels": TEN, "fields": SMALL, "out": tmp_path / "out"}
    card = convert_weights(path, family="squeezenet_v1.1", **options)
    assert card.notes == f"converted from net.safetensors, tensors under {prefix!r}"


def test_two_copies_of_the_tensors_are_told_apart_by_the_user(squeezenet, tmp_path):
    state = {f"model.{name}": value for name, value in squeezenet[10].items()}
    state |= {f"ema.{name}": 2 * value for name, value in squeezenet[10].items()}
    said = refusal(state, tmp_path, "squeezenet_v1.1")
    assert "more than once, under the prefixes 'ema.', 'model.'" in said
    path = write(tmp_path / "net.safetensors", state)
    options = {"labels": TEN, "fields": SMALL, "out": tmp_path / "out", "prefix": "ema."}
    convert_weights(path, family="squeezenet_v1.1", **options)
    kernel = read_classifier(tmp_path / "out/net.safetensors").params["conv1"]["kernel"]
    expected = 2 * np.moveaxis(squeezenet[10]["features.0.weight"], (0, 1), (-1, -2))
    np.testing.assert_allclose(kernel, expected, rtol=1e-6)


def test_what_is_missing_under_a_prefix_is_named_without_it(resnet, tmp_path):
    state = {f"net.{name}": value for name, value in resnet.items() if name != "fc.bias"}
    said = refusal(state, tmp_path)
    assert "resnet18 (torchvision) under 'net.': tensor 'fc.bias' is missing" in said


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layer2.0.bn1.running_var": None}, "tensor 'layer2.0.bn1.running_var' is missing"),
        ({"extra.weight": np.ones(1)}, "tensor 'extra.weight' is not expected"),
        (
            {"layer1.0.conv1.weight": np.ones((64, 64, 1, 1))},
            "tensor 'layer1.0.conv1.weight': expected [64, 64, 3, 3], found [64, 64, 1, 1]",
        ),
        (
            {"bn1.running_mean": np.ones(1)},
            "tensor 'bn1.running_mean': expected [64], found [1]",
        ),
        ({"fc.bias": np.full(10, np.nan)}, "fc holds NaN or infinity"),
        ({"bn1.running_var": np.full(64, -1.0)}, "or the variance of bn1 is below 0"),
    ],
)
def test_tensors_that_do_not_fit_are_named(change, message, resnet, tmp_path):
    state = {name: value for name, value in {**resnet, **change}.items() if value is not None}
    assert message in refusal(state, tmp_path)


@pytest.mark.slow
def test_both_layouts_of_mobilenet_give_the_same(tmp_path):
    params = []
    for layout in (0, 1):
        state = state_of("mobilenet_v2", outputs=10, layout=layout)
        path = write(tmp_path / f"{layout}.safetensors", state)
        convert_weights(path, family="mobilenet_v2", out=tmp_path / "out", labels=TEN, fields=SMALL)
        params.append(read_classifier(tmp_path / f"out/{layout}.safetensors").params)
    jax.tree.map(np.testing.assert_array_equal, *params)


def test_a_file_is_not_replaced_by_what_is_made_of_it(resnet, tmp_path):
    path = write(tmp_path / "net.safetensors", resnet)
    with pytest.raises(UserError, match="would be replaced"):
        convert_weights(path, family="resnet18", out=tmp_path, labels=TEN, fields=SMALL)


def test_batch_norm_that_is_not_folded_is_refused_when_loaded(resnet, tmp_path):
    path = write(tmp_path / "net.safetensors", resnet)
    values = {"name": "net", "family": "resnet18", "outputs": 10, "labels": TEN}
    Card.from_dict({**CONVERSIONS["resnet18"].card, **values, **SMALL}).write(tmp_path / "net.json")
    with pytest.raises(UserError, match=r"not folded .*evofool weights convert"):
        read_classifier(path)
