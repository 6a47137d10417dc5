import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy

from evofool.classifiers.storage import load_weights, save_weights
from evofool.support.errors import UserError

PARAMS = {
    "conv": {"kernel": jnp.arange(6.0).reshape(2, 3), "bias": jnp.array([0.5])},
    "dense": {"kernel": jnp.float32([-1.0, jnp.inf])},
}
SHAPES = jax.eval_shape(lambda: PARAMS)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "w.safetensors"


def write(path, **tensors):
    usual = {
        "conv.kernel": np.zeros((2, 3), np.float32),
        "conv.bias": np.zeros(1, np.float32),
        "dense.kernel": np.zeros(2, np.float32),
    }
    merged = {name: value for name, value in (usual | tensors).items() if value is not None}
    path.write_bytes(safetensors.numpy.save(merged))


def test_weights_survive_the_file(path):
    sha256 = save_weights(path, PARAMS)
    loaded, found = load_weights(path, SHAPES, sha256=sha256)
    assert found == sha256
    assert jax.tree.structure(loaded) == jax.tree.structure(PARAMS)
    jax.tree.map(np.testing.assert_array_equal, loaded, PARAMS)


def test_the_same_weights_give_the_same_bytes(path, tmp_path):
    assert save_weights(path, PARAMS) == save_weights(tmp_path / "again.safetensors", PARAMS)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"conv.bias": None}, "tensor 'conv.bias' is missing"),
        ({"fc.bias": np.zeros(1, np.float32)}, "tensor 'fc.bias' is not expected"),
        (
            {"conv.kernel": np.zeros((3, 2), np.float32)},
            "tensor 'conv.kernel': expected float32 [2, 3], found float32 [3, 2]",
        ),
        (
            {"dense.kernel": np.zeros(2, np.float16)},
            "tensor 'dense.kernel': expected float32 [2], found float16 [2]",
        ),
        (
            {"dense.kernel": np.zeros(2, np.int64)},
            "tensor 'dense.kernel': expected float32 [2], found I64 [2]",
        ),
    ],
)
def test_tensors_that_do_not_fit_are_named(tensors, message, path):
    write(path, **tensors)
    with pytest.raises(UserError) as caught:
        load_weights(path, SHAPES)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


def test_changed_weights_are_refused(path):
    sha256 = save_weights(path, PARAMS)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"sha256 is .*; its card expects {sha256}"):
        load_weights(path, SHAPES, sha256=sha256)


@pytest.mark.parametrize("kept", [0, 5, 40, -1])
def test_a_truncated_file_is_refused(kept, path):
    save_weights(path, PARAMS)
    content = path.read_bytes()
    path.write_bytes(content[:kept])
    with pytest.raises(UserError, match=f"found {len(content[:kept])} bytes") as caught:
        load_weights(path, SHAPES)
    assert str(path) in str(caught.value)


def test_a_truncated_file_says_how_long_it_should_be(path):
    save_weights(path, PARAMS)
    content = path.read_bytes()
    path.write_bytes(content[:-3])
    with pytest.raises(UserError, match=f"expected {len(content)} bytes by its header"):
        load_weights(path, SHAPES)


def test_a_missing_file_is_named(path):
    with pytest.raises(UserError, match=r"cannot read .*w\.safetensors"):
        load_weights(path, SHAPES)


@pytest.mark.parametrize("length", [400_000, 2**40])
def test_a_header_that_nests_or_never_ends_is_refused(length, path):
    path.write_bytes(length.to_bytes(8, "little") + b'{"a":' + b"[" * 399_995)
    with pytest.raises(UserError, match=r"is (not a whole|no) safetensors file"):
        load_weights(path, SHAPES)


def test_a_file_that_is_far_too_large_is_not_read(path):
    with path.open("wb") as file:
        file.truncate(10 * 2**30)
    with pytest.raises(UserError, match="10,737,418,240 bytes; expected at most"):
        load_weights(path, SHAPES)
