"""The LeNet, SqueezeNet 1.0 and MobileNetV2 in PyTorch, as `benchmark_forward.py` times them.

Channels last, inference mode, activations in place: PyTorch's best on a CPU. Weights and
preprocessing are those of the classifier that they are compared with.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from torch.nn import functional  # pyright: ignore[reportMissingImports]

from evofool.classifiers import Classifier

_V2_STRIDES = (1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1)


def torch_run(
    classifier: Classifier, images: np.ndarray, threads: int
) -> Callable[[], np.ndarray] | None:
    """Returns a call of the network in PyTorch, or None for a family that is not here.

    Args:
        classifier: gives family, weights and preprocessing.
        images: micro-batches, float32 `[number, micro_batch, height, width, channels]`.
        threads: of PyTorch.
    """
    forwards = {"lenet": _lenet, "squeezenet_v1.0": _squeezenet, "mobilenet_v2": _mobilenet_v2}
    card = classifier.card
    if card.family not in forwards:
        return None
    torch.set_num_threads(threads)

    def tensor(leaf: jax.Array) -> Any:
        if leaf.ndim < 2:
            return torch.tensor(np.array(leaf))
        weight = torch.tensor(np.moveaxis(np.array(leaf), (-1, -2), (0, 1)).copy())
        image_like = weight.ndim == 4
        return weight.contiguous(memory_format=torch.channels_last) if image_like else weight

    weights = jax.tree.map(tensor, classifier.params)
    batches = [torch.tensor(batch).permute(0, 3, 1, 2) for batch in images]
    mean = torch.tensor(card.mean).reshape(1, -1, 1, 1)

    def run() -> np.ndarray:
        outputs = []
        with torch.inference_mode():
            for batch in batches:
                x = batch.flip(1) if card.channel_order == "BGR" else batch
                outputs.append(forwards[card.family](weights, (x * 255 - mean) * card.scale))
        return torch.cat(outputs).numpy()

    return run


def _lenet(weights: Any, x: Any) -> Any:
    for layer in "conv1", "conv2":
        x = functional.max_pool2d(_conv(x, weights[layer]), 2)
    x = x.permute(0, 2, 3, 1).flatten(1)  # the order of the weights, which no layout of x changes
    x = functional.relu(_dense(x, weights["dense1"]))
    return _dense(x, weights["dense2"])


def _squeezenet(weights: Any, x: Any) -> Any:
    relu, conv = partial(functional.relu, inplace=True), _conv
    x = relu(conv(x, weights["conv1"], stride=2))
    for number in range(2, 10):
        if number in (2, 5, 9):
            x = functional.max_pool2d(x, 3, 2, ceil_mode=True)
        fire = weights[f"fire{number}"]
        x = relu(conv(x, fire["squeeze1x1"]))
        ones, threes = conv(x, fire["expand1x1"]), conv(x, fire["expand3x3"], padding=1)
        x = torch.cat([relu(ones), relu(threes)], dim=1)
    return relu(conv(x, weights["conv10"], padding=1)).mean((2, 3))


def _mobilenet_v2(weights: Any, x: Any) -> Any:
    relu6 = partial(functional.relu6, inplace=True)
    after = (0, 1, 0, 1)  # TensorFlow's zeros at stride 2: right and below only
    x = relu6(_conv(functional.pad(x, after), weights["conv0"], stride=2))
    for number, stride in enumerate(_V2_STRIDES, start=1):
        block, before = weights[f"block{number}"], x
        if "expand" in block:
            x = relu6(_conv(x, block["expand"]))
        if stride == 1:
            x = _conv(x, block["dw"], padding=1, groups=x.shape[1])
        else:
            x = _conv(functional.pad(x, after), block["dw"], stride=2, groups=x.shape[1])
        x = _conv(relu6(x), block["project"])
        if x.shape == before.shape:
            x = x + before
    x = relu6(_conv(x, weights["conv_last"])).mean((2, 3))
    return _dense(x, weights["fc"])


def _conv(x: Any, layer: Any, **options: Any) -> Any:
    return functional.conv2d(x, layer["kernel"], layer["bias"], **options)


def _dense(x: Any, layer: Any) -> Any:
    return functional.linear(x, layer["kernel"], layer["bias"])
