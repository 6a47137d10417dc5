import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cppn
from tests.cppn import genomes

GOLDEN = Path(__file__).parents[1] / "golden" / "cppn.json"


@pytest.mark.parametrize("name", [pytest.param("grey", marks=pytest.mark.slow), "colored"])
def test_json_gives_back_the_same_bytes(name, request):
    spec = getattr(genomes, name.upper())
    for genome in genomes.host(request.getfixturevalue(name)):
        style = cppn.Style(color="grey" if name == "grey" else "rgb", coordinates="pixels")
        text = json.dumps(cppn.to_json(genome, spec, style=style))
        again, same_spec, same_style = cppn.from_json(text)
        assert (same_spec, same_style) == (spec, style)
        assert genomes.same_bytes(cppn.grow(again, **genomes.ROOM), genome)


@pytest.mark.slow
def test_genome_read_from_json_draws_the_same_bytes(colored):
    genome = genomes.host(colored)[-1]
    style = cppn.Style(color="hsv")
    again, spec, same_style = cppn.from_json(cppn.to_json(genome, genomes.COLORED, style=style))
    first = cppn.render(genome, spec=genomes.COLORED, height=8, width=8, style=style)
    again = cppn.render(again, spec=spec, height=8, width=8, style=same_style)
    assert genomes.same_bytes(again, first)


@pytest.mark.parametrize("drawing", [{}, {"coordinates": "pixels"}])
def test_what_json_does_not_say_of_the_style_is_the_default(drawing):
    style = cppn.from_json(edited(drawing=drawing))[2]
    assert style == cppn.Style(**drawing)


def test_stored_genome_still_draws_its_image():
    """Written by version 1; a change here changes the images of archives people have."""
    stored = json.loads(GOLDEN.read_text())
    genome, spec, style = cppn.from_json(stored["genome"])
    levels = cppn.to_bytes(cppn.render(genome, spec=spec, height=8, width=8, style=style))
    assert np.abs(np.asarray(levels, int) - np.array(stored["levels"])).max() <= 1


def edited(**changes):
    genome = genomes.make(genomes.GREY, ["sine", "linear"], [(5, 4, 1.0), (0, 5, 2.0)])
    return cppn.to_json(genome, genomes.GREY) | changes


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"nodes": []}, "format='cppn'"),
        ("[1, 2]", "format='cppn'"),
        (edited(version=2), "version must be 1, got 2: read the file with the release"),
        ({"format": "cppn", "version": 1}, "incomplete or damaged.*activations"),
        (edited(connections=[[0, 4]]), "incomplete or damaged"),
        (edited(connections=[[0, 4, "heavy"]]), "incomplete or damaged.*heavy"),
        (edited(outputs=2), "outputs must be 1"),
        (edited(drawing={"colour": "grey"}), "incomplete or damaged.*colour"),
        (edited(nodes=["sine", "sinus"]), "nodes must have .* got 'sinus'"),
        (edited(connections=[[0, 4, 11.0]]), "a weight is not from -10.0 to 10.0"),
        (edited(connections=[[0, 4, float("nan")]]), "a weight is not"),
        (edited(connections=[[4, 5, 1.0]]), "starts at an output"),
        (edited(connections=[[5, 5, 1.0]]), "leads back"),
        (edited(connections=[[0, 9, 1.0]]), "node that is not there"),
        (edited(connections=[[-1, 4, 1.0]]), "node that is not there"),
        (edited(connections=[[0, 3, 1.0]]), "ends at an input"),
        (edited(connections=[[0, 5, 1.0], [0, 4, 1.0]]), "order of their targets"),
        (edited(drawing={"color": []}), "incomplete or damaged"),
        (edited(activations=[["sine"]]), "activations must be a non-empty tuple of names"),
        (edited(outputs=1.0), "incomplete or damaged.*float"),
        (edited(connections=[[0.7, 4, 1.0]]), "incomplete or damaged.*float"),
        (edited(drawing={"color": "pink"}), "unknown way of drawing"),
        ("[" * 200_000, "nested too deeply"),
    ],
)
def test_damaged_json_is_refused_with_the_reason(data, message):
    with pytest.raises(ValueError, match=message):
        cppn.from_json(data)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_nodes": jnp.int32(99)}, "num_nodes is 99, not from 5 to 40"),
        ({"num_nodes": jnp.int32(3)}, "num_nodes is 3"),
        ({"num_connections": jnp.int32(-1)}, "num_connections is -1"),
        ({"activation": jnp.full(40, 7, jnp.int32)}, "an activation is not from 0 to 3"),
        ({"weight": jnp.full(96, 1.0)}, "spare room is not zero"),
        ({"weight": jnp.zeros(3)}, "must be of one length"),
    ],
)
def test_validate_names_the_fault(change, message, key):
    genome = cppn.init(key, genomes.GREY, **genomes.ROOM)._replace(**change)
    with pytest.raises(ValueError, match=message):
        cppn.validate(genome, genomes.GREY)


def test_validate_refuses_a_batch(grey):
    with pytest.raises(ValueError, match="must be one genome, without leading axes"):
        cppn.validate(grey, genomes.GREY)


def test_validate_takes_numpy_and_jax_arrays(grey):
    genome = genomes.host(grey)[3]
    cppn.validate(genome, genomes.GREY)
    cppn.validate(jax.tree.map(jnp.asarray, genome), genomes.GREY)
