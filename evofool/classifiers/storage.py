"""Weights on disk: safetensors, with every tensor checked against the network.

A tensor is named by its path in the nested dictionary of parameters, `layer.name`. Files with
PyTorch's names are read as well: `layer.weight` is `layer.kernel` with the outputs first,
`[outputs, inputs, height, width]` or `[outputs, inputs]`.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np
import safetensors
import safetensors.numpy

from evofool.classifiers.classifier import Params
from evofool.support import AnyArray, JsonValue, UserError, parse_json, read_bytes, replacing

Leaf = AnyArray  # an array, or the `jax.ShapeDtypeStruct` of one

MOST_HEADER = 16 * 2**20  # bytes that describe the tensors
_DTYPES = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}


def save_weights(path: Path, params: Params) -> str:
    """Writes parameters as safetensors, atomically; equal values give equal bytes.

    Returns:
        The sha256 of the file, for its card.
    """
    # safetensors writes the memory in its own order, which may differ from that of the axes.
    tensors = {name: np.asarray(leaf, order="C") for name, leaf in flatten(params).items()}
    content = safetensors.numpy.save(tensors)
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def load_weights(path: Path, shapes: Params, *, sha256: str = "") -> tuple[Params, str]:
    """Reads parameters and checks that they fit a network exactly.

    Args:
        path: a safetensors file.
        shapes: the network's parameters as `jax.ShapeDtypeStruct`s.
        sha256: of the whole file; empty when it is not known.

    Returns:
        Nested dictionaries of arrays, like `shapes`, and the sha256 of the file.

    Raises:
        UserError: the file is missing, truncated or changed, or a tensor is missing, extra, or
            of another shape or type, or the file has batch norm that is not folded.
    """
    needed = sum(leaf.size * leaf.dtype.itemsize for leaf in flatten(shapes).values())
    # twice as much is still read, for an error that names the tensors that do not fit
    content = read_bytes(path, most_bytes=2 * needed + MOST_HEADER)
    tensors = dict(deserialize(path, content))
    norms = [name for name in tensors if name.endswith(".running_mean")]
    if norms:
        raise UserError(
            f"{path} has batch norm that is not folded into the weights ({norms[0]!r} and "
            f"{len(norms) - 1} more); make weights for use here with: evofool weights convert"
        )
    expected = flatten(shapes)
    if any(name.endswith(".weight") for name in tensors):
        expected = {_torch_name(name): _torch_shape(name, s) for name, s in expected.items()}
    problems = [f"tensor {name!r} is missing" for name in expected if name not in tensors]
    problems += [f"tensor {name!r} is not expected" for name in tensors if name not in expected]
    for name in expected.keys() & tensors.keys():
        leaf, tensor = expected[name], tensors[name]
        dtype = _DTYPES.get(tensor["dtype"], tensor["dtype"])
        if tuple(tensor["shape"]) != leaf.shape or dtype != leaf.dtype.name:
            problems.append(
                f"tensor {name!r}: expected {leaf.dtype.name} {list(leaf.shape)}, "
                f"found {dtype} {list(tensor['shape'])}"
            )
    if problems:
        more = f" (and {len(problems) - 4} more)" if len(problems) > 4 else ""
        raise UserError(f"{path} does not fit the network: {'; '.join(sorted(problems)[:4])}{more}")
    actual_sha256 = hashlib.sha256(content).hexdigest()
    if sha256 and actual_sha256 != sha256:
        raise UserError(
            f"{path}: sha256 is {actual_sha256}; its card expects {sha256}. The file was changed "
            "or damaged; fetch it or train it again"
        )
    arrays = {
        name: np.frombuffer(tensors[name]["data"], leaf.dtype).reshape(leaf.shape)
        for name, leaf in expected.items()
    }
    arrays = {
        name.removesuffix(".weight") + ".kernel" if name.endswith(".weight") else name: (
            _from_torch(array) if name.endswith(".weight") else array
        )
        for name, array in arrays.items()
    }
    # `jnp.asarray` would compile a copy for every shape.
    return jax.device_put(unflatten(arrays)), actual_sha256


def _torch_name(name: str) -> str:
    return name.removesuffix(".kernel") + ".weight" if name.endswith(".kernel") else name


def _torch_shape(name: str, leaf: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
    if not name.endswith(".kernel"):
        return leaf
    shape = leaf.shape[:-3:-1] + leaf.shape[:-2]  # outputs, inputs, then the window
    return jax.ShapeDtypeStruct(shape, leaf.dtype)


def _from_torch(weight: np.ndarray) -> np.ndarray:
    """Turns `[outputs, inputs, ...]` into `[..., inputs, outputs]`."""
    return np.ascontiguousarray(np.moveaxis(weight, (0, 1), (-1, -2)))


def deserialize(path: Path, content: bytes) -> list[tuple[str, dict[str, JsonValue]]]:
    """Splits a safetensors file into its tensors.

    Args:
        path: named in error messages.
        content: of the file.

    Returns:
        For every tensor its name, and its `dtype`, `shape` and `data`.

    Raises:
        UserError: the file is cut short or of another format.
    """
    if int.from_bytes(content[:8], "little") > MOST_HEADER:
        raise UserError(
            f"{path} is no safetensors file: its header would have more than {MOST_HEADER:,} bytes"
        )
    try:
        return safetensors.deserialize(content)
    except safetensors.SafetensorError as error:
        expected = _expected_size(content)
        size = f"{expected} bytes by its header" if expected else "a safetensors header"
        raise UserError(
            f"{path} is not a whole safetensors file: expected {size}, found {len(content)} bytes "
            f"({error}); it was cut short or is something else"
        ) from error


def _expected_size(content: bytes) -> int | None:
    """Returns the file size that the header promises, or None when the header is damaged."""
    try:
        length = int.from_bytes(content[:8], "little")
        header = parse_json(content[8 : 8 + length].decode(), "the header")
        ends = [entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__"]
        return 8 + length + max(ends, default=0)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None


def flatten(params: Params) -> dict[str, Leaf]:
    """Returns the leaves of nested dictionaries by their paths, `layer.name`."""
    leaves = jax.tree_util.tree_leaves_with_path(params)
    return {".".join(str(key.key) for key in path): leaf for path, leaf in leaves}


def unflatten(flat: Mapping[str, Leaf]) -> Params:
    """Returns nested dictionaries, the inverse of `flatten`."""
    params: Params = {}
    for name, leaf in flat.items():
        *parents, last = name.split(".")
        inner = params
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = leaf
    return params
