"""Options of addresses, and the errors for those that are no use."""

import json

import numpy as np
import pytest

from evofool.classifiers.addresses.options import read_labels, read_options
from evofool.support import UserError, parse_address


def options(query: str):
    address = parse_address(f"onnx:model.onnx?{query}")
    assert address is not None
    return read_options(address)


def test_statistics_become_levels():
    of_imagenet = options("prep=imagenet")
    assert of_imagenet.mean == pytest.approx((123.675, 116.28, 103.53))
    assert of_imagenet.scale == pytest.approx(tuple(1 / 255 / np.array([0.229, 0.224, 0.225])))
    assert options("range=255").scale == (1.0,)
    assert options("mean=0.5&std=0.5").mean == (127.5,)
    caffe = options("prep=caffe")
    assert (caffe.is_bgr, caffe.mean, caffe.scale) == (True, (104, 117, 123), (1.0,))


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
