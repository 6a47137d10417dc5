"""ONNX files, which come from anywhere, read into plain values.

Nothing is allocated that the file does not contain, and data outside the file must lie in its
folder. Numbers are read as they are computed with here: float16, bfloat16 and float64 as float32,
64-bit integers as 32-bit ones, the largest instead of those beyond.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evofool.classifiers.blaming import first_line
from evofool.support import UserError, check_file, needing, read_bytes

if TYPE_CHECKING:
    import onnx  # pyright: ignore[reportMissingImports]

MOST_BYTES = 2**31  # of a file, or of a file of weights beside it
MOST_NODES = 100_000
_PLAIN = "ai.onnx"  # the domain of operators without a prefix here


@dataclass(frozen=True, kw_only=True, eq=False)
class Node:
    """One operation.

    Attributes:
        operator: its name, with the domain before it unless it is ONNX's own.
        inputs: names of values; "" for one that is left out.
        outputs: names of the values it computes; "" for one that nobody wants.
        attributes: numbers, texts, arrays or lists of them.
        opset: version of the operators of its domain.
    """

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    opset: int = 0


@dataclass(frozen=True, kw_only=True)
class Signature:
    """A value that goes into a graph or comes out.

    Attributes:
        name: of the value.
        shape: with the batch; None where a size is free or unknown.
        dtype: of NumPy, as the file has it.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Graph:
    """What a file computes.

    Attributes:
        nodes: in an order in which they can be computed.
        constants: the weights and other constants, by the names of their values.
        inputs: those that are no constants.
        outputs: all of them.
        metadata: texts that the exporter left.
    """

    nodes: tuple[Node, ...]
    constants: Mapping[str, np.ndarray]
    inputs: tuple[Signature, ...]
    outputs: tuple[Signature, ...]
    metadata: Mapping[str, str] = field(default_factory=dict)


def read_graph(path: Path) -> Graph:
    """Reads an ONNX file.

    Raises:
        UserError: it is missing, too large, damaged, or not ONNX; or its data are elsewhere than in
            its folder.
    """
    with needing("onnx files", "onnx"):
        import onnx  # noqa: F401  # pyright: ignore[reportMissingImports]
    content = read_bytes(path, most_bytes=MOST_BYTES)
    return parse_graph(content, path)


def parse_graph(content: bytes, path: Path) -> Graph:
    """Reads the content of an ONNX file; otherwise as `read_graph`."""
    import onnx  # pyright: ignore[reportMissingImports]

    try:
        model = onnx.load_model_from_string(content)
        return _graph_of(model, path)
    except UserError:
        raise
    except Exception as error:  # protobuf and numpy raise whatever they please
        raise UserError(
            f"{path} is no usable ONNX file ({type(error).__name__}: {first_line(error):.120}); "
            "it was cut short, is damaged, or is something else"
        ) from error


def _graph_of(model: "onnx.ModelProto", path: Path) -> Graph:
    proto = model.graph
    if not proto.node or not proto.output:
        raise UserError(f"{path} is no usable ONNX file: it has no graph")
    if len(proto.node) > MOST_NODES:
        raise UserError(f"{path} has {len(proto.node):,} nodes; expected at most {MOST_NODES:,}")
    opsets = {entry.domain or _PLAIN: entry.version for entry in model.opset_import}
    constants = {tensor.name: _array(tensor, path) for tensor in proto.initializer}
    inputs = tuple(_signature(value) for value in proto.input if value.name not in constants)
    return Graph(
        nodes=tuple(_node(node, opsets, path) for node in proto.node),
        constants=constants,
        inputs=inputs,
        outputs=tuple(_signature(value) for value in proto.output),
        metadata={entry.key: entry.value for entry in model.metadata_props},
    )


def _node(proto: "onnx.NodeProto", opsets: Mapping[str, int], path: Path) -> Node:
    domain = proto.domain or _PLAIN
    return Node(
        operator=proto.op_type if domain == _PLAIN else f"{domain}.{proto.op_type}",
        inputs=tuple(proto.input),
        outputs=tuple(proto.output),
        attributes={entry.name: _attribute(entry, path) for entry in proto.attribute},
        opset=opsets.get(domain, 0),
    )


def _attribute(proto: "onnx.AttributeProto", path: Path) -> Any:
    """Returns the value of an attribute; a graph, which is in none that is computed here, as is."""
    import onnx  # pyright: ignore[reportMissingImports]

    value = onnx.helper.get_attribute_value(proto)
    if isinstance(value, onnx.TensorProto):
        return _array(value, path)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, int | float) or hasattr(value, "ListFields"):
        return value
    return [item.decode(errors="replace") if isinstance(item, bytes) else item for item in value]


def _signature(value: "onnx.ValueInfoProto") -> Signature:
    import onnx  # pyright: ignore[reportMissingImports]

    tensor = value.type.tensor_type
    shape = [d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim]
    kind = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type or 1))
    # sizes below 1 are how some exporters write that a size is free
    return Signature(
        name=value.name,
        shape=tuple(size if size and size > 0 else None for size in shape),
        dtype=kind.name,
    )


def _array(tensor: "onnx.TensorProto", path: Path) -> np.ndarray:
    import onnx  # pyright: ignore[reportMissingImports]

    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        tensor.raw_data = _external(tensor, path)
        tensor.data_location = onnx.TensorProto.DEFAULT
        del tensor.external_data[:]
    return as_computed(onnx.numpy_helper.to_array(tensor))


def _external(tensor: "onnx.TensorProto", path: Path) -> bytes:
    """Reads the data of a tensor from a file in the folder of the model, and from nowhere else."""
    facts = {entry.key: entry.value for entry in tensor.external_data}
    folder, location = path.parent.resolve(), facts.get("location", "")
    file = (folder / location).resolve()
    if not location or file == folder or not file.is_relative_to(folder):
        raise UserError(
            f"{path} says that the weights {tensor.name!r} are in {location!r}; expected a file in "
            "its own folder"
        )
    size = check_file(file, most_bytes=MOST_BYTES)
    start = int(facts.get("offset", 0))
    length = int(facts.get("length", size - start))
    if start < 0 or length < 0 or start + length > size:
        raise UserError(
            f"{file} has {size:,} bytes; {path} expects the weights {tensor.name!r} at bytes "
            f"{start:,} to {start + length:,}: it was cut short or belongs to another model"
        )
    with file.open("rb") as opened:
        opened.seek(start)
        return opened.read(length)


def as_computed(array: np.ndarray) -> np.ndarray:
    """Returns an array of a type that is computed with here."""
    name = array.dtype.name
    if name in ("float16", "bfloat16", "float64") or name.startswith("float8"):
        return array.astype(np.float32)
    if name in ("int64", "uint64", "uint32"):
        most = np.iinfo(np.int32)
        return np.clip(array, most.min if name == "int64" else 0, most.max).astype(np.int32)
    if name in ("int4", "uint4", "int2", "uint2"):
        return array.astype(np.int8 if name.startswith("i") else np.uint8)
    if name in ("float32", "int32", "int16", "uint16", "int8", "uint8", "bool"):
        return np.ascontiguousarray(array).reshape(array.shape)
    raise UserError(f"tensors of type {name} are in no image classifier that can be computed here")
