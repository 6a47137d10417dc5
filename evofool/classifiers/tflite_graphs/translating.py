"""Operations of TensorFlow Lite as nodes of ONNX's operators.

Values have their channels last, where ONNX has them first: a Transpose stands before each
convolution and one behind it, and `onnx_graphs` moves no number for either. Where a file has whole
numbers for the values between its operations, real ones are computed and rounded to the same steps.
"""

from evofool.classifiers.onnx_graphs.calls import UnsupportedError
from evofool.classifiers.onnx_graphs.reading import Graph, Signature
from evofool.classifiers.tflite_graphs.operators import OPERATORS, activated
from evofool.classifiers.tflite_graphs.reading import File, Operation
from evofool.classifiers.tflite_graphs.writing import Writer, name_of

_ACTIVATIONS = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6")  # LiteRT leaves others out


def translate(file: File) -> Graph:
    """Returns the graph of a file.

    Its input and outputs are float32, also where the file has whole numbers for them.

    Raises:
        UnsupportedError: an operator is missing, or asks for something that is not computed here.
    """
    writer = Writer(file)
    for place in file.inputs:
        writer.round(place, name_of(place))
    for operation in file.operations:
        _add(writer, operation)
    return Graph(
        nodes=tuple(writer.nodes),
        constants=writer.constants,
        inputs=tuple(_signature(file, place, name_of(place)) for place in file.inputs),
        outputs=tuple(_signature(file, place, writer.of(place)) for place in file.outputs),
    )


def _signature(file: File, place: int, name: str) -> Signature:
    return Signature(name=name, shape=(None, *file.tensors[place].shape[1:]), dtype="float32")


def _add(writer: Writer, operation: Operation) -> None:
    """Adds the nodes of an operation."""
    if operation.name not in OPERATORS:
        raise UnsupportedError(f"the operator {operation.name}")
    outputs = OPERATORS[operation.name](writer, operation)
    activation = operation.options.get("fusedActivationFunction", 0)
    if activation >= len(_ACTIVATIONS):
        raise UnsupportedError(f"{operation.name} with the activation function {activation}")
    for place, value in zip(operation.outputs, outputs, strict=True):
        writer.round(place, activated(writer, _ACTIVATIONS[activation], value))
