"""Slow and obvious: networks as dictionaries, one node after the other, in float64."""

import colorsys
import math
from graphlib import TopologicalSorter

import numpy as np
from scipy.special import expit

INPUTS = 4
ACTIVATIONS = {
    "sine": np.sin,
    "sigmoid": lambda p: 2 * expit(p) - 1,
    "gaussian": lambda p: np.exp(-(p**2)),
    "linear": lambda p: np.clip(p, -3, 3) / 3,
    "cosine": np.cos,
    "tanh": np.tanh,
    "bipolar_gaussian": lambda p: 2 * np.exp(-(p**2)) - 1,
    "relu": lambda p: np.clip(p, 0, 3) / 3,
    "abs": lambda p: np.minimum(np.abs(p), 3) / 3,
    "step": lambda p: np.where(p > 0, 1.0, -1.0),
    "square_wave": lambda p: np.where(p % (2 * np.pi) < np.pi, 1.0, -1.0),
    "triangle_wave": lambda p: np.arcsin(np.sin(p)) * 2 / np.pi,
}


def connections(genome):
    lists = (genome.source.tolist(), genome.target.tolist(), genome.weight.tolist())
    return list(zip(*lists, strict=True))[: int(genome.num_connections)]


def is_acyclic(genome):
    graph = {}
    for source, target, _ in connections(genome):
        graph.setdefault(target, set()).add(source)
    return bool(list(TopologicalSorter(graph).static_order()) or not graph)


def possible_targets(genome, spec, source):
    """Outputs and hidden nodes from which no path leads to `source`."""
    ancestors, waiting = {source}, [source]
    while waiting:
        node = waiting.pop()
        for above, target, _ in connections(genome):
            if target == node and above not in ancestors:
                ancestors.add(above)
                waiting.append(above)
    return [node for node in range(INPUTS, int(genome.num_nodes)) if node not in ancestors]


def inputs(height, width, coordinates):
    rows, columns = np.mgrid[:height, :width].astype(float)
    u = 2 * columns / (width - 1) - 1 if width > 1 else columns
    v = 2 * rows / (height - 1) - 1 if height > 1 else rows
    x, y = (columns, rows) if coordinates == "pixels" else (u, v)
    return [x, y, np.sqrt(u**2 + v**2), np.ones_like(x)]


def values(genome, spec, height, width, coordinates="centered"):
    """The output nodes' values, found from the outputs backwards; float64."""
    known = dict(enumerate(inputs(height, width, coordinates)))

    def value(node):
        if node not in known:
            total = np.zeros((height, width))
            for source, target, weight in connections(genome):
                if target == node:
                    total = total + weight * value(source)
            known[node] = ACTIVATIONS[spec.activations[int(genome.activation[node])]](total)
        return known[node]

    return np.stack([value(INPUTS + i) for i in range(spec.outputs)], axis=-1)


def image(genome, spec, height, width, color, coordinates="centered", rounding="nearest"):
    """The 8-bit levels of an image, one pixel at a time."""
    levels = np.abs(values(genome, spec, height, width, coordinates))
    if rounding == "truncate":
        levels = np.floor(levels * 255) / 255
    image = np.empty(levels.shape)
    for index in np.ndindex(height, width):
        image[index] = pixel(levels[index], color)
    return np.floor(image * 255 + 0.5).astype(int)


def pixel(levels, color):
    if color == "hsv":
        return colorsys.hsv_to_rgb(*levels)
    if color == "hls":
        return colorsys.hls_to_rgb(math.fmod(levels[0] * 510 / 360, 1), *levels[1:])
    return levels
