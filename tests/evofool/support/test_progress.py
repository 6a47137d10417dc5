from pathlib import Path

import numpy as np
import pytest

from evofool import UserError
from evofool.support.progress import Progress

FACTS = {"classifier": "toy", "images": np.arange(6).reshape(2, 3)}


@pytest.mark.parametrize("name", ["state.npz", "state", "state.old"])
def test_what_was_saved_is_loaded(name: str, tmp_path: Path):
    path = tmp_path / name
    assert Progress(path, **FACTS).load() is None
    Progress(path, **FACTS).save({"done": np.array(3), "x": np.ones(2)})
    found = Progress(path, **FACTS).load()
    assert found is not None
    assert found.keys() == {"done", "x"}
    assert found["done"] == 3
    assert list(tmp_path.iterdir()) == [path]


def test_without_a_path_nothing_is_kept(in_tmp_path: Path):
    Progress(None, **FACTS).save({"done": np.array(3)})
    assert Progress(None, **FACTS).load() is None
    assert not list(in_tmp_path.iterdir())


@pytest.mark.parametrize(
    "facts",
    [{"classifier": "other"}, {"images": np.arange(6)[::-1]}, {"classifier": "b", "seed": 1}],
    ids=["name", "array", "more"],
)
def test_a_file_of_another_attack_is_not_continued(facts: dict, tmp_path: Path):
    path = tmp_path / "state.npz"
    Progress(path, **FACTS).save({"done": np.array(3)})
    with pytest.raises(UserError, match=f"made for other {', '.join(facts)}; remove it"):
        Progress(path, **FACTS | facts).load()


@pytest.mark.parametrize("content", [b"", b"something else", "half", "no facts"])
def test_a_file_that_cannot_be_read_is_refused(content: bytes | str, tmp_path: Path):
    path = tmp_path / "state.npz"
    np.savez(path, x=np.arange(100))
    if content == "half":
        path.write_bytes(path.read_bytes()[:200])
    elif isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(UserError, match="holds no attack under way"):
        Progress(path, **FACTS).load()
