"""State dicts as PyTorch's networks have them, of random numbers."""

import numpy as np

from evofool.classifiers.card import Card
from evofool.classifiers.classifier import make_network
from evofool.classifiers.importing.published import CONVERSIONS
from evofool.classifiers.storage import flatten

SMALL = {"input_shape": (32, 32, 3)}  # compiles and runs in no time


def state_of(family: str, *, outputs: int, layout: int = 0) -> dict[str, np.ndarray]:
    """Random tensors, named as in a published state dict."""
    random = np.random.default_rng(0)
    values = {"name": "x", "family": family, "outputs": outputs, "labels": [""] * outputs}
    shapes = flatten(make_network(Card.from_dict({**CONVERSIONS[family].card, **values})).shapes)
    state = {}
    for layer, (theirs, norm) in CONVERSIONS[family].layouts[layout].layers.items():
        kernel = shapes[f"{layer}.kernel"].shape
        weight = random.normal(0, np.prod(kernel[:-1]) ** -0.5, kernel)
        state[f"{theirs}.weight"] = np.moveaxis(weight, (-1, -2), (0, 1))
        state[f"{norm or theirs}.bias"] = random.normal(0, 0.1, kernel[-1])
        if norm:
            state[f"{norm}.weight"] = random.uniform(0.5, 1.0, kernel[-1])
            state[f"{norm}.running_mean"] = random.normal(0, 0.1, kernel[-1])
            state[f"{norm}.running_var"] = random.uniform(0.5, 2.0, kernel[-1])
            state[f"{norm}.num_batches_tracked"] = np.int64(9)
    return state
