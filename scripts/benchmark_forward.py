"""Times forward passes of networks, and the ways to compute their layers.

What it shows, in milliseconds per image, all in one process and in turn:
* every formulation of typical layers: XLA's convolution, a sum of shifted images, windows gathered
  for one matrix product (im2col), Winograd's F(2x2, 3x3);
* every network at several micro-batches, mapped over the devices as the evolution loop does;
* PyTorch, channels last, on the same weights and batches, where `torch` is importable;
* the gradient with respect to the images, in forward passes.

    python scripts/benchmark_forward.py --weights DIR              # all cores, wall time
    python scripts/benchmark_forward.py --weights DIR --threads 1  # one thread, its CPU time
    python scripts/benchmark_forward.py --networks lenet --micro-batches 50 100 200

CPU time of one thread is what other programs on the machine disturb least. Takes some five
minutes. Writes nothing.
"""

import argparse
import importlib.util
import itertools
import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import AxisType, Mesh
from jax.sharding import PartitionSpec as P

from evofool.classifiers import Classifier, convolution, load_classifier
from evofool.support import jit

NETWORKS = (
    "mobilenet_v1_0.25_128",
    "mobilenet_v1_0.75_192",
    "mobilenet_v2_1.0_224_qat",
    "squeezenet_v1.0_deepcompression",
)
MOST_TERMS = 150  # longer sums of shifts take minutes to compile, and are slow
IMAGES = 16  # per timed call and device, at least
# name: side, inputs, outputs, size of the kernel, stride, groups
LAYERS = {
    "depthwise 64x64x32": (64, 32, 32, 3, 1, 32),
    "stem 3x3/2, 128x128x3 to 8": (128, 3, 8, 3, 2, 1),
    "stem 3x3/2, 224x224x3 to 32": (224, 3, 32, 3, 2, 1),
    "stem 7x7/2, 227x227x3 to 96": (227, 3, 96, 7, 2, 1),
    "3x3, 55x55x16 to 64": (55, 16, 64, 3, 1, 1),
    "3x3, 27x27x64 to 256": (27, 64, 256, 3, 1, 1),
    "1x1, 27x27x384 to 64": (27, 384, 64, 1, 1, 1),
}

HAS_TORCH = importlib.util.find_spec("torch") is not None

Run = Callable[[], Any]


def main() -> None:
    """Parses the arguments, times, prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--weights", help="folder of .safetensors and specs.json")
    parser.add_argument("--networks", nargs="*", default=NETWORKS)
    parser.add_argument("--micro-batches", type=int, nargs="*", default=(1, 2, 4, 8, 16, 32, 64))
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-layers", action="store_true")
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):  # XLA has as many threads as cores that it sees
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.threads])
    jax.config.update("jax_num_cpu_devices", arguments.threads)
    clock = time.process_time if arguments.threads == 1 else time.perf_counter
    measure = partial(time_in_turn, clock=clock, rounds=arguments.rounds)
    if not arguments.no_layers:
        for name, layer in LAYERS.items():
            print(f"{name}:", describe(measure(layer_runs(layer))), flush=True)
    if not HAS_TORCH:
        print("PyTorch is not installed: nothing to compare with")
    for name in arguments.networks:
        classifier = load_classifier(name, weights=arguments.weights)
        for micro_batch in arguments.micro_batches:
            runs = network_runs(classifier, micro_batch, arguments.threads)
            print(f"{name}, micro-batch {micro_batch}:", describe(measure(runs)), flush=True)


def time_in_turn(
    runs: dict[str, tuple[Run, int]], *, clock: Callable[[], float], rounds: int
) -> dict[str, float]:
    """Returns the least milliseconds per image over the rounds; compiles before."""
    best = dict.fromkeys(runs, float("inf"))
    for run, _ in runs.values():
        run()
    for _, (name, (run, images)) in itertools.product(range(rounds), runs.items()):
        calls, start = 0, clock()
        while (elapsed := clock() - start) < 0.1 or not calls:
            run()
            calls += 1
        best[name] = min(best[name], 1e3 * elapsed / calls / images)
    return best


def describe(times: dict[str, float]) -> str:
    """Formats a line: every time, and what PyTorch takes beside ours."""
    line = ", ".join(f"{name} {value:.3f} ms" for name, value in times.items())
    if "PyTorch" in times:
        line += f"; PyTorch / ours {times['PyTorch'] / times['ours']:.2f}"
    if "gradient" in times:
        line += f"; gradient / forward {times['gradient'] / times['ours']:.2f}"
    return line


def network_runs(
    classifier: Classifier, micro_batch: int, threads: int
) -> dict[str, tuple[Run, int]]:
    """Returns calls of the forward pass, of the gradient and of PyTorch on the same images."""
    per_device = max(1, IMAGES // micro_batch)
    shape = (threads * per_device, micro_batch, *classifier.card.input_shape)
    images = np.random.default_rng(0).random(shape, np.float32)

    def gradient(params: Any, images: jax.Array) -> jax.Array:
        return jax.grad(lambda images: classifier.apply(params, images)[:, 0].sum())(images)

    count = len(images) * micro_batch
    runs = {"ours": (mapped(classifier.apply, classifier.params, images, threads), count)}
    if micro_batch <= 4:
        runs["gradient"] = (mapped(gradient, classifier.params, images, threads), count)
    if HAS_TORCH:
        from forward_in_torch import torch_run

        if theirs := torch_run(classifier, images, threads):
            runs["PyTorch"] = (theirs, count)
    return runs


def mapped(function: Callable[..., Any], params: Any, images: np.ndarray, devices: int) -> Run:
    """Compiles a function of micro-batches as the evolution loop does: a loop on every device."""
    mesh = Mesh(np.array(jax.devices()[:devices]), ("images",), axis_types=(AxisType.Auto,))
    spread = jax.shard_map(
        lambda params, images: lax.map(partial(function, params), images),
        mesh=mesh,
        in_specs=(P(), P("images")),
        out_specs=P("images"),
        check_vma=False,
    )
    params = jax.device_put(params, jax.NamedSharding(mesh, P()))
    placed = jax.device_put(images, jax.NamedSharding(mesh, P("images")))
    compiled = jit(spread)
    return lambda: jax.block_until_ready(compiled(params, placed))


def layer_runs(layer: tuple[int, ...]) -> dict[str, tuple[Run, int]]:
    """Returns calls of the formulations that can compute a layer, four images one after another."""
    side, inputs, outputs, size, stride, groups = layer
    rng = np.random.default_rng(0)
    images = rng.normal(size=(4, 1, side, side, inputs)).astype(np.float32)
    kernel = rng.normal(size=(size, size, inputs // groups, outputs)).astype(np.float32)
    padding = [(size // 2, size // 2)] * 2
    ways: dict[str, Callable[..., Any]] = {
        "chosen": partial(convolution.convolve, stride=stride, padding=size // 2, groups=groups),
        "XLA": partial(xla, stride=stride, padding=padding, groups=groups),
    }
    if 1 < size * size * inputs // groups <= MOST_TERMS:
        ways["shifts"] = partial(shifts, stride=stride)
    if groups == 1:
        ways["im2col"] = partial(im2col, stride=stride)
    if groups == stride == 1 and size == 3:
        ways["Winograd"] = winograd
    expected = ways["XLA"](images[0], kernel)
    for name, way in ways.items():
        np.testing.assert_allclose(way(images[0], kernel), expected, atol=1e-2, err_msg=name)

    def swapped(way: Callable[..., Any]) -> Callable[..., Any]:
        return lambda kernel, images: jax.nn.relu(way(images, kernel))

    return {name: (mapped(swapped(way), kernel, images, 1), 4) for name, way in ways.items()}


def xla(images: Any, kernel: Any, *, stride: int, padding: Any, groups: int) -> jax.Array:
    """XLA's own convolution."""
    numbers = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(
        images,
        kernel,
        (stride, stride),
        padding,
        dimension_numbers=numbers,
        feature_group_count=groups,
    )


def windows(images: Any, size: int, stride: int) -> list[jax.Array]:
    """Returns the padded images shifted to every place of the kernel."""
    half, (height, width) = size // 2, images.shape[1:3]
    padded = jnp.pad(images, ((0, 0), (half, half), (half, half), (0, 0)))
    padded = lax.optimization_barrier(padded)
    return [
        padded[:, i : i + height : stride, j : j + width : stride]
        for i, j in itertools.product(range(size), repeat=2)
    ]


def shifts(images: Any, kernel: Any, *, stride: int) -> jax.Array:
    """A sum of shifted images, channel by channel."""
    size, _, group_inputs, outputs = kernel.shape
    result = jnp.zeros(())
    taps = kernel.reshape(size * size, group_inputs, outputs)
    for shifted, tap in zip(windows(images, size, stride), taps, strict=True):
        for part, factors in zip(jnp.split(shifted, group_inputs, -1), tap, strict=True):
            result = result + part * factors
    return result


def im2col(images: Any, kernel: Any, *, stride: int) -> jax.Array:
    """Gathers every window into a row, then one matrix product."""
    gathered = jnp.concatenate(windows(images, len(kernel), stride), axis=-1)
    return gathered @ kernel.reshape(gathered.shape[-1], -1)


def winograd(images: Any, kernel: Any) -> jax.Array:
    """Winograd's F(2x2, 3x3): 16 products for 2x2 outputs instead of 36 (Lavin and Gray, 2015)."""
    before = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]], np.float32)
    taps = np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]], np.float32) / 2
    after = np.array([[1, 1, 1, 0], [0, 1, -1, -1]], np.float32)
    batch, height, width, _ = images.shape
    rows, columns = -(-height // 2), -(-width // 2)
    padded = jnp.pad(
        images, ((0, 0), (1, 2 * rows - height + 1), (1, 2 * columns - width + 1), (0, 0))
    )
    tiles = jnp.stack(
        [
            padded[:, i : i + 2 * rows - 1 : 2, j : j + 2 * columns - 1 : 2]
            for i, j in itertools.product(range(4), repeat=2)
        ]
    ).reshape(4, 4, batch, rows, columns, -1)
    transformed = jnp.einsum("ai,bj,ijnrqc->abnrqc", before, before, tiles)
    products = jnp.einsum(
        "abnrqc,abco->abnrqo", transformed, jnp.einsum("ai,bj,ijco->abco", taps, taps, kernel)
    )
    result = jnp.einsum("ia,jb,abnrqo->nriqjo", after, after, products)
    return result.reshape(batch, 2 * rows, 2 * columns, -1)[:, :height, :width]


if __name__ == "__main__":
    main()
