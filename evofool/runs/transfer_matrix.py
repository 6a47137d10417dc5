"""The elites of a run as several other models see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from evofool.classifiers import Classifier, load_classifier, resolution
from evofool.runs.choosing import select
from evofool.runs.run import Elite, Run
from evofool.runs.transfer import Judgement, check_same_classes, look
from evofool.support import JsonValue, UserError


@dataclass(frozen=True, kw_only=True, eq=False)
class TransferMatrix:
    """Elites, and what each model makes of them.

    Attributes:
        elites: of the run.
        models: names; the first is the model that the run was evolved for.
        judgements: of each model.
        resolutions: steps of which each model's confidences are multiples; 0 if there is none.
    """

    elites: tuple[Elite, ...]
    models: tuple[str, ...]
    judgements: tuple[Judgement, ...]
    resolutions: tuple[float, ...]

    @property
    def confidence(self) -> Float[np.ndarray, "models images"]:
        """Of the class that an image was evolved for, in [0, 1]."""
        return np.stack([judgement.confidence for judgement in self.judgements])

    @property
    def same_label(self) -> Bool[np.ndarray, "models images"]:
        """Whether a model finds the same class likeliest as the first."""
        return np.stack([each.top == self.judgements[0].top for each in self.judgements])

    def rows(self) -> list[dict[str, JsonValue]]:
        """Returns a row for each elite: its class, and each model's confidence and label."""
        labels = self.elites[0].run.card.labels
        return [
            {
                "run": elite.run_index,
                "class_index": elite.class_index,
                "label": elite.label,
                **{
                    f"{kind} {name}": value
                    for name, judgement in zip(self.models, self.judgements, strict=True)
                    for kind, value in (
                        ("confidence", float(judgement.confidence[place])),
                        ("label", _label(labels, int(judgement.top[place]))),
                    )
                },
            }
            for place, elite in enumerate(self.elites)
        ]


def transfer_matrix(
    run: str | Path | Run,
    classifiers: Sequence[str | Classifier],
    *,
    weights: str | Path | None = None,
    run_index: int | None = None,
) -> TransferMatrix:
    """Shows the elites of a run to other models; see `transfer` for one.

    Args:
        run: a run directory.
        classifiers: the other models: names or addresses, or `Classifier`s.
        weights: of those that need any, as in `load_classifier`; a folder where there are several.
        run_index: one of the independent runs; all of them unless given.

    Raises:
        UserError: as `transfer`, or no model is given.
    """
    run = Run.open(run)
    if not classifiers:
        raise UserError("models is empty; expected some to show the elites to")
    loaded = [_loaded(one, weights) for one in classifiers]
    for classifier in loaded:
        check_same_classes(run, classifier)
    elites = select(run, run_index=run_index, sort="class")
    images = np.concatenate(list(run.draw([elite.genome for elite in elites])))
    classes = [elite.class_index for elite in elites]
    return TransferMatrix(
        elites=tuple(elites),
        models=_names([run.classifier, *loaded]),
        judgements=tuple(look(model, images, classes) for model in (run.classifier, *loaded)),
        resolutions=(run.resolution, *map(resolution, loaded)),
    )


def _loaded(classifier: str | Classifier, weights: str | Path | None) -> Classifier:
    if isinstance(classifier, Classifier):
        return classifier
    return load_classifier(classifier, weights=None if ":" in classifier else weights)


def _names(models: Sequence[Classifier]) -> tuple[str, ...]:
    """Returns their names; of equal ones, the later get numbers."""
    names: list[str] = []
    for model in models:
        name, number = model.card.name, 2
        while name in names:
            name, number = f"{model.card.name} ({number})", number + 1
        names.append(name)
    return tuple(names)


def _label(labels: Sequence[str], index: int) -> str:
    return labels[index] if 0 <= index < len(labels) else "background"
