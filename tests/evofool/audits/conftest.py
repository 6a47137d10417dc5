"""One small audit, which many tests look at."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from evofool.audits import Amount, AuditResult, Budget, audit
from evofool.audits.subject import Real, Subject
from evofool.classifiers import Classifier, load_classifier
from evofool.evaluation import recognize
from evofool.images import Levels

TINY = Budget(
    name="quick",
    real=40,
    seeds=2,
    cppn=Amount(least=600, per_class=0),
    direct=Amount(least=400, per_class=0),
    ascent_classes=3,
    ascent_steps=5,
    nothing=20,
    attacked=8,
    pgd_steps=4,
    adaptive=4,
    adaptive_steps=8,
    one_pixel=1,
    patches=2,
    patch_steps=3,
    without_gradients=1,
    control=1_500,
)


def blobs(count: int) -> Levels:
    """Images that differ: bright spots on grey, at random places."""
    generator = np.random.default_rng(1)
    rows, columns = np.mgrid[:28, :28]
    y, x, size = generator.uniform(4, 24, (3, count, 1, 1))
    spots = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * size))
    noise = generator.normal(0, 0.05, spots.shape)
    return np.clip(255 * (0.2 + 0.8 * spots + noise), 0, 255).astype(np.uint8)[..., None]


def labels_of(classifier: Classifier, images: Levels) -> np.ndarray:
    """The classes that the classifier finds, one of ten of them wrong."""
    labels = recognize(classifier, images).classes.copy()
    labels[::10] = (labels[::10] + 1) % classifier.card.classes
    return labels


def subject_of(classifier: Classifier, count: int = 40, **settings: object) -> Subject:
    images = blobs(count)
    real = Real(images, labels_of(classifier, images), f"{count} spots")
    return Subject(classifier=classifier, address="mine", real=real, budget=TINY, **settings)


@pytest.fixture(scope="session")
def mock() -> Classifier:
    return load_classifier("mock:10")


def outside(classifier: Classifier, *, factor: float = 1.0) -> Classifier:
    """The same model outside JAX: softmax probabilities, of values times a factor."""

    def apply(params: object, images: np.ndarray) -> np.ndarray:
        logits = np.asarray(classifier.apply(params, factor * images), np.float64)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)

    card = dataclasses.replace(classifier.card, name="outside", family="own", sha256="", probe=())
    return dataclasses.replace(classifier, card=card, apply=apply, kind="probabilities")


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory, mock: Classifier) -> tuple[Path, Path]:
    """The images as files, and the CSV file of their classes."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("real")
    images = blobs(40)
    lines = ["file,index"]
    for number, (image, label) in enumerate(zip(images, labels_of(mock, images), strict=True)):
        Image.fromarray(image[..., 0]).save(folder / f"{number}.png")
        lines.append(f"{number}.png,{label}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder, folder / "labels.csv"


@pytest.fixture(scope="session")
def audited(
    tmp_path_factory: pytest.TempPathFactory, mock: Classifier, files: tuple[Path, Path]
) -> AuditResult:
    """An audit of the mock with all its parts."""
    # labels from strangers are no markup
    labels = ('<script>alert("x")</script>', *mock.card.labels[1:])
    card = dataclasses.replace(mock.card, labels=labels)
    return audit(
        dataclasses.replace(mock, card=card),
        out=tmp_path_factory.mktemp("audit") / "first",
        images=files[0],
        labels=files[1],
        budget=TINY,
        fail_if=["fooled@0.97<0.0", "success.pgd@8>1"],
        expect_accuracy=0.9,
        remedies=["temperature", "threshold"],
    )
