"""What a training step costs, in forward passes of the same batch, by formulation.

    python scripts/benchmark_training.py
    python scripts/benchmark_training.py --network cifar_cnn --formulations shipped blocks

Times a network with convolution and pooling written in several ways: the bare jitted forward pass
(weights as arguments), the bare jitted gradient, and training steps as `evofool train` runs them
(gathering the batch, augmentation, gradient, AdamW, many steps in one scan). All of it is compiled
first, then takes turns in one process, and the least processor time of the repetitions counts, so
that the ratios hold on a busy machine. About 3 minutes on 2 cores. XLA's own gradients in a scan
cost hundreds of forward passes: leave them out for the larger networks.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np

from evofool.classifiers import (
    Network,
    article_cnn_card,
    block_side,
    cifar_cnn_card,
    convolve_blocks,
    lenet_card,
    make_network,
    pooled_convolution,
)
from evofool.training import (
    Augment,
    Batch,
    Examples,
    TrainConfig,
    cross_entropy,
    flip_and_shift,
    train,
)

STEPS = 4  # per timed call of `train`
CARDS = {
    "lenet": lenet_card(),
    "cifar_cnn": cifar_cnn_card(),
    "article_cnn": article_cnn_card(),
}
AUGMENT: dict[str, Augment | None] = {"cifar_cnn": flip_and_shift}
Layer = Callable[..., Any]  # (images, kernel, bias, padding, pool) -> convolved and pooled


def xla(images: Any, kernel: Any, bias: Any, padding: int, pool: int) -> Any:
    """XLA's convolution and reduce_window, with the gradients that JAX derives for them."""
    return (
        pooled_convolution._max_pool(pooled_convolution._convolve(images, kernel, padding), pool)
        + bias
    )


def patches(images: Any, kernel: Any, bias: Any, padding: int, pool: int) -> Any:
    """Patches as concatenated shifted slices, a matrix product, pooling as reshape and max."""
    size, _, inputs, outputs = kernel.shape
    images = padded(images, padding)
    rows, columns = images.shape[1] - size + 1, images.shape[2] - size + 1
    shifted = [images[:, i : i + rows, j : j + columns] for i in range(size) for j in range(size)]
    flat = jnp.concatenate(shifted, -1).reshape(-1, size * size * inputs)
    product = flat @ kernel.reshape(-1, outputs)
    windows = product.reshape(len(images), rows // pool, pool, columns // pool, pool, outputs)
    return windows.max((2, 4)) + bias


def blocks(images: Any, kernel: Any, bias: Any, padding: int, pool: int) -> Any:
    """The matrix product over blocks of pixels, in the forward pass too."""
    images = padded(images, padding)
    side = block_side(images.shape[1:], len(kernel), pool)
    assert side is not None, "the layers of both networks come out even"
    return convolve_blocks(side, pool, images, kernel, bias)


def padded(images: Any, padding: int) -> Any:
    """Adds zeros on every side."""
    return jnp.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))


def shipped(images: Any, kernel: Any, bias: Any, padding: int, pool: int) -> Any:
    """XLA forward; under differentiation what `pooled_convolution` chooses."""
    return CONVOLVE(images, kernel, bias, padding, pool)


CONVOLVE = pooled_convolution.convolve_and_pool
LAYERS: dict[str, Layer] = {layer.__name__: layer for layer in (shipped, xla, patches, blocks)}


def with_layer(network: Network, layer: Layer) -> Callable[[Any, Any], Any]:
    """Returns the network's `apply` with its convolutions written in another way."""

    def apply(*arguments: Any) -> Any:
        with mock.patch.object(pooled_convolution, "convolve_and_pool", layer):
            return network.apply(*arguments)

    return apply


def fastest(functions: dict[str, Callable[[], Any]], seconds: float) -> dict[str, float]:
    """Calls the functions in turn for `seconds`; returns the least processor seconds of each."""
    for function in functions.values():
        jax.block_until_ready(function())
    least = dict.fromkeys(functions, float("inf"))
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for name, function in functions.items():
            start = time.process_time()
            jax.block_until_ready(function())
            least[name] = min(least[name], time.process_time() - start)
    return least


def measure_forward(name: str, formulations: list[str], batches: list[int], seconds: float) -> None:
    """Prints images per processor second, forward, for every formulation and batch size."""
    print("images/CPU second   " + "".join(f"{batch:>9d}" for batch in batches))
    network = make_network(CARDS[name])
    params = network.init(jax.random.key(0))
    images = jax.random.uniform(jax.random.key(1), (max(batches), *CARDS[name].input_shape))
    calls: dict[str, Callable[[], Any]] = {}
    for layer in formulations:
        forward = jax.jit(with_layer(network, LAYERS[layer]))
        for batch in batches:
            calls[f"{layer} {batch}"] = partial(forward, params, images[:batch])
    least = fastest(calls, seconds)
    for layer in formulations:
        rates = (batch / least[f"{layer} {batch}"] for batch in batches)
        print(f"  {layer:18s}" + "".join(f"{rate:9,.0f}" for rate in rates))


def measure_training(name: str, formulations: list[str], batch: int, seconds: float) -> None:
    """Prints gradient and training step of every formulation, in shipped forward passes."""
    network = make_network(CARDS[name])
    params = network.init(jax.random.key(0))
    rng = np.random.default_rng(0)
    count = STEPS * batch
    images = rng.integers(0, 256, (count, *CARDS[name].input_shape), np.uint8)
    examples = Examples(images, rng.integers(0, 10, count), np.ones(count, np.float32))
    examples = jax.tree.map(jnp.asarray, examples)
    one = Batch(*(array[:batch] for array in examples))
    one = one._replace(images=one.images.astype(jnp.float32) / 255)
    key, config = jax.random.key(0), TrainConfig(epochs=1, batch_size=batch)
    forward = jax.jit(with_layer(network, shipped))
    calls: dict[str, Callable[[], Any]] = {"forward": partial(forward, params, one.images)}
    for layer in formulations:
        apply = with_layer(network, LAYERS[layer])
        gradient = jax.jit(jax.grad(cross_entropy(apply), argnums=1))
        calls[f"{layer} gradient"] = partial(gradient, key, params, one)
        loss = cross_entropy(apply, augment=AUGMENT.get(name), has_dropout=network.has_dropout)
        calls[f"{layer} train"] = partial(
            train, key, params, loss, examples, config, test=lambda params: 0.0
        )
    least = fastest(calls, seconds)
    unit = least["forward"]
    print(f"batch {batch}: forward {unit * 1e3:.2f} ms; in forward passes:")
    for layer in formulations:
        gradient = least[f"{layer} gradient"] / unit
        step = least[f"{layer} train"] / STEPS / unit
        print(f"  {layer:18s}gradient {gradient:6.2f}   training step {step:6.2f}")


def main() -> None:
    """Prints all tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", choices=CARDS, default="lenet")
    parser.add_argument("--formulations", choices=LAYERS, nargs="+", default=list(LAYERS))
    parser.add_argument("--seconds", type=float, default=20.0, help="per table")
    parser.add_argument("--batches", type=int, nargs="+", default=[64, 128, 256])
    arguments = parser.parse_args()
    network, formulations = arguments.network, arguments.formulations
    measure_forward(network, formulations, arguments.batches, arguments.seconds)
    for batch in arguments.batches:
        measure_training(network, formulations, batch, arguments.seconds)


if __name__ == "__main__":
    main()
