"""Reads state dicts of PyTorch: safetensors, or pickles through PyTorch's weights-only loader.

A `.pth` file is a pickle, which can run any code when it is read. PyTorch's weights-only loader
accepts only tensors and plain containers; without PyTorch such a file is refused.
"""

import importlib
import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import DTypeLike

from evofool.classifiers.storage import deserialize
from evofool.support import UserError, check_file, read_bytes

TorchTensor = Any  # PyTorch need not be installed, for type checkers either

_DTYPES: dict[str, DTypeLike] = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "BF16": jnp.bfloat16,
    "I64": np.int64,
    "I32": np.int32,
}
MOST_BYTES = 4 * 2**30  # of a file; the largest of torchvision's networks has 2.6 GB
_PICKLES = (".pth", ".pt", ".th", ".ckpt", ".tar", ".bin")  # as PyTorch's users name them
_MOST_NESTED = 8  # dictionaries in dictionaries


def read_state_dict(path: Path) -> dict[str, np.ndarray]:
    """Reads the tensors of a file.

    Args:
        path: `.safetensors`, or what `torch.save` has written, where PyTorch is installed.

    Returns:
        All tensors by name; those of floating-point numbers as float32. The name of a tensor in a
        nested dictionary is its path: "state_dict.conv1.weight".

    Raises:
        UserError: the file cannot be read safely, is damaged, or holds no state dict.
    """
    if not path.is_file():
        raise UserError(f"no file {path}; give a .safetensors, .pth or .pt file")
    if path.suffix == ".safetensors":
        tensors = _read_safetensors(path)
    elif path.suffix in _PICKLES:
        tensors = _read_torch(path)
    else:
        raise UserError(
            f"{path} is not read: a {path.suffix or 'nameless'} file may be a pickle, which can "
            "run anything when it is opened; save the state dict as .safetensors, or as .pth "
            "with torch.save"
        )
    return {
        name: value if np.issubdtype(value.dtype, np.integer) else value.astype(np.float32)
        for name, value in tensors.items()
    }


def has_torch() -> bool:
    """Returns whether PyTorch, which reads `.pth` files, is installed."""
    return importlib.util.find_spec("torch") is not None


def torch_is_missing(what: str) -> UserError:
    """Makes the error for a file that only PyTorch can read."""
    return UserError(
        f"{what} needs PyTorch, whose weights-only loader reads it without running code; "
        "run pip install torch, or convert the file to safetensors where PyTorch is installed"
    )


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    tensors = {}
    for name, entry in deserialize(path, read_bytes(path, most_bytes=MOST_BYTES)):
        if entry["dtype"] not in _DTYPES:
            raise UserError(
                f"{path}: tensor {name!r} is of type {entry['dtype']}; expected one of "
                f"{', '.join(_DTYPES)}"
            )
        values = np.frombuffer(entry["data"], _DTYPES[entry["dtype"]])
        tensors[name] = values.reshape(entry["shape"])
    return tensors


def _read_torch(path: Path) -> dict[str, np.ndarray]:
    if not has_torch():
        raise torch_is_missing(f"{path} (a {path.suffix} file)")
    # Imported by name, because type checkers need not find it.
    torch = importlib.import_module("torch")
    check_file(path, most_bytes=MOST_BYTES)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged or hostile pickle can raise anything
        # the message of PyTorch is not passed on: it advises to read the file unsafely
        raise UserError(
            f"{path} is refused by PyTorch's weights-only loader: it is damaged, or holds more "
            "than tensors (a whole model, a TorchScript), and reading that could run code; save "
            "its state_dict() with torch.save"
        ) from error
    tensors = dict(_tensors_in(content, torch.Tensor))
    if not tensors:
        contents = type(content).__name__
        if isinstance(content, Mapping) and content:
            contents += f" with {', '.join(map(repr, list(content)[:5]))}"
        raise UserError(f"{path} holds a {contents}; expected a state dict: names and tensors")
    return {
        name: (value.float() if value.is_floating_point() else value).detach().numpy()
        for name, value in tensors.items()
    }


def _tensors_in(
    content: object, tensor: type, path: tuple[str, ...] = ()
) -> Iterator[tuple[str, TorchTensor]]:
    """Yields all tensors in nested dictionaries, named by their paths."""
    if isinstance(content, tensor):
        yield ".".join(path), content
    elif isinstance(content, Mapping) and len(path) <= _MOST_NESTED:
        for key, value in content.items():
            yield from _tensors_in(value, tensor, (*path, str(key)))
