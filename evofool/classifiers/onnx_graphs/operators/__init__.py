"""The operators that are computed, by name; a module for each kind."""

from evofool.classifiers.onnx_graphs.calls import Operator
from evofool.classifiers.onnx_graphs.operators import (
    elementwise,
    matrices,
    normalization,
    quantization,
    reductions,
    resizing,
    shapes,
    windows,
)

OPERATORS: dict[str, Operator] = {
    **elementwise.TABLE,
    **shapes.TABLE,
    **reductions.TABLE,
    **matrices.TABLE,
    **windows.TABLE,
    **normalization.TABLE,
    **resizing.TABLE,
    **quantization.TABLE,
}
