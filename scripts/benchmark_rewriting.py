"""Times a network of somebody else's, channels first, as it is and as evofool rewrites it.

    python scripts/benchmark_rewriting.py

Six 3x3 convolutions of 16 to 64 channels over 32x32 colour images, in `lax` alone, and a network of
depthwise ones. Both run in a compiled loop over micro-batches of 4, as evolution has them. Prints
milliseconds of processor time per image, the least of three rounds in turn.
"""

import itertools
import time
from collections.abc import Callable
from functools import partial

import jax
import numpy as np
from jax import Array, lax

from evofool.classifiers.rewriting import Rewritten
from evofool.support import jit

MICRO_BATCHES, SIZE, ROUNDS = 40, 4, 3
LAYERS = ((3, 16), (16, 16), (16, 32), (32, 32), (32, 64), (64, 64))  # channels in and out
STRIDED = (2, 4)  # layers


def network(images: Array, *, depthwise: bool) -> Array:
    """Computes the means of the last channels."""
    rng = np.random.default_rng(0)

    def convolve(maps: Array, shape: tuple[int, ...], stride: int = 1, groups: int = 1) -> Array:
        kernel = rng.standard_normal(shape).astype(np.float32) / np.sqrt(np.prod(shape[1:]))
        edge = shape[2] // 2
        return lax.conv_general_dilated(
            *(maps, kernel, (stride, stride), [(edge, edge)] * 2),
            feature_group_count=groups,
        )

    maps = images.transpose(0, 3, 1, 2)
    for number, (inputs, outputs) in enumerate(LAYERS):
        stride = 2 if number in STRIDED else 1
        if depthwise:
            maps = convolve(maps, (inputs, 1, 3, 3), stride, groups=inputs)
            maps = convolve(maps, (outputs, inputs, 1, 1))
        else:
            maps = convolve(maps, (outputs, inputs, 3, 3), stride)
        maps = jax.nn.relu(maps)
    return maps.mean((2, 3))


def gradient(function: Callable[[Array], Array], images: Array) -> Array:
    """Derives the first output by the images."""
    return jax.grad(lambda images: function(images)[:, 0].sum())(images)


def main() -> None:
    """Times, prints."""
    shape = (MICRO_BATCHES, SIZE, 32, 32, 3)
    images = np.random.default_rng(1).random(shape, np.float32)
    for depthwise in (False, True):
        plain = partial(network, depthwise=depthwise)
        runs = {
            f"{what}, {how}": jit(partial(lax.map, compute))
            for how, function in (("as it is", plain), ("rewritten", Rewritten(plain)))
            for what, compute in (
                ("forward", function),
                ("gradient", partial(gradient, function)),
            )
        }
        best = dict.fromkeys(runs, float("inf"))
        for run in runs.values():
            run(images).block_until_ready()
        for _, (name, run) in itertools.product(range(ROUNDS), runs.items()):
            start = time.process_time()
            run(images).block_until_ready()
            seconds = time.process_time() - start
            best[name] = min(best[name], 1e3 * seconds / (MICRO_BATCHES * SIZE))
        print("depthwise" if depthwise else "3x3")
        for name, milliseconds in best.items():
            print(f"  {name}: {milliseconds:.3f} ms")


if __name__ == "__main__":
    main()
