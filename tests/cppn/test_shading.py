"""Shaders as text; tests/browser draws them."""

import re

import jax
import numpy as np
import pytest

import cppn
from cppn.activations import ACTIVATIONS
from cppn.color import COLORS


def test_every_activation_and_colour_has_a_function():
    names = set(re.findall(r"^\w+ (\w+)\(", cppn.glsl_functions(), flags=re.MULTILINE))
    assert names >= {f"f_{name}" for name in ACTIVATIONS} | {f"color_{name}" for name in COLORS}


@pytest.mark.parametrize("color", ["grey", "hsv"])
def test_a_shader_has_the_weights_and_just_the_functions_that_it_calls(color: str):
    spec = cppn.GenomeSpec(outputs=1 if color == "grey" else 3, activations=("cosine", "tanh"))
    genome = cppn.init(jax.random.key(0), spec)
    text = cppn.to_glsl(genome, spec, height=8, width=9, style=cppn.Style(color), title="a\\\nb")
    assert text.startswith("// ab\n")
    defined = re.findall(r"^\w+ (\w+)\(", text, flags=re.MULTILINE)
    assert len(defined) == len(set(defined))
    for name in set(defined) - {"mainImage"}:
        assert len(re.findall(rf"\b{name}\(", text)) > 1, f"nothing calls {name}"
    weights = [np.float32(w) for w in re.findall(r"(-?\d\.\d{8}e[+-]\d\d)\)? \*", text)]
    assert sorted(weights) == sorted(np.asarray(genome.weight)[: int(genome.num_connections)])
