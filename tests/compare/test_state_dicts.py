"""Files of PyTorch: those that are read, and those that its weights-only loader refuses."""

import os
import pickle
import tarfile

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='needs pip install -e ".[compare]"')

from evofool.classifiers.importing.state_dicts import read_state_dict  # noqa: E402
from evofool.support.errors import UserError  # noqa: E402

STATE = {"fc.weight": torch.tensor([[1.5, -2.0]]), "count": torch.tensor(3)}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.pth"


@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "before PyTorch 1.6"])
@pytest.mark.parametrize(
    ("content", "path_of_state"),
    [
        (STATE, ""),
        ({"epoch": 3, "state_dict": STATE}, "state_dict."),
        ({"a": {"b": STATE}}, "a.b."),
    ],
    ids=["bare", "wrapped", "nested"],
)
def test_state_dicts_are_read(content, path_of_state, is_zip, path):
    torch.save(content, path, _use_new_zipfile_serialization=is_zip)
    state = read_state_dict(path)
    assert state.keys() == {path_of_state + name for name in STATE}
    np.testing.assert_array_equal(state[path_of_state + "fc.weight"], [[1.5, -2.0]])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_floating_point_tensors_become_float32(dtype, path):
    torch.save({"w": torch.tensor([1.5, -2.0], dtype=dtype)}, path)
    values = read_state_dict(path)["w"]
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, [1.5, -2.0])


def test_parameters_that_want_gradients_are_read(path):
    torch.save(torch.nn.Linear(2, 1).state_dict(keep_vars=True), path)
    assert read_state_dict(path).keys() == {"weight", "bias"}


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_a_pickle_that_runs_code_is_refused_and_runs_none(path, tmp_path):
    torch.save({**STATE, "trap": Trap(tmp_path / "sprung")}, path)
    with pytest.raises(UserError, match=r"net\.pth is refused by PyTorch's weights-only loader"):
        read_state_dict(path)
    path.write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    with pytest.raises(UserError, match="is refused"):
        read_state_dict(path)
    assert not (tmp_path / "sprung").exists()


def test_a_whole_network_is_refused(path):
    torch.save(torch.nn.Linear(2, 1), path)
    with pytest.raises(UserError, match=r"is refused.*save its state_dict\(\)"):
        read_state_dict(path)


def test_the_oldest_format_and_damaged_files_are_refused(path, tmp_path):
    (tmp_path / "storages").write_bytes(b"")
    with tarfile.open(path, "w") as archive:
        archive.add(tmp_path / "storages", arcname="storages")
    with pytest.raises(UserError, match="is refused"):
        read_state_dict(path)
    torch.save(STATE, path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match="is refused"):
        read_state_dict(path)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"epoch": 3, "weights": [1, 2]}, "holds a dict with 'epoch', 'weights'"),
        ([1, 2], "holds a list"),
        ({}, "holds a dict"),
    ],
)
def test_other_contents_are_described(content, found, path):
    torch.save(content, path)
    with pytest.raises(UserError, match=f"{found}; expected a state dict"):
        read_state_dict(path)
