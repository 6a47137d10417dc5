import numpy as np
import pytest

import evofool
from evofool import UserError


def test_arrays_of_all_elites_are_read_without_pickle(cppn_run, tmp_path):
    path = cppn_run.save_npz(tmp_path / "elites.npz")
    with np.load(path, allow_pickle=False) as arrays:
        assert arrays["image"].shape == (20, *cppn_run.card.input_shape)
        elite = cppn_run.runs[1]["7"]
        row = 17
        np.testing.assert_array_equal(arrays["image"][row], elite.image())
        assert (arrays["label"][row], arrays["seed"][row]) == ("class 7", 1)
        assert arrays["confidence"][row] == elite.confidence
        np.testing.assert_array_equal(arrays["genome.weight"][row], elite.genome.weight)
    assert [file.name for file in tmp_path.iterdir()] == ["elites.npz"]


def test_a_directly_encoded_elite_is_its_genes(direct_run, tmp_path):
    with np.load(evofool.save_npz(direct_run, tmp_path / "elites.npz")) as arrays:
        np.testing.assert_array_equal(arrays["genome"], arrays["image"].reshape(3, -1))


def test_pyribs_is_asked_for(cppn_run, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ribs.archives", None)
    with pytest.raises(UserError, match="pip install ribs"):
        cppn_run.to_ribs()
