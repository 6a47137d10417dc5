"""What a training step costs, in forward passes of the same batch, by formulation.

    python scripts/benchmark_training.py [--seconds 20] [--batches 128 256]

Times a LeNet whose convolution and pooling are written in several ways: the bare jitted forward
pass (weights as arguments), the bare jitted gradient, and training steps as `evofool train` runs
them (gathering the batch, gradient, AdamW, many steps in one scan). All of it takes turns in one
process and the fastest of the repetitions counts, so that the ratios hold on a busy machine.
About 2 minutes on 2 cores.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from evofool.classifiers import layers, lenet_card, make_network
from evofool.training import Batch, Examples, TrainConfig, cross_entropy, train

STEPS = 4  # per timed call of `train`
FORWARD_BATCHES = (64, 128, 256, 512, 1024)
Layer = Callable[..., Any]  # (images, kernel, bias) -> convolved and pooled


def xla(images: Any, kernel: Any, bias: Any) -> Any:
    """XLA's convolution and reduce_window, with the gradients that JAX derives for them."""
    return layers._convolve(0, 2, images, kernel, bias)


def patches(images: Any, kernel: Any, bias: Any) -> Any:
    """Patches as concatenated shifted slices, a matrix product, pooling as reshape and max."""
    size, _, inputs, outputs = kernel.shape
    rows, columns = images.shape[1] - size + 1, images.shape[2] - size + 1
    shifted = [images[:, i : i + rows, j : j + columns] for i in range(size) for j in range(size)]
    flat = jnp.concatenate(shifted, -1).reshape(-1, size * size * inputs)
    product = flat @ kernel.reshape(-1, outputs)
    windows = product.reshape(len(images), rows // 2, 2, columns // 2, 2, outputs)
    return windows.max((2, 4)) + bias


def blocks(images: Any, kernel: Any, bias: Any) -> Any:
    """The matrix product over blocks of pixels, in the forward pass too."""
    return layers._convolve_blocks(0, 2, images, kernel, bias)


def shipped(images: Any, kernel: Any, bias: Any) -> Any:
    """`layers.convolve`: XLA forward; blocks where gradients are wanted."""
    return layers.convolve(images, kernel, bias, 0, 2)


LAYERS: tuple[Layer, ...] = (shipped, xla, patches, blocks)


def lenet(layer: Layer) -> Callable[[Any, Any], Any]:
    """Returns the LeNet's logits as a function of parameters and images."""

    def apply(params: Any, images: Any) -> Any:
        x = layer(images, **params["conv1"])
        x = layer(x, **params["conv2"]).reshape(len(images), -1)
        x = jax.nn.relu(x @ params["dense1"]["kernel"] + params["dense1"]["bias"])
        return x @ params["dense2"]["kernel"] + params["dense2"]["bias"]

    return apply


def fastest(functions: dict[str, Callable[[], Any]], seconds: float) -> dict[str, float]:
    """Calls the functions in turn for `seconds`; returns the least time of each, in seconds."""
    for function in functions.values():
        jax.block_until_ready(function())
    least = dict.fromkeys(functions, float("inf"))
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for name, function in functions.items():
            start = time.perf_counter()
            jax.block_until_ready(function())
            least[name] = min(least[name], time.perf_counter() - start)
    return least


def measure_forward(params: Any, seconds: float) -> None:
    """Prints images per second of the forward pass, for every formulation and batch size."""
    print("forward, images/s   " + "".join(f"{batch:>9d}" for batch in FORWARD_BATCHES))
    images = jax.random.uniform(jax.random.key(1), (max(FORWARD_BATCHES), 28, 28, 1))
    calls: dict[str, Callable[[], Any]] = {}
    for layer in LAYERS:
        forward = jax.jit(lenet(layer))
        for batch in FORWARD_BATCHES:
            part = images[:batch]
            calls[f"{layer.__name__} {batch}"] = lambda f=forward, x=part: f(params, x)
    least = fastest(calls, seconds)
    for layer in LAYERS:
        rates = (batch / least[f"{layer.__name__} {batch}"] for batch in FORWARD_BATCHES)
        print(f"  {layer.__name__:18s}" + "".join(f"{rate:9,.0f}" for rate in rates))


def measure_training(batch: int, params: Any, seconds: float) -> None:
    """Prints gradient and training step of every formulation, in shipped forward passes."""
    rng = np.random.default_rng(0)
    count = STEPS * batch
    images = rng.integers(0, 256, (count, 28, 28, 1), np.uint8)
    examples = Examples(images, rng.integers(0, 10, count), np.ones(count, np.float32))
    examples = jax.tree.map(jnp.asarray, examples)
    one = Batch(*(array[:batch] for array in examples))
    one = one._replace(images=one.images.astype(jnp.float32) / 255)
    key, config = jax.random.key(0), TrainConfig(epochs=1, batch_size=batch)
    forward = jax.jit(lenet(shipped))
    calls: dict[str, Callable[[], Any]] = {"forward": lambda: forward(params, one.images)}
    for layer in LAYERS:
        loss = cross_entropy(lenet(layer))
        gradient = jax.jit(jax.grad(loss, argnums=1))
        calls[f"{layer.__name__} gradient"] = lambda g=gradient: g(key, params, one)
        calls[f"{layer.__name__} train"] = lambda loss=loss: train(
            key, params, loss, examples, config, test=lambda params: 0.0
        )
    least = fastest(calls, seconds)
    unit = least["forward"]
    print(f"batch {batch}: forward {unit * 1e3:.2f} ms; in forward passes:")
    for layer in LAYERS:
        gradient = least[f"{layer.__name__} gradient"] / unit
        step = least[f"{layer.__name__} train"] / STEPS / unit
        print(f"  {layer.__name__:18s}gradient {gradient:6.2f}   training step {step:6.2f}")


def main() -> None:
    """Prints all tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="per table")
    parser.add_argument("--batches", type=int, nargs="+", default=[64, 128, 256])
    arguments = parser.parse_args()
    params = make_network(lenet_card()).init(jax.random.key(0))
    measure_forward(params, arguments.seconds)
    for batch in arguments.batches:
        measure_training(batch, params, arguments.seconds)


if __name__ == "__main__":
    main()
