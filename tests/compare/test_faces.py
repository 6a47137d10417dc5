"""A model that two runtimes compute: JAX, and the one that it ships with."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason='needs pip install -e ".[compare]"')
pytest.importorskip("onnxruntime", reason='needs pip install -e ".[compare]"')

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

import evofool  # noqa: E402
from evofool.audits.budgets import BUDGETS  # noqa: E402
from evofool.audits.subject import Subject  # noqa: E402
from evofool.audits.validity import check_validity  # noqa: E402
from evofool.classifiers import distance_of_faces  # noqa: E402
from evofool.evaluation import compare_faces  # noqa: E402
from evofool.evaluation.speed import FaceSpeeds  # noqa: E402
from evofool.runs import backends  # noqa: E402
from evofool.support import UserError  # noqa: E402

SMALL = {"encoding": "direct", "generations": 2, "batch_size": 12}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A linear network of 6x4 images in colour, as ONNX."""
    rng, path = np.random.default_rng(0), tmp_path_factory.mktemp("faces") / "net.onnx"
    weights = rng.standard_normal((6 * 4 * 3, 4)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["x"], ["f"]),
            helper.make_node("MatMul", ["f", "w"], ["z"]),
            helper.make_node("Softmax", ["z"], ["y"]),
        ],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 6, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4])],
        [numpy_helper.from_array(weights, "w")],
    )
    opset = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))
    return f"onnx:{path}?prep=unit"


def test_both_faces_agree_and_each_knows_the_other(address):
    classifier = evofool.load_classifier(address)
    outside = classifier.face(in_jax=False)
    assert (classifier.is_jax, outside.is_jax) == (True, False)
    assert outside.face(in_jax=True) is classifier
    assert distance_of_faces(classifier) < 1e-5
    assert distance_of_faces(evofool.load_classifier("mock:4")) is None
    larger = evofool.load_classifier(address, image_size=8)
    assert larger.face(in_jax=False).card.input_shape == (8, 8, 3)
    assert distance_of_faces(larger) < 1e-5
    speeds = compare_faces(evofool.load_classifier(f"{address}&backend=native"))
    assert min(speeds.in_jax, speeds.outside) > 0


@pytest.mark.parametrize(("rates", "chosen"), [((1, 2), "native"), ((2, 1), "jax")])
def test_a_run_records_the_backend_that_was_faster(address, rates, chosen, tmp_path, monkeypatch):
    monkeypatch.setattr(backends, "compare_faces", lambda _: FaceSpeeds(*rates, apart=0.0))
    run = evofool.evolve(f"{address}&backend=auto", out=tmp_path / "run", **SMALL)
    assert run.config.classifier.endswith(f"backend={chosen}")
    assert run.classifier.is_jax == (chosen == "jax")
    monkeypatch.undo()  # resuming asks for no measurement
    longer = evofool.resume(tmp_path / "run", generations=4)
    whole = evofool.evolve(
        f"{address}&backend={chosen}", out=tmp_path / "whole", **{**SMALL, "generations": 4}
    )
    assert longer.summary["archive_sha256"] == whole.summary["archive_sha256"]
    result = evofool.verify(tmp_path / "run")
    assert result.passed
    assert result.other_face < 1e-4


def test_a_run_outside_jax_is_polished_in_jax(address, tmp_path):
    run = evofool.evolve(f"{address}&backend=native", out=tmp_path / "run", **SMALL)
    better = evofool.polish(run, steps=3, out=tmp_path / "better")
    assert better.config.classifier.endswith("backend=jax")
    assert (better.confidences >= run.confidences - 1e-6).all()
    assert evofool.verify(tmp_path / "better").passed


def test_attacks_follow_the_gradients_of_the_other_face(address):
    images = np.random.default_rng(0).integers(0, 256, (3, 6, 4, 3), np.uint8)
    attacked = [
        evofool.fgsm(evofool.load_classifier(f"{address}&backend={name}"), images, labels=0).images
        for name in ("jax", "native")
    ]
    np.testing.assert_array_equal(*attacked)


def test_doctor_says_which_is_faster(address):
    checks = evofool.doctor(evofool.EvolveConfig(classifier=f"{address}&backend=native")).checks
    (detail,) = [check.detail for check in checks if check.name == "backends"]
    assert "images/s in JAX" in detail
    assert "?backend=" in detail


def test_an_audit_scores_in_the_runtime_that_ships(address):
    classifier = evofool.load_classifier(address)
    subject = Subject(classifier=classifier, address=address, real=None, budget=BUDGETS["quick"])
    assert (subject.classifier.is_jax, subject.shipped.is_jax) == (True, False)
    checks = {check.name: check for check in check_validity(subject)}
    assert "confidences differ by" in checks["in JAX and outside"].detail
    assert checks["in JAX and outside"].passed


def test_a_format_with_one_backend_has_no_choice():
    with pytest.raises(UserError, match="keras has one backend; leave the option out"):
        evofool.load_classifier("keras:net.h5?backend=native")
