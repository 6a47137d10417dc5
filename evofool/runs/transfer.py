"""Whether images evolved for one network are taken for the same by another."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from evofool.classifiers import Classifier, confidence, load_classifier, with_views
from evofool.evaluation import recognize
from evofool.images import Images, to_levels
from evofool.runs.choosing import select
from evofool.runs.run import Elite, Run
from evofool.support import UserError


@dataclass(frozen=True, kw_only=True, eq=False)
class Judgement:
    """A network's verdict on images that were evolved for given classes.

    Attributes:
        classes: that the images were evolved for.
        top: the likeliest class; the network's "background" output is none.
        confidence: of the class an image was evolved for, in [0, 1].
        log_odds: of the same.
    """

    classes: Int[np.ndarray, " images"]
    top: Int[np.ndarray, " images"]
    confidence: Float[np.ndarray, " images"]
    log_odds: Float[np.ndarray, " images"]

    @property
    def hits(self) -> Bool[np.ndarray, " images"]:
        """Whether the likeliest class is the one that the image was evolved for."""
        return self.top == self.classes


Seen = Judgement  # its former name


@dataclass(frozen=True, kw_only=True, eq=False)
class Transfer:
    """Elites as two networks see them.

    Attributes:
        elites: of one run or several.
        before: the verdict of the network that they were evolved for.
        after: the verdict of the other network.
    """

    elites: tuple[Elite, ...]
    before: Judgement
    after: Judgement

    @property
    def same_label(self) -> Bool[np.ndarray, " images"]:
        """Whether both find the same class likeliest (the paper's measure)."""
        return self.before.top == self.after.top


def transfer(
    run: str | Path | Run,
    classifier: str | Classifier,
    *,
    weights: str | Path | None = None,
    run_index: int | None = None,
) -> Transfer:
    """Shows the elites of a run to another network.

    The images are those that were scored, at the size they were drawn; a network of another input
    size sees them scaled (bicubic), whole.

    Args:
        run: a run directory.
        classifier: the other network: a name, or a `Classifier`.
        weights: its weights, as in `load_classifier`.
        run_index: one of the independent runs; all of them unless given.

    Raises:
        UserError: not a run directory, no such run in it, no elites, or a classifier that cannot be
            loaded, or has other classes or channels.
    """
    run = Run.open(run)
    if isinstance(classifier, str):
        classifier = load_classifier(classifier, weights=weights)
    check_same_classes(run, classifier)
    elites = select(run, run_index=run_index, sort="class")
    images = np.concatenate(list(run.draw([elite.genome for elite in elites])))
    classes = [elite.class_index for elite in elites]
    before, after = (look(network, images, classes) for network in (run.classifier, classifier))
    return Transfer(elites=tuple(elites), before=before, after=after)


def look(classifier: Classifier, images: Images, classes: Sequence[int]) -> Judgement:
    """Shows images that were evolved for given classes to a network.

    Args:
        classifier: the network; it sees images of another size than its input scaled to it.
        images: in [0, 1], on the 1/255 grid as images are drawn.
        classes: a class index for each.
    """
    height, width, channels = images.shape[1:]
    recognized = recognize(with_views(classifier, (height, width, channels)), to_levels(images))
    wanted = np.asarray(classes, int)
    log_odds = recognized.log_odds_in(wanted).astype(np.float64)
    return Judgement(
        classes=wanted,
        top=recognized.classes,
        confidence=confidence(log_odds),
        log_odds=log_odds,
    )


def check_same_classes(run: Run, classifier: Classifier) -> None:
    """Makes sure that a network tells the classes of a run apart.

    Raises:
        UserError: it has other classes.
    """
    ours, theirs = run.card, classifier.card
    if ours.classes != theirs.classes or (ours.ids and theirs.ids and ours.ids != theirs.ids):
        raise UserError(
            f"{theirs.name!r} tells {theirs.classes} classes apart and {run.folder} has images "
            f"for the {ours.classes} of {ours.name!r}; give a network of the same classes"
        )
