import numpy as np
import pytest

import cppn
from evofool import Run
from evofool.evolution.cppn_encoding import cppn_spec
from evofool.measures.lesions import lesions

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def elite(cppn_run: Run):
    """The one with the most hidden nodes."""
    return max(cppn_run.elites(), key=lambda elite: int(elite.genome.num_nodes))


def test_every_hidden_node_and_every_connection_is_cut_once(elite):
    genome, spec = elite.genome, cppn_spec(elite.run.config.cppn, 1)
    cut = lesions(genome, spec)
    hidden = list(range(spec.first_hidden, int(genome.num_nodes)))
    assert hidden  # or the test would show little
    assert [lesion.number for lesion in cut if lesion.part == "node"] == hidden
    connections = [lesion.number for lesion in cut if lesion.part == "connection"]
    assert connections == list(range(int(genome.num_connections)))
    for lesion in cut:
        cppn.validate(lesion.genome, spec)
        assert (lesion.genome.num_nodes < genome.num_nodes) == (lesion.part == "node")
        node = lesion.number if lesion.part == "node" else int(genome.target[lesion.number])
        assert lesion.activation == spec.activations[genome.activation[node]]


def test_lesions_are_drawn_like_elites(elite):
    cut = lesions(elite.genome, cppn_spec(elite.run.config.cppn, 1))
    images = np.concatenate(list(elite.run.draw([lesion.genome for lesion in cut])))
    assert len(images) == len(cut)
    whole = elite.image() / 255
    assert any(np.abs(image - whole).max() > 0.1 for image in images)
