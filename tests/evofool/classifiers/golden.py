"""Photographs as the networks of the data folder saw them when their logits were recorded."""

import csv
from pathlib import Path

import jax
import numpy as np
from PIL import Image

from evofool.classifiers.card import Card
from evofool.classifiers.loading import load_classifier


def differences(folder: Path, name: str) -> np.ndarray:
    """|our logits - recorded ones|, `[16, outputs]`, of the classifier NAME."""
    classifier = load_classifier(name, weights=folder / "imagenet-models")
    images = photographs(folder / "imagenet", classifier.card, 16)
    logits = jax.jit(classifier.apply)(classifier.params, images)
    with np.load(folder / "imagenet-models" / "golden.npz") as recorded:
        return np.abs(np.asarray(logits) - recorded[name])


def photographs(folder: Path, card: Card, count: int) -> np.ndarray:
    """The first photographs, centre crop and resize as the card says: float32 in [0, 1]."""
    with (folder / "samples_index.csv").open() as file:
        names = [row["file"] for _, row in zip(range(count), csv.DictReader(file), strict=False)]
    images = []
    for name in names:
        path = next(p for p in (folder / name, folder / "samples" / name) if p.exists())
        with Image.open(path) as image:
            left, top = ((side - card.crop) // 2 for side in image.size)
            image = image.crop((left, top, left + card.crop, top + card.crop))
            height, width, _ = card.input_shape
            if image.size != (width, height):
                image = image.resize((width, height), Image.Resampling.BICUBIC)
            images.append(np.asarray(image, np.float32) / np.float32(255))
    return np.stack(images)
