"""ONNX graphs against ONNX's own examples of its operators, and against ONNX Runtime."""

import warnings
from collections import Counter
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason='needs pip install -e ".[compare]"')
runtime = pytest.importorskip("onnxruntime", reason='needs pip install -e ".[compare]"')

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

import evofool  # noqa: E402
from evofool.classifiers.onnx_graphs.calls import UnsupportedError  # noqa: E402
from evofool.classifiers.onnx_graphs.interpreting import run_nodes  # noqa: E402
from evofool.classifiers.onnx_graphs.operators import OPERATORS  # noqa: E402
from evofool.classifiers.onnx_graphs.reading import as_computed, parse_graph  # noqa: E402
from evofool.classifiers.onnx_graphs.values import Maps, plain  # noqa: E402
from evofool.support import ModelWarning, UserError  # noqa: E402

CASES_OF_EACH = 3
# Differences that do not matter to classifiers: the last bit of a rounded quotient; bfloat16 and
# integers of 8 bits, which are computed as float32 here; dropout while training.
EXCEPT = ("bf16", "bfloat16", "_ui8_", "_i16_", "int8", "training", "dynamicquantize", "empty_set",
          "bitwise_not", "crd_mode", "out_of_range")  # fmt: skip


def examples():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        cases = collect_testcases(None)
    seen: Counter[str] = Counter()
    for case in cases:
        operators = {node.op_type for node in case.model.graph.node}
        if not case.data_sets or any(word in case.name for word in EXCEPT):
            continue
        if operators <= OPERATORS.keys() and any(seen[name] < CASES_OF_EACH for name in operators):
            seen.update(operators)
            yield case


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("is_last", [False, True], ids=["as in the graph", "channels last"])
def test_operators_compute_what_onnx_says(is_last):
    """Of every operator a few examples; what depends on the image may be kept channels last."""
    computed, refused, wrong = 0, 0, []
    for case in examples():
        try:
            graph = parse_graph(case.model.SerializeToString(), Path(case.name))
            arrays, expected = (
                [as_computed(np.asarray(array)) for array in arrays] for arrays in case.data_sets[0]
            )
        except UserError:
            continue  # of text, or of complex numbers
        constants = {value.name: a for value, a in zip(graph.inputs, arrays, strict=False)}
        values = {name: _as_image(a, is_last) for name, a in constants.items()}
        try:
            for output, array in zip(graph.outputs, expected, strict=False):
                result = np.asarray(plain(run_nodes(graph.nodes, values, constants, output.name)))
                close = result.shape == array.shape and np.allclose(
                    result.astype(float), array.astype(float), rtol=1e-3, atol=1e-4, equal_nan=True
                )
                computed += 1
                wrong += [] if close else [case.name]
        except UnsupportedError:
            refused += 1
    assert wrong == []
    assert computed > 200
    assert refused < 0.1 * computed


def _as_image(array: np.ndarray, is_last: bool):
    if array.dtype.name not in ("float32", "uint8", "int8"):
        return array
    moving = jnp.asarray(array, jnp.float32)
    is_maps = is_last and array.ndim > 2 and array.dtype.name == "float32"
    return Maps(jnp.moveaxis(moving, 1, -1)) if is_maps else moving


def test_the_table_is_broad():
    assert len(OPERATORS) > 130


def network(path: Path, *, batch: int | str = 1, ending: str = "Softmax", last: int = 4) -> Path:
    """Writes a small convolutional network of 8x6 images in colour."""
    rng = np.random.default_rng(0)
    weights = {
        "k": rng.standard_normal((6, 3, 3, 3)) / 4,
        "d": rng.standard_normal((6, 1, 3, 3)),
        "w": rng.standard_normal((6 * 4 * 3, last)),
        "b": rng.standard_normal(last),
    }
    nodes = [
        helper.make_node("Conv", ["x", "k"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["r"]),
        helper.make_node("Conv", ["r", "d"], ["c"], group=6, auto_pad="SAME_UPPER"),
        helper.make_node("MaxPool", ["c"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "w", "b"], ["z"]),
        helper.make_node(ending, ["z"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 3, 8, 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, last])],
        [numpy_helper.from_array(v.astype(np.float32), n) for n, v in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))
    return path


def images(count: int = 5, shape: tuple[int, ...] = (8, 6, 3)) -> np.ndarray:
    return np.random.default_rng(1).random((count, *shape), np.float32)


def by_runtime(path: Path, values: np.ndarray) -> np.ndarray:
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: v[None]})[0] for v in values])


@pytest.mark.parametrize("batch", [1, "n", 4])
def test_a_network_has_its_runtimes_outputs_whatever_its_batch(batch, tmp_path):
    path = network(tmp_path / "net.onnx", batch=batch)
    expected = by_runtime(network(tmp_path / "one.onnx"), images().transpose(0, 3, 1, 2))
    classifier = evofool.load_classifier(f"onnx:{path}?prep=unit")
    logits = np.asarray(classifier.apply(classifier.params, images()))
    np.testing.assert_allclose(jax.nn.softmax(logits), expected, atol=1e-5)
    assert np.abs(logits.sum(axis=1) - 1).min() > 1e-3  # the softmax was cut off
    host = evofool.load_classifier(f"onnx:{path}?prep=unit&backend=onnxruntime")
    assert host.kind == "probabilities"
    np.testing.assert_allclose(host.apply(host.params, images()), expected, atol=1e-5)


def test_a_model_in_memory_is_that_of_its_file(tmp_path):
    path = network(tmp_path / "net.onnx")
    expected = evofool.load_classifier(f"onnx:{path}?prep=levels&bgr")
    for model in (path, path.read_bytes(), onnx.load(str(path))):
        found = evofool.from_onnx(model, prep="levels", bgr=True, name="mine")
        np.testing.assert_array_equal(
            found.apply(found.params, images()), expected.apply(expected.params, images())
        )
        outside = found.face(in_jax=False)
        logits = expected.apply(expected.params, images())
        np.testing.assert_allclose(outside.apply(None, images()), jax.nn.softmax(logits), atol=1e-5)
        assert (found.card.name, found.card.guessed[0]) == ("mine", "labels")
    assert found.card.sha256 == expected.card.sha256
    with pytest.raises(UserError, match="onnx:list is a list; expected a path, bytes"):
        evofool.from_onnx([1, 2])


def test_sigmoids_and_single_scores_are_log_odds(tmp_path):
    several = evofool.load_classifier(f"onnx:{network(tmp_path / 's.onnx', ending='Sigmoid')}")
    assert several.kind == "log_odds"
    path = network(tmp_path / "one.onnx", ending="Sigmoid", last=1)
    one = evofool.load_classifier(f"onnx:{path}")
    share = by_runtime(path, images().transpose(0, 3, 1, 2))
    outputs = np.asarray(one.apply(one.params, images()))
    np.testing.assert_allclose(jax.nn.softmax(outputs)[:, 1:], share, atol=1e-5)


def test_gradients_reach_the_image(tmp_path):
    classifier = evofool.load_classifier(f"onnx:{network(tmp_path / 'net.onnx')}")
    gradient = jax.grad(lambda x: classifier.apply(classifier.params, x)[:, 0].sum())(images())
    assert np.count_nonzero(gradient) > 0.5 * gradient.size


def test_an_operator_that_is_missing_is_left_to_the_runtime(tmp_path):
    path = network(tmp_path / "net.onnx")
    model = onnx.load(str(path))
    model.graph.node[1].op_type = "Det"
    onnx.save(model, str(path))
    with (
        pytest.warns(ModelWarning, match="needs the operator Det, which evofool does not"),
        pytest.raises(UserError, match="ONNX Runtime cannot load"),
    ):
        evofool.load_classifier(f"onnx:{path}")


def test_data_outside_the_folder_are_refused(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    path = network(folder / "net.onnx")
    onnx.save(
        onnx.load(str(path)), str(path), save_as_external_data=True, location="w", size_threshold=0
    )
    evofool.load_classifier(f"onnx:{path}")
    model = onnx.load(str(path), load_external_data=False)
    (folder / "w").rename(tmp_path / "w")
    for location in ("../w", str(tmp_path / "w")):
        for tensor in model.graph.initializer:
            tensor.external_data[0].value = location
        path.write_bytes(model.SerializeToString())
        with pytest.raises(UserError, match="expected a file in its own folder"):
            evofool.load_classifier(f"onnx:{path}")


def test_a_constant_that_would_fill_the_memory_is_not_computed(tmp_path):
    shape = numpy_helper.from_array(np.array([2**20, 2**20]), "s")
    graph = helper.make_graph(
        [
            helper.make_node("ConstantOfShape", ["s"], ["big"]),
            helper.make_node("ReduceSum", ["big"], ["t"]),
            helper.make_node("Flatten", ["x"], ["f"]),
            helper.make_node("Add", ["f", "t"], ["y"]),
        ],
        "bomb",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 2, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [shape],
    )
    from evofool.classifiers.onnx_graphs.programs import make_program

    read = parse_graph(helper.make_model(graph).SerializeToString(), tmp_path / "bomb.onnx")
    with pytest.raises(UnsupportedError, match="1,099,511,627,776 values"):
        make_program(read, tmp_path / "bomb.onnx", image_shape=(2, 2, 1), is_channels_first=True)


@pytest.mark.filterwarnings("ignore")
def test_damage_is_a_message_of_one_line(tmp_path):
    content = network(tmp_path / "net.onnx").read_bytes()
    path, rng = tmp_path / "damaged.onnx", np.random.default_rng(0)
    for trial in range(60):
        damaged = bytearray(content[: rng.integers(len(content))] if trial % 3 == 0 else content)
        for place in rng.integers(0, max(1, min(400, len(damaged))), 1 + trial % 8):
            damaged[place : place + 1] = bytes([rng.integers(256)])
        path.write_bytes(bytes(damaged))
        said = _refusal(f"onnx:{path}")
        assert "\n" not in said


def _refusal(name: str) -> str:
    try:
        evofool.load_classifier(name)
    except UserError as error:
        return str(error)
    return ""
