"""Images of nothing: noise, one colour, ramps. No classifier should be certain about them."""

import numpy as np

from evofool.images import Levels

Shape = tuple[int, int, int]


def noise(shape: Shape, count: int, *, seed: int) -> Levels:
    """Returns images whose levels are drawn at random, each independently."""
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)


def constants(shape: Shape, count: int, *, seed: int) -> Levels:
    """Returns images of one colour each: shades from black to white, then random colours."""
    channels = shape[2]
    shades = count if channels == 1 else count // 2
    grey = np.repeat(np.linspace(0, 255, shades).astype(np.uint8)[:, None], channels, axis=1)
    colours = np.random.default_rng(seed).integers(0, 256, (count - shades, channels), np.uint8)
    levels = np.concatenate([grey, colours])
    return np.broadcast_to(levels[:, None, None], (count, *shape)).copy()


def ramps(shape: Shape, count: int, *, seed: int) -> Levels:
    """Returns images that go from one colour to another along a random direction."""
    height, width, channels = shape
    generator = np.random.default_rng(seed)
    angles = generator.uniform(0, 2 * np.pi, (count, 1, 1))
    rows, columns = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)
    along = np.cos(angles) * columns + np.sin(angles) * rows
    low, high = along.min(axis=(1, 2), keepdims=True), along.max(axis=(1, 2), keepdims=True)
    way = ((along - low) / np.maximum(high - low, 1e-9))[..., None]
    ends = generator.integers(0, 256, (2, count, 1, 1, channels))
    return np.rint(ends[0] + way * (ends[1] - ends[0])).astype(np.uint8)


NOTHINGS = {"noise": noise, "constant": constants, "ramp": ramps}
"""The kinds of images of nothing: shape, count and seed -> images."""
