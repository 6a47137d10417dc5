"""evofool card: what is known of a model in a file."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
from jax import export

from evofool.cli import main


def test_the_card_is_written_and_used(tmp_path, capsys):
    shape = jax.ShapeDtypeStruct((*export.symbolic_shape("n"), 4, 4, 3), jnp.float32)
    exported = export.export(jax.jit(lambda images: images.sum(axis=(1, 2))))(shape)
    model, out = tmp_path / "net.jaxexport", tmp_path / "card.json"
    model.write_bytes(exported.serialize())
    assert main(["card", f"jaxexport:{model}", "--out", str(out)]) == 0
    assert "guessed: mean, scale, channel_order, labels" in capsys.readouterr().out
    fields = json.loads(out.read_text())
    assert fields["input_shape"] == [4, 4, 3]
    out.write_text(json.dumps({**fields, "guessed": [], "labels": ["r", "g", "b"]}))
    assert main(["card", f"jaxexport:{model}?card={out}"]) == 0
    assert json.loads(capsys.readouterr().out)["labels"] == ["r", "g", "b"]


def test_the_model_is_not_overwritten(in_tmp_path, capsys):
    Path("net.onnx").write_bytes(b"weights")
    assert main(["card", "onnx:net.onnx?bgr", "--out", "./net.onnx"]) == 2
    assert "net.onnx is the model; choose another --out" in capsys.readouterr().err
    assert Path("net.onnx").read_bytes() == b"weights"


def test_a_name_that_is_no_address_is_refused(capsys):
    assert main(["card", "lenet"]) == 2
    assert "'lenet' is no address of a model that others made" in capsys.readouterr().err
