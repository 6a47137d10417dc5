"""Options of addresses, and the errors for those that are no use."""

import json
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pytest

from evofool.classifiers.addresses.options import read_labels, read_options
from evofool.classifiers.mock import mock_classifier
from evofool.support import UserError, parse_address


def options(query: str, told: Mapping[str, object] = MappingProxyType({})):
    address = parse_address(f"onnx:model.onnx?{query}")
    assert address is not None
    return read_options(address, told)


def test_statistics_become_levels():
    of_imagenet = options("prep=imagenet")
    assert of_imagenet.mean == pytest.approx((123.675, 116.28, 103.53))
    assert of_imagenet.scale == pytest.approx(tuple(1 / 255 / np.array([0.229, 0.224, 0.225])))
    assert options("range=255").scale == (1.0,)
    assert options("mean=0.5&std=0.5").mean == (127.5,)
    caffe = options("prep=caffe")
    assert (caffe.is_bgr, caffe.mean, caffe.scale) == (True, (104, 117, 123), (1.0,))


def test_options_take_the_place_of_what_a_configuration_says(tmp_path):
    told = {"input": (8, 6, 3), "mean": (0.5, 0.4, 0.3), "std": (0.5,), "labels": ["a", "b"]}
    plain, prepared = options("", told), options("prep=levels&input=4x4", told)
    assert (plain.input_shape, plain.labels) == ((8, 6, 3), ("a", "b"))
    assert plain.mean == pytest.approx((127.5, 102, 76.5))
    assert (prepared.input_shape, prepared.mean, prepared.scale) == ((4, 4, 0), (0,), (1,))
    assert prepared.labels == ("a", "b")
    assert not options("range=255", {**told, "bgr": ""}).is_bgr
    card = tmp_path / "card.json"
    mock_classifier("mock:2:5x5x3").card.write(card)
    assert options(f"card={card}", told) == options(f"card={card}")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("sdt=1", "unknown option of onnx:model.onnx.*'sdt'; did you mean 'std'"),
        ("mean=a", "mean is 'a'; expected 1 number or 3 numbers, for instance 0.485"),
        ("std=0", "range and std must be above 0"),
        ("bgr=1", "the option bgr is '1'; expected bgr without a value"),
        ("input", "the option input is ''; expected input=VALUE"),
        ("input=224", "expected HEIGHTxWIDTH"),
        ("logits&probabilities", "logits and probabilities exclude one another"),
        ("backend=torch", "valid: jax, native, onnxruntime, auto"),
        ("prep=vgg", "valid: unit, levels, imagenet"),
        ("layout=chw", "valid: nhwc, nchw"),
    ],
)
def test_what_is_no_use_is_explained(query, message):
    with pytest.raises(UserError, match=message):
        options(query)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "cat\ndog\n"),
        ("a.json", json.dumps(["cat", "dog"])),
        ("a.json", json.dumps({"1": "dog", "0": "cat"})),
        ("a.json", json.dumps({"id2label": {"0": "cat", "1": "dog"}})),
        ("a.json", json.dumps({"dog": 1, "cat": 0})),
    ],
)
def test_labels_are_read_in_all_usual_forms(name, text, tmp_path):
    (tmp_path / name).write_text(text)
    assert read_labels(tmp_path / name) == ("cat", "dog")
