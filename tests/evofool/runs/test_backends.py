"""Which face of a model a run goes on with."""

import pytest

from evofool.runs.backends import with_recorded_backend


@pytest.mark.parametrize(
    ("name", "recorded", "expected"),
    [
        ("lenet", "lenet", "lenet"),
        ("onnx:a.onnx", "onnx:a.onnx", "onnx:a.onnx"),
        ("onnx:b.onnx", "onnx:a.onnx?backend=native", "onnx:b.onnx?backend=native"),
        ("onnx:b.onnx?backend=jax", "onnx:a.onnx?backend=native", "onnx:b.onnx?backend=jax"),
        ("tflite:b.tflite", "tflite:a.tflite?backend=jax", "tflite:b.tflite?backend=jax"),
    ],
)
def test_a_run_goes_on_with_the_face_that_it_records(name: str, recorded: str, expected: str):
    assert with_recorded_backend(name, recorded) == expected
