"""What evolution maximises, and in which cells: log-odds of the classes, or what users say.

A fitness or cells of one's own make another classifier of a classifier: one whose outputs are the
cells, and whose log-odds are the fitness in each. All that knows classifiers knows it, from the
compiled loop to `verify`; wherever a confidence is shown, it is the sigmoid of the fitness.
"""

import dataclasses
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from evofool.classifiers import ABSENT, Card, Classifier, Params, as_probabilities, fitness_of
from evofool.config import CELLS, FITNESSES, EvolveConfig
from evofool.support import UserError

LogProbabilities = Float[Array, "batch classes"]
Images = Float[Array, "batch height width channels"]
FitnessFunction = Callable[[LogProbabilities], Array]
"""Gives one number for each image, `[batch]`, or one for each image and class."""

CellsFunction = Callable[[Card], "Cells"]
"""Makes the cells for a classifier, given its card."""


@dataclass(frozen=True)
class Cells:
    """Cells of one's own.

    Attributes:
        names: of the cells, two or more; they are what labels are to classes.
        place: (log-probabilities `[batch, classes]`, images `[batch, height, width, channels]` in
            [0, 1]) -> bool `[batch, cells]`, the cells that each image competes in. A JAX function.
        classes: the class whose fitness counts in each cell; unless given, the fitness of an image
            is one number, and that of its likeliest class where the fitness is one for each class.
    """

    names: tuple[str, ...]
    place: Callable[[LogProbabilities, Images], Bool[Array, "batch cells"]]
    classes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len(self.names) < 2 or len(set(self.names)) < len(self.names):
            raise UserError(f"cells have names {self.names}; expected two or more different ones")
        if self.classes and len(self.classes) != len(self.names):
            raise UserError(
                f"cells have {len(self.names)} names and {len(self.classes)} classes; expected one "
                "class for each name, or none"
            )


def register_fitness(name: str, function: FitnessFunction) -> None:
    """Adds a fitness, so that `fitness=NAME` and `--fitness NAME` mean it.

    Args:
        name: of letters, digits, "_" and "-".
        function: log-probabilities `[batch, classes]` -> what is maximised: `[batch, classes]`, a
            number in the cell of each class, or `[batch]`, a number in the cell of the likeliest
            class. A JAX function. Read as log-odds, its sigmoid is shown as the confidence.

    Raises:
        UserError: the name is that of a built-in fitness, or no name.

    Example:
        >>> import evofool
        >>> evofool.register_fitness("either", lambda log_p: log_p[:, 3:5].min(axis=1))
    """
    FITNESSES.add(name, function)


def register_cells(name: str, make: CellsFunction) -> None:
    """Adds cells, so that `cells=NAME` and `--cells NAME` mean them.

    Args:
        name: of letters, digits, "_" and "-".
        make: the classifier's card -> its `Cells`.

    Raises:
        UserError: the name is that of built-in cells, or no name.
    """
    CELLS.add(name, make)


def second_axis(
    measure: Callable[[Images], Float[Array, " batch"]],
    *,
    names: tuple[str, ...],
    edges: tuple[float, ...],
) -> CellsFunction:
    """Makes cells of every class and every range of a measure of the image.

    An image competes for every class, in the cells of the range that it is in. Cells are named
    "LABEL, RANGE"; labels that several classes have are followed by the index of the class.

    Args:
        measure: images `[batch, height, width, channels]` in [0, 1] -> a number of each. A JAX
            function.
        names: of the ranges, from the lowest; one more than there are edges.
        edges: between the ranges, ascending; an edge belongs to the range above it.

    Returns:
        What `register_cells` takes.

    Raises:
        UserError: there are not as many names as ranges, or the edges do not ascend.
    """
    if len(names) != len(edges) + 1 or sorted(set(edges)) != list(edges):
        raise UserError(
            f"{len(names)} names and edges {edges}; expected ascending edges, and a name more"
        )

    def make(card: Card) -> Cells:
        def place(log_probabilities: LogProbabilities, images: Images) -> Array:
            of_range = jnp.searchsorted(jnp.array(edges), measure(images), side="right")
            is_in = of_range[:, None] == jnp.arange(len(names))
            return jnp.tile(is_in, log_probabilities.shape[1])

        count = Counter(card.labels)  # ImageNet has two cranes
        labels = [
            label if count[label] == 1 else f"{label} ({index})"
            for index, label in enumerate(card.labels)
        ]
        return Cells(
            names=tuple(f"{label}, {name}" for label in labels for name in names),
            place=place,
            classes=tuple(index for index in range(card.classes) for _ in names),
        )

    return make


def with_objective(classifier: Classifier, config: EvolveConfig) -> Classifier:
    """Makes of a classifier one whose log-odds are the fitness that a run maximises.

    Args:
        classifier: any; as it is where fitness and cells are the default.
        config: names the fitness and the cells.

    Raises:
        UserError: they are of no name that is known, or the classifier computes outside JAX.
    """
    function, make_cells = FITNESSES.get(config.fitness), CELLS.get(config.cells)
    if config.fitness == "log_odds" and make_cells is None:
        return classifier
    if not classifier.is_jax:
        raise UserError(
            f"fitness is {config.fitness!r} and cells {config.cells!r}, but "
            f"{classifier.card.name!r} runs outside JAX and gives probabilities as it is; leave "
            "the settings out"
        )
    if function is None and make_cells is None:
        card = dataclasses.replace(classifier.card, probe=())
        apply = _as_probabilities(classifier.apply, classifier.kind)
    else:
        cells = make_cells(classifier.card) if make_cells else None
        card = _card_of(classifier.card, cells)
        apply = _objective(
            classifier.apply,
            classifier.kind,
            classifier.card.class_offset,
            config.fitness,
            function,
            cells,
        )
    return dataclasses.replace(
        classifier, card=card, apply=apply, kind="log_odds", members=(classifier,), other=None
    )


def _card_of(card: Card, cells: Cells | None) -> Card:
    """Returns the card of the cells: those of the classes, or of one's own."""
    if cells is None:
        return dataclasses.replace(card, outputs=card.classes, class_offset=0, probe=())
    return dataclasses.replace(
        card, outputs=len(cells.names), labels=cells.names, class_offset=0, ids=(), probe=()
    )


# Functions are kept, so that the next run of the same kind finds its program compiled.
@lru_cache(maxsize=16)
def _as_probabilities(apply: Callable[..., Array], kind: str) -> Callable[[Params, Images], Array]:
    def probabilities(params: Params, images: Images) -> Array:
        return as_probabilities(fitness_of(apply(params, images), kind))

    return probabilities


@lru_cache(maxsize=16)
def _objective(
    apply: Callable[..., Array],
    kind: str,
    offset: int,
    name: str,
    function: FitnessFunction | None,
    cells: Cells | None,
) -> Callable[[Params, Images], Array]:
    def objective(params: Params, images: Images) -> Float[Array, "batch cells"]:
        outputs = apply(params, images)
        log_odds = fitness_of(outputs, kind)[:, offset:]
        known = jax.nn.log_softmax(outputs)[:, offset:]
        if kind == "log_odds":
            known = jax.nn.log_sigmoid(log_odds)
        scores = as_probabilities(log_odds) if name == "probability" else log_odds
        scores = scores if function is None else jnp.asarray(function(known))
        if scores.shape not in (known.shape, known.shape[:1]):
            raise UserError(
                f"fitness {name!r} gave shape {scores.shape} for log-probabilities of shape "
                f"{known.shape}; expected {known.shape}, or {known.shape[:1]}"
            )
        return _placed(scores, known, images, cells)

    return objective


def _placed(
    scores: Array, known: LogProbabilities, images: Images, cells: Cells | None
) -> Float[Array, "batch cells"]:
    """Puts the fitness of each image into the cells that it competes in; `ABSENT` elsewhere."""
    likeliest = jnp.argmax(known, axis=1)
    if cells is None:
        if scores.ndim == 2:
            return scores
        competes = likeliest[:, None] == jnp.arange(known.shape[1])
        return jnp.where(competes, scores[:, None], ABSENT)
    competes = cells.place(known, images)
    expected = (len(known), len(cells.names))
    if competes.shape != expected or competes.dtype != bool:
        raise UserError(
            f"place of the cells gave {competes.dtype} {competes.shape}; expected bool {expected}"
        )
    if scores.ndim == 1:
        scores = scores[:, None]
    elif cells.classes:
        scores = scores[:, jnp.array(cells.classes)]
    else:
        scores = jnp.take_along_axis(scores, likeliest[:, None], axis=1)
    return jnp.where(competes, scores, ABSENT)
