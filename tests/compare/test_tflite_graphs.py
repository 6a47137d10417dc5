"""TensorFlow Lite files in JAX against LiteRT."""

import warnings
from pathlib import Path

import jax
import numpy as np
import pytest

interpreters = pytest.importorskip(
    "ai_edge_litert.interpreter", reason='needs pip install -e ".[compare]"'
)

import flatbuffers  # noqa: E402
from ai_edge_litert import schema_py_generated as schema  # noqa: E402

import evofool  # noqa: E402
from evofool import Classifier  # noqa: E402
from evofool.classifiers.onnx_graphs.programs import make_program  # noqa: E402
from evofool.classifiers.tflite_graphs.reading import File, read_file  # noqa: E402
from evofool.classifiers.tflite_graphs.translating import translate  # noqa: E402
from evofool.data import load_cifar10_tests  # noqa: E402
from evofool.support import ModelWarning, UserError  # noqa: E402
from tests.evofool.classifiers.tflite_graphs.files import FILES, file_of  # noqa: E402
from tests.evofool.real_data import data_folder  # noqa: E402

# of options, where they are not named after their operator
NAMED = {
    **{"CONV_2D": "Conv2DOptions", "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions"},
    **{"AVERAGE_POOL_2D": "Pool2DOptions", "MAX_POOL_2D": "Pool2DOptions"},
    **{"BATCH_MATMUL": "BatchMatMulOptions"},
    **dict.fromkeys(("MEAN", "SUM", "REDUCE_MAX"), "ReducerOptions"),
}
IMAGE = np.random.default_rng(1).uniform(0.1, 2, (6, 5, 4)).astype(np.float32)


def written(file: File) -> bytes:
    """Returns the content of a file."""
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.subgraphs, model.buffers = 3, [graph], [schema.BufferT()]
    graph.tensors, graph.inputs, graph.outputs = [], [*file.inputs], [*file.outputs]
    for given in file.tensors:
        tensor = schema.TensorT()
        tensor.shape, tensor.type = [*given.shape], getattr(schema.TensorType, given.dtype.upper())
        tensor.name, tensor.buffer = f"tensor {len(graph.tensors)}", 0
        if given.constant is not None:
            tensor.buffer = len(model.buffers)
            model.buffers.append(schema.BufferT())
            model.buffers[-1].data = np.frombuffer(given.constant.tobytes(), np.uint8)
        graph.tensors.append(tensor)
    model.operatorCodes, graph.operators = [], []
    for given in file.operations:
        code, operator = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = getattr(schema.BuiltinOperator, given.name)
        code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), 1
        operator.opcodeIndex = len(model.operatorCodes)
        operator.inputs, operator.outputs = [*given.inputs], [*given.outputs]
        if given.options:
            words = given.name.title().replace("_", "")
            name = NAMED.get(given.name, f"{words}Options")
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, name)
            operator.builtinOptions = getattr(schema, f"{name}T")()
            vars(operator.builtinOptions).update(given.options)
        model.operatorCodes.append(code)
        graph.operators.append(operator)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def by_litert(content: bytes, image: np.ndarray) -> np.ndarray:
    interpreter = interpreters.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image[None])
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).reshape(-1)


@pytest.mark.parametrize("name", FILES)
def test_operators_compute_what_litert_computes(name: str, tmp_path: Path):
    path, image = tmp_path / "one.tflite", IMAGE
    path.write_bytes(written(FILES[name]))
    if name == "squeeze":
        image = IMAGE[:1]
    expected = by_litert(path.read_bytes(), image)
    program, _ = make_program(
        translate(read_file(path)), path, image_shape=image.shape, is_channels_first=False
    )
    found = program.apply(program.params(), image[None])[0]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def images_and_labels() -> tuple[np.ndarray, np.ndarray]:
    tests = load_cifar10_tests(data_folder() / "cifar10-lossless-subset")
    return tests.images.astype(np.float32) / 255, tests.labels


def faces(name: str) -> tuple[Classifier, np.ndarray, np.ndarray]:
    """Returns a model in JAX, and what it and LiteRT say of photographs: probabilities."""
    native = evofool.load_classifier(f"tflite:{data_folder() / 'foreign' / name}")
    model = native.face(in_jax=True)
    assert model is not None
    images, _ = images_and_labels()
    logits = jax.jit(model.apply)(model.params, images)
    return model, np.asarray(jax.nn.softmax(logits)), native.apply(None, images)


@pytest.mark.data
def test_a_network_has_its_confidences_in_both_faces():
    _, in_jax, native = faces("mlperf-pretrainedResnet.tflite?prep=levels")
    np.testing.assert_allclose(in_jax, native, atol=1e-4)


@pytest.mark.data
def test_a_quantised_network_has_its_classes_and_a_gradient():
    model, in_jax, native = faces("mlperf-pretrainedResnet_quant.tflite")
    assert np.mean(in_jax.argmax(axis=1) == native.argmax(axis=1)) >= 0.99
    images, labels = images_and_labels()
    assert np.mean(in_jax.argmax(axis=1) == labels) > 0.8
    gradient = jax.grad(lambda x: model.apply(model.params, x)[0, 3])(images[:1])
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0


@pytest.mark.data
def test_a_run_is_evolved_outside_and_polished_in_jax(tmp_path: Path):
    address = f"tflite:{data_folder() / 'foreign/mlperf-pretrainedResnet_quant.tflite'}"
    run = evofool.evolve(address, out=tmp_path / "run", generations=2, batch_size=8, quiet=True)
    assert not run.classifier.is_jax
    assert evofool.verify(run).passed
    polished = evofool.polish(run, steps=2, classes=("3",), out=tmp_path / "polished")
    assert polished.config.classifier == f"{address}?backend=jax"
    assert evofool.verify(polished).passed


def test_what_is_not_computed_in_jax_is_computed_outside(tmp_path: Path):
    path = tmp_path / "one.tflite"
    file = file_of("LOCAL_RESPONSE_NORMALIZATION", options={"radius": 2}, shape=(1, 6, 5, 3))
    path.write_bytes(written(file))
    with pytest.warns(ModelWarning, match="needs the operator LOCAL_RESPONSE_NORMALIZATION"):
        model = evofool.load_classifier(f"tflite:{path}?prep=unit&backend=jax")
    assert not model.is_jax
    assert model.face(in_jax=True) is None


@pytest.mark.parametrize("kept", [40, 400])
def test_files_that_were_cut_short_are_refused(tmp_path: Path, kept: int):
    path = tmp_path / "one.tflite"
    path.write_bytes(written(FILES["conv same"])[:kept])
    with pytest.raises(UserError, match="LiteRT cannot load"):
        evofool.load_classifier(f"tflite:{path}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(UserError, match="no usable TensorFlow Lite file"):
            read_file(path)
