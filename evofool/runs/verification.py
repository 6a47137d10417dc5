"""Does the archive say the truth? Every elite is drawn and scored again."""

import tempfile
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from PIL import Image

from evofool.classifiers import Classifier, confidence
from evofool.evolution import expectation_of, score_again
from evofool.images import Images, from_levels
from evofool.runs.choosing import select
from evofool.runs.examination import examine
from evofool.runs.exporting import export
from evofool.runs.run import Elite, Run
from evofool.support import (
    DamagedFileError,
    DamagedFileWarning,
    JsonValue,
    UserError,
    platform_facts,
)

SAME_PLATFORM_TOLERANCE = 1e-5
OTHER_PLATFORM_TOLERANCE = 1e-2  # other processors round differently


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What came of scoring every elite again.

    Attributes:
        elites: how many, of all independent runs.
        from_genome: largest difference in confidence from the archive, drawn from the genome.
        from_png: the same, from the exported PNG.
        worst: label of the class with the largest difference.
        is_same_platform: whether this is the kind of machine that made the run.
        tolerance: largest difference allowed.
        other_face: the same, from the PNG, scored by the model's other face: outside JAX, in the
            runtime that it ships with, or in JAX if the run was evolved outside; None for a model
            with one face. It decides nothing.
        spread: how far two answers of the classifier to the same image are apart; 0 if it is
            deterministic.
        unchecked: what could not be checked of the files, and why.
    """

    elites: int
    from_genome: float
    from_png: float
    worst: str
    is_same_platform: bool
    tolerance: float
    spread: float = 0.0
    other_face: float | None = None
    unchecked: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether no difference is above the tolerance."""
        return max(self.from_genome, self.from_png) <= self.tolerance

    def to_dict(self) -> dict[str, JsonValue]:
        """Returns plain values that JSON can hold, `passed` among them."""
        return {**asdict(self), "passed": self.passed}


def verify(
    run: str | Path | Run,
    *,
    tolerance: float | None = None,
    classifier: str | Classifier | None = None,
    weights: str | Path | None = None,
    trust_code: bool = False,
    strict: bool = True,
) -> Verification:
    """Checks the files of a run, draws every elite, reads its exported PNG, and scores both again.

    Args:
        run: a run directory; all its independent runs are checked.
        tolerance: largest difference in confidence to allow; by default 1e-5 on the kind of
            machine that made the run and 1e-2 elsewhere.
        classifier: the run's, where it cannot be loaded by the name that the run directory holds.
        weights: its weights, where they are no longer where the run found them.
        trust_code: whether to run the code of a classifier that only the run directory names.
        strict: refuse a run with damaged files; otherwise they are said in a `DamagedFileWarning`,
            and the elites of the newest checkpoint that is whole are scored.

    Raises:
        DamagedFileError: `strict`, and files are damaged; the message has a line for each.
        UserError: not a run directory, it has no checkpoint or no elites, its classifier is another
            one by now, or the tolerance is not in [0, 1].
    """
    run = Run.open(run, classifier=classifier, weights=weights, trust_code=trust_code)
    is_same_platform = run.manifest["platform"] == platform_facts()
    if tolerance is None:
        tolerance = SAME_PLATFORM_TOLERANCE if is_same_platform else OTHER_PLATFORM_TOLERANCE
    if not 0 <= tolerance <= 1:
        raise UserError(f"tolerance is {tolerance}; expected 0..1, a difference in confidence")
    findings = examine(run)
    damage = [*findings.edited, *findings.damage]
    if damage and strict:
        raise DamagedFileError("\n".join(damage))
    for one in damage:
        warnings.warn(one, DamagedFileWarning, stacklevel=2)
    spread = run.check_identity(run.classifier)
    elites = select(run, sort="class")
    model, other = run.classifier, run.classifier.face(in_jax=not run.classifier.is_jax)
    from_genome = _differences(run, model, elites, run.draw([elite.genome for elite in elites]))
    from_png = _differences(run, model, elites, _exported(run))
    by_other = None if other is None else _differences(run, other, elites, _exported(run))
    worst = int(np.argmax(np.maximum(from_genome, from_png)))
    return Verification(
        elites=len(elites),
        from_genome=float(from_genome.max()),
        from_png=float(from_png.max()),
        worst=elites[worst].label,
        is_same_platform=is_same_platform,
        tolerance=tolerance,
        spread=spread,
        other_face=None if by_other is None else float(by_other.max()),
        unchecked=tuple(findings.unchecked),
    )


def _differences(
    run: Run, classifier: Classifier, elites: list[Elite], images: Iterable[Images]
) -> Float[np.ndarray, " elites"]:
    """Returns how far the confidence in each elite's class is from the archive's.

    A score that is not a number is as far away as can be, by 1.

    Args:
        run: whose settings count.
        classifier: scores.
        elites: of that run.
        images: their images, in any number of parts: never all are in memory.
    """
    odds, done = [], 0
    for part in images:
        shown = elites[done : done + len(part)]
        odds.append(_scores(run, classifier, shown, part))
        done += len(part)
    odds = np.concatenate(odds)
    mine = odds[np.arange(len(elites)), [elite.output for elite in elites]]
    scores = confidence(np.nan_to_num(mine, nan=-np.inf))
    difference = np.abs(scores - [elite.confidence for elite in elites])
    return np.where(np.isnan(mine), 1.0, difference)


def _scores(
    run: Run, classifier: Classifier, elites: list[Elite], images: Images
) -> Float[np.ndarray, "elites outputs"]:
    """Scores images of elites as the run did."""
    return score_again(
        classifier,
        expectation_of(run.config),
        images,
        seeds=np.array([elite.seed for elite in elites]),
        born=np.array([elite.born for elite in elites]),
        micro_batch=run.micro_batch,
    )


def _exported(run: Run) -> Iterator[Images]:
    """Exports the elites and reads the files, as any other program would."""
    with tempfile.TemporaryDirectory() as folder:
        paths = export(run, folder, strict=False)
        for start in range(0, len(paths), run.micro_batch):
            part = paths[start : start + run.micro_batch]
            yield from_levels(np.stack([_read(path) for path in part]))


def _read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        levels = np.asarray(image)
    return levels[..., None] if levels.ndim == 2 else levels
