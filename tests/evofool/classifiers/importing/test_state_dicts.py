import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy

from evofool.classifiers.importing import state_dicts
from evofool.classifiers.importing.state_dicts import read_state_dict
from evofool.support.errors import UserError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.safetensors"


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, jnp.bfloat16])
def test_floating_point_tensors_become_float32(dtype, path):
    values = np.asarray([[1.5, -2.0]], dtype)
    path.write_bytes(safetensors.numpy.save({"w": values, "count": np.int64([3])}))
    state = read_state_dict(path)
    assert state["w"].dtype == np.float32
    np.testing.assert_array_equal(state["w"], [[1.5, -2.0]])
    np.testing.assert_array_equal(state["count"], [3])


def test_tensors_in_nested_dictionaries_are_named_by_their_paths():
    one = np.ones(1)
    content = {"epoch": 3, "net": {"a.weight": one}, "optimizer": {"state": {0: {"step": one}}}}
    named = dict(state_dicts._tensors_in(content, np.ndarray))
    assert named.keys() == {"net.a.weight", "optimizer.state.0.step"}


def test_other_types_than_numbers_are_named(path):
    path.write_bytes(safetensors.numpy.save({"mask": np.ones(2, bool)}))
    with pytest.raises(UserError, match=r"tensor 'mask' is of type BOOL; expected one of F64"):
        read_state_dict(path)


def test_a_cut_file_is_refused(path):
    path.write_bytes(safetensors.numpy.save({"w": np.ones(100, np.float32)})[:-1])
    with pytest.raises(UserError, match=r"is not a whole safetensors file: expected \d+ bytes"):
        read_state_dict(path)


@pytest.mark.parametrize("name", ["net.pkl", "net.npy", "net.zip", "net"])
def test_files_that_may_be_pickles_are_not_opened(name, tmp_path):
    (tmp_path / name).write_bytes(b"\x80\x04.")
    with pytest.raises(UserError, match="may be a pickle, which can run anything"):
        read_state_dict(tmp_path / name)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"no file .*net\.pth"):
        read_state_dict(tmp_path / "net.pth")


@pytest.mark.parametrize("name", ["net.pth", "net.pt", "net.th", "net.bin"])
def test_without_pytorch_a_pickle_is_refused_with_what_to_do(name, tmp_path, monkeypatch):
    monkeypatch.setattr(state_dicts, "has_torch", lambda: False)
    (tmp_path / name).write_bytes(b"\x80\x04.")
    with pytest.raises(UserError, match=r"needs PyTorch.*pip install torch"):
        read_state_dict(tmp_path / name)
