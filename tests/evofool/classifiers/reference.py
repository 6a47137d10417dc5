"""Networks in slow, obvious loops over float64 numbers."""

import math

import numpy as np


def convolved(
    image: np.ndarray, kernel: np.ndarray, bias: np.ndarray, padding: int, pool: int
) -> np.ndarray:
    """Convolution of one image [height, width, inputs], then the maximum of each pool x pool."""
    image = np.pad(image.astype(np.float64), ((padding, padding), (padding, padding), (0, 0)))
    size = len(kernel)
    height, width = image.shape[0] - size + 1, image.shape[1] - size + 1
    result = np.empty((height, width, kernel.shape[3]))
    for row in range(height):
        for column in range(width):
            window = image[row : row + size, column : column + size]
            for channel in range(kernel.shape[3]):
                result[row, column, channel] = bias[channel] + (window * kernel[..., channel]).sum()
    pooled = np.empty((height // pool, width // pool, kernel.shape[3]))
    for row in range(height // pool):
        for column in range(width // pool):
            window = result[row * pool : (row + 1) * pool, column * pool : (column + 1) * pool]
            pooled[row, column] = window.max(axis=(0, 1))
    return pooled


def lenet(params: dict, image: np.ndarray, activation: str) -> np.ndarray:
    """The logits of one image by the layers of the released LeNet."""
    x = convolved(image, **params["conv1"], padding=0, pool=2)
    x = convolved(x, **params["conv2"], padding=0, pool=2)
    hidden = params["dense1"]["bias"] + x.reshape(-1) @ params["dense1"]["kernel"]
    function = {"relu": lambda z: max(z, 0.0), "sigmoid": lambda z: 1 / (1 + math.exp(-z))}
    hidden = np.array([function[activation](z) for z in hidden])
    return params["dense2"]["bias"] + hidden @ params["dense2"]["kernel"]


def cifar_cnn(params: dict, image: np.ndarray) -> np.ndarray:
    """The logits of one image in [0, 1] by the layers of the network for CIFAR-10."""
    x = (255 * image.astype(np.float64) - (125.3, 122.9, 113.9)) / 64
    for name, pool in (("conv1", 2), ("conv2", 2), ("conv3", 1), ("conv4", 2)):
        x = np.maximum(convolved(x, **params[name], padding=1, pool=pool), 0.0)
    return params["dense"]["bias"] + x.reshape(-1) @ params["dense"]["kernel"]


def _dense(layer: dict, x: np.ndarray) -> np.ndarray:
    return layer["bias"] + x.reshape(-1) @ layer["kernel"]


def linear(params: dict, image: np.ndarray) -> np.ndarray:
    """The logits of one image by one template per class."""
    return _dense(params["dense"], image)


def mlp(params: dict, image: np.ndarray) -> np.ndarray:
    """The logits of one image by three dense layers."""
    x = np.maximum(_dense(params["dense1"], image), 0.0)
    x = np.maximum(_dense(params["dense2"], x), 0.0)
    return _dense(params["dense3"], x)


def article_cnn(params: dict, image: np.ndarray) -> np.ndarray:
    """The logits of one image by the article's network, the ReLU before the pooling."""
    x = image
    for name, padding, pool in (("conv1", 1, 1), ("conv2", 0, 2), ("conv3", 1, 1), ("conv4", 0, 2)):
        x = np.maximum(convolved(x, **params[name], padding=padding, pool=1), 0.0)
        rows, columns, channels = x.shape
        x = x.reshape(rows // pool, pool, columns // pool, pool, channels).max(axis=(1, 3))
    return _dense(params["dense2"], np.maximum(_dense(params["dense1"], x), 0.0))
