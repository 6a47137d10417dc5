"""Files of one operation against JAX's own; tests/compare has them all against LiteRT."""

import dataclasses
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from evofool.classifiers.onnx_graphs.calls import UnsupportedError
from evofool.classifiers.onnx_graphs.programs import make_program
from evofool.classifiers.tflite_graphs.reading import File, Steps
from evofool.classifiers.tflite_graphs.translating import translate
from tests.evofool.classifiers.tflite_graphs.files import FILES, SHAPE, file_of, tensor

IMAGES = np.random.default_rng(1).uniform(0.1, 2, SHAPE).astype(np.float32)
TENTHS = Steps(scale=np.array(0.1, np.float32), zero=np.array(-128, np.int8), axis=0)


def outputs_of(file: File, images: jax.Array | np.ndarray = IMAGES) -> jax.Array:
    program, _ = make_program(
        translate(file), Path("one.tflite"), image_shape=SHAPE[1:], is_channels_first=False
    )
    return program.apply(program.params(), jnp.asarray(images))[0]


def test_a_convolution_pads_below_and_right_first_and_is_cut_at_six():
    file = FILES["conv same"]
    kernel, bias = (file.tensors[place].constant for place in (1, 2))
    expected = bias + lax.conv_general_dilated(
        IMAGES, kernel, (2, 2), "SAME", dimension_numbers=("NHWC", "OHWI", "NHWC")
    )
    np.testing.assert_allclose(outputs_of(file), expected.reshape(-1), rtol=1e-5, atol=1e-5)
    valid = outputs_of(FILES["conv valid relu6"])
    assert valid.min() == 0.0
    assert valid.max() == 6.0


def test_values_are_rounded_to_the_steps_of_their_tensor_and_gradients_pass():
    file = file_of("RELU")
    rounded = dataclasses.replace(file.tensors[1], dtype="int8", steps=TENTHS)
    file = dataclasses.replace(file, tensors=(file.tensors[0], rounded))
    expected = np.round(IMAGES.reshape(-1) / np.float32(0.1)) * np.float32(0.1)
    np.testing.assert_allclose(outputs_of(file), expected, rtol=1e-6)
    gradient = jax.grad(lambda images: outputs_of(file, images).sum())(IMAGES)
    np.testing.assert_array_equal(gradient, np.ones(SHAPE))


def test_an_input_of_whole_numbers_is_rounded_and_cut_at_its_ends():
    file = file_of("ABS")
    whole = dataclasses.replace(file.tensors[0], dtype="int8", steps=TENTHS)
    file = dataclasses.replace(file, tensors=(whole, file.tensors[1]))
    outputs = outputs_of(file, np.full(SHAPE, 30.0, np.float32))
    np.testing.assert_allclose(outputs, 25.5, rtol=1e-6)  # 255 steps above the least


def test_weights_stand_for_real_numbers_by_the_steps_of_their_channel():
    steps = Steps(scale=np.array([0.5, 2.0], np.float32), zero=np.array([1, 0], np.int8), axis=1)
    real = steps.real(np.array([[3, 3], [-1, 5]], np.int8))
    np.testing.assert_array_equal(real, np.array([[1.0, 6.0], [-1.0, 10.0]], np.float32))


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (file_of("LSTM"), "the operator LSTM"),
        (file_of("ADD", options={"fusedActivationFunction": 5}), "ADD with the activation func"),
        (file_of("MIRROR_PAD", tensor((4, 2), np.zeros((4, 2))), options={"mode": 1}), "border"),
        (file_of("TRANSPOSE", tensor((4,), dtype="int32")), "an input 1 that is computed"),
    ],
)
def test_what_is_not_computed_is_said(file: File, message: str):
    with pytest.raises(UnsupportedError, match=message):
        translate(file)
