"""What attacks that see only the likeliest class begin and end with.

They need no gradients and no confidences: a service that answers with a label is enough. They begin
at an image that has another class, go back along the line to the original as far as that class
reaches, and follow the border from there. Images have values in [0, 1], between whole levels, too;
at the end the change is made of whole levels, and grows until the class is another one again.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from evofool.attacks.inputs import Report, Task, one_after_another
from evofool.attacks.results import AttackResult, judge
from evofool.evaluation import choose_micro_batch, evaluate
from evofool.images import Levels, from_levels

GRAINS = (1, 2, 4, 8, 16)  # pixels; noise of one grain alone has the same class for some networks
TRIES = 50  # images of noise
TOLERANCE = 1e-5  # of a place on a line, as a share of it; float32 tells no finer ones
SHARES = np.concatenate([np.linspace(1, 2, 32), np.geomspace(2.2, 64, 32)]).astype(np.float32)
"""Of a change: tried until one of whole levels succeeds."""

Image = Float[np.ndarray, "height width channels"]
Images = Float[np.ndarray, "images height width channels"]


class Decider:
    """Says whether images are successes, and counts them.

    Attributes:
        original: the image that is attacked.
        queries: number of images that the classifier was shown.
    """

    def __init__(self, task: Task, row: int, *, together: int):
        """Takes one image of a task; `together` images are often asked about at once."""
        self.original: Image = from_levels(task.images[row])
        self.queries = 0
        self._task = task.of(np.array([row]))
        self._size = choose_micro_batch(together, task.classifier)

    def __call__(self, images: Images) -> Bool[np.ndarray, " images"]:
        """Returns which images have another class than the original, or the target."""
        self.queries += len(images)
        classifier = self._task.classifier
        outputs = evaluate(classifier, images, 1 if len(images) == 1 else self._size)
        classes = outputs[:, classifier.card.class_offset :].argmax(axis=1)
        return self._task.is_success(classes[:, None])[:, 0]

    def start(self, generator: np.random.Generator) -> Image | None:
        """Looks for an image that is a success: the original, or noise; None if none is found."""
        if self(self.original[None])[0]:
            return self.original
        for number in range(TRIES):
            noise = _noise(generator, self.original.shape, GRAINS[number % len(GRAINS)])
            if self(noise[None])[0]:
                return noise
        return None

    def nearest(self, far: Image, *, norm: str = "l2") -> Image:
        """Goes from a success towards the original, as far as it stays one."""
        low, high = 0.0, 1.0
        while high - low > TOLERANCE:
            middle = (low + high) / 2
            if self(between(self.original, far, middle, norm)[None])[0]:
                high = middle
            else:
                low = middle
        return between(self.original, far, high, norm)

    def of_whole_levels(self, found: Image, start: Image) -> Levels:
        """Returns a success of whole levels near the one that was found; the start if none is."""
        change = found - self.original
        tried = np.rint(255 * np.clip(self.original + SHARES[:, None, None, None] * change, 0, 1))
        succeeds = np.append(self(from_levels(tried.astype(np.uint8))), True)
        return np.append(tried, np.rint(255 * start)[None], axis=0)[succeeds.argmax()].astype(
            np.uint8
        )


def follow_borders(
    task: Task,
    follow: Callable[[Decider, Image, np.random.Generator], Image],
    *,
    together: int,
    options: list[str | float],
    seed: int,
    save: str | Path | None,
    report: Report | None,
) -> AttackResult:
    """Attacks images one after another.

    Args:
        task: what is attacked.
        follow: decider, image to begin at, random numbers -> the smallest change that was found.
        together: images that `follow` often asks about at once.
        options: the attack's other options, which `save` is to have in common.
        seed: of all random numbers; those of an image depend on its place among the images.
        save: `.npz` file of finished images, from which a stopped attack is resumed.
        report: is called with the number of images done and of all images.

    Raises:
        UserError: `save` is of another attack.
    """

    def of_image(row: int) -> dict[str, np.ndarray]:
        decide = Decider(task, row, together=together)
        generator = np.random.default_rng([seed, row])
        start = decide.start(generator)
        if start is None or start is decide.original:
            levels = task.images[row]
        else:
            levels = decide.of_whole_levels(follow(decide, start, generator), start)
        return {"images": levels, "queries": np.array(decide.queries)}

    progress = task.progress(save, images=task.images, labels=task.labels, options=[*options, seed])
    made = one_after_another(len(task.images), of_image, progress=progress, report=report)
    return judge(task, made["images"], queries=made["queries"])


def between(original: Image, far: Image, share: float, norm: str) -> Image:
    """Returns an image on the way to another, at a share of the distance in a norm."""
    change = far - original
    if norm == "l2":
        return original + np.float32(share) * change
    radius = np.float32(share * np.abs(change).max())
    return original + np.clip(change, -radius, radius)


def distance(change: Image, norm: str) -> float:
    """Returns the size of a change."""
    return float(np.linalg.norm(change) if norm == "l2" else np.abs(change).max())


def _noise(generator: np.random.Generator, shape: tuple[int, ...], grain: int) -> Image:
    """Returns squares of random colours, of whole levels."""
    height, width, channels = shape
    rows, columns = -(-height // grain), -(-width // grain)
    colours = generator.integers(0, 256, (rows, columns, channels), dtype=np.uint8)
    return from_levels(colours.repeat(grain, axis=0).repeat(grain, axis=1)[:height, :width])
