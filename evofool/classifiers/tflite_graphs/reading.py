"""TensorFlow Lite files, which come from anywhere, read into plain values.

Weights that are whole numbers are read as the real numbers that they stand for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evofool.classifiers.blaming import first_line
from evofool.classifiers.onnx_graphs.calls import UnsupportedError
from evofool.classifiers.onnx_graphs.reading import MOST_BYTES, MOST_NODES, as_computed
from evofool.support import Foreign, UserError, needing, read_bytes

_NUMBERS = {
    **{"FLOAT32": "float32", "FLOAT16": "float16", "FLOAT64": "float64", "BOOL": "bool"},
    **{"INT8": "int8", "INT16": "int16", "INT32": "int32", "INT64": "int64"},
    **{"UINT8": "uint8", "UINT16": "uint16", "UINT32": "uint32"},
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Steps:
    """Whole numbers and the real numbers they stand for: `scale * (whole - zero)`.

    Attributes:
        scale: float32 `[]`, or one for every place along `axis`.
        zero: of the same shape, of the type of the whole numbers.
        axis: of the tensor.
    """

    scale: np.ndarray
    zero: np.ndarray
    axis: int

    def real(self, whole: np.ndarray) -> np.ndarray:
        """Returns the numbers that whole ones stand for, float32."""
        shape = [-1 if axis == self.axis else 1 for axis in range(whole.ndim)]
        scale, zero = (x if x.ndim == 0 else x.reshape(shape) for x in (self.scale, self.zero))
        return (scale * (whole.astype(np.float32) - zero.astype(np.float32))).astype(np.float32)


@dataclass(frozen=True, kw_only=True, eq=False)
class Tensor:
    """A value.

    Attributes:
        shape: with a batch of 1.
        dtype: of NumPy, as the file has it.
        steps: of one that has whole numbers for real ones.
        constant: its numbers, real ones if it has steps; None for one that is computed.
    """

    shape: tuple[int, ...]
    dtype: str
    steps: Steps | None
    constant: np.ndarray | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Operation:
    """An operation.

    Attributes:
        name: of the operator, as in "CONV_2D".
        inputs: places among the tensors; -1 for one that is left out.
        outputs: the same.
        options: by their names in the schema, as in "strideW".
    """

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class File:
    """What a file computes: its operations in their order, and the values between them."""

    tensors: tuple[Tensor, ...]
    operations: tuple[Operation, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read_file(path: Path) -> File:
    """Reads a TensorFlow Lite file.

    Raises:
        UserError: it is missing, too large or damaged.
        UnsupportedError: it has parts, types or operators of its own.
    """
    with needing("tflite files", "ai-edge-litert"):
        from ai_edge_litert import (  # pyright: ignore[reportMissingImports]
            schema_py_generated as schema,
        )
    content = read_bytes(path, most_bytes=MOST_BYTES)
    try:
        return _file_of(schema.ModelT.InitFromPackedBuf(content, 0), schema)
    except (UserError, UnsupportedError):
        raise
    except Exception as error:  # what a damaged buffer points to may be anything
        raise UserError(
            f"{path} is no usable TensorFlow Lite file ({type(error).__name__}: "
            f"{first_line(error):.120}); it was cut short, is damaged, or is something else"
        ) from error


def _file_of(model: Foreign, schema: Foreign) -> File:
    if len(model.subgraphs) != 1:
        raise UnsupportedError(f"{len(model.subgraphs)} parts that call each other")
    (graph,) = model.subgraphs
    if len(graph.operators) > MOST_NODES:
        raise UnsupportedError(f"{len(graph.operators):,} operations; at most {MOST_NODES:,}")
    types, operators = _names(schema.TensorType), _names(schema.BuiltinOperator)
    codes = [
        operators[max(code.builtinCode, code.deprecatedBuiltinCode)] for code in model.operatorCodes
    ]
    return File(
        tensors=tuple(_tensor(tensor, model.buffers, types) for tensor in graph.tensors),
        operations=tuple(
            Operation(
                name=codes[operation.opcodeIndex],
                inputs=tuple(map(int, operation.inputs)),
                outputs=tuple(map(int, operation.outputs)),
                options=vars(operation.builtinOptions) if operation.builtinOptions else {},
            )
            for operation in graph.operators
        ),
        inputs=tuple(map(int, graph.inputs)),
        outputs=tuple(map(int, graph.outputs)),
    )


def _names(enumeration: type) -> dict[int, str]:
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}


def _tensor(tensor: Foreign, buffers: Foreign, types: Mapping[int, str]) -> Tensor:
    kind = types[tensor.type]
    if kind not in _NUMBERS:
        raise UnsupportedError(f"tensors of type {kind}")
    dtype, shape = np.dtype(_NUMBERS[kind]), tuple(map(int, _listed(tensor.shape)))
    steps = _steps(tensor.quantization, dtype)
    buffer = buffers[tensor.buffer]
    if tensor.sparsity is not None or getattr(buffer, "offset", 0) > 1:
        raise UnsupportedError("tensors that are sparse, or beside the graph")
    content, constant = buffer.data, None
    if content is not None and len(content):
        whole = np.frombuffer(np.asarray(content, np.uint8).tobytes(), dtype).reshape(shape)
        constant = as_computed(whole) if steps is None else steps.real(whole)
    return Tensor(shape=shape, dtype=dtype.name, steps=steps, constant=constant)


def _steps(quantization: Foreign, dtype: np.dtype) -> Steps | None:
    if quantization is None or dtype.kind not in "iu" or not len(_listed(quantization.scale)):
        return None
    scale = quantization.scale
    zero = _listed(quantization.zeroPoint)
    zero = zero if len(zero) == len(scale) else np.zeros(len(scale))
    shape = () if len(scale) == 1 else (-1,)
    return Steps(
        scale=np.asarray(scale, np.float32).reshape(shape),
        zero=np.asarray(zero).astype(dtype).reshape(shape),
        axis=int(quantization.quantizedDimension),
    )


def _listed(values: Foreign) -> Foreign:
    """Returns values; none for what the schema has as None."""
    return [] if values is None else values
