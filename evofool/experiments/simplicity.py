"""How simple can an image be that fools a network, class by class?

An archive of classes by complexity: networks that draw compete for every class, with those of about
as many connections alone. The generation is that of every run, by `ask_tell`; only what children
are offered for is narrowed. A network keeps connections that lead nowhere, so that the number is an
upper bound of what an image needs.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, UInt8

import cppn
from evofool.classifiers import ABSENT, Card, confidence, first_name, label_of, resolve_classes
from evofool.config import CppnConfig
from evofool.evolution import HIGH, Cells, OwnLoop, RunState, ask_tell, register_cells
from evofool.experiments.bench import NETWORK, Lab, every
from evofool.experiments.registry import Experiment, Part
from evofool.experiments.report import (
    Figure,
    Findings,
    Row,
    Table,
    captioned_sheet,
    cells,
    measured,
    notes,
    section,
)
from evofool.images import as_png, to_image, to_levels
from evofool.support import in_markdown

MOST = (1, 2, 3, 4, 6, 8, 10, 15, 25, 50)  # connections of the networks in each range
NAMES = tuple(
    str(most) if low == most else f"{low} to {most}"
    for low, most in zip((0, *(m + 1 for m in MOST)), MOST, strict=False)
)
FEW = 10  # connections
ROOM = MOST[-1] + 2  # a child has up to two connections more than its parent
SHOWN = 10  # classes on the sheet
CHUNK = 50  # generations in a call
_CELLS = "class-by-connections"


class Setting(NamedTuple):
    """What is evolved against, for which classes, and for how long."""

    network: str
    classes: tuple[str, ...]
    full: tuple[int, int]  # generations after the first, and children in each
    small: tuple[int, int]


DIGITS = Setting("lenet", (), (1000, 200), (20, 50))
OBJECTS = Setting(NETWORK, every(10), (3000, 200), (2, 20))


class Archives(NamedTuple):
    """The elites of class and range, for each seed; the images of the first."""

    log_odds: Float[np.ndarray, "seeds classes ranges"]  # -inf where there is no elite
    connections: Int[np.ndarray, "seeds classes ranges"]
    images: UInt8[np.ndarray, "classes ranges height width channels"]

    @property
    def at_most(self) -> Float[np.ndarray, "seeds classes ranges"]:
        """The confidence that networks of a range or of fewer connections reach."""
        return confidence(np.maximum.accumulate(self.log_odds, axis=2))

    @property
    def fewest(self) -> Float[np.ndarray, "seeds classes"]:
        """The fewest connections that suffice for 99 %; infinity where none do."""
        fools = confidence(self.log_odds) >= HIGH
        return np.where(fools, self.connections, np.inf).min(axis=2)


def evolve(lab: Lab, setting: Setting, seed: int) -> tuple[OwnLoop, RunState]:
    """Fills an archive of class by number of connections."""
    generations, batch = lab.choose(full=setting.full, small=setting.small)

    def make_cells(card: Card) -> Cells:
        chosen = [output - card.class_offset for output in resolve_classes(card, setting.classes)]
        names = tuple(f"{card.labels[index]}, {most}" for index in chosen for most in MOST)
        return Cells(
            names=names,
            place=lambda _, images: jnp.ones((len(images), len(names)), bool),
            classes=tuple(index for index in chosen for _ in MOST),
        )

    register_cells(_CELLS, make_cells)
    room = CppnConfig(max_nodes=ROOM, max_connections=ROOM)
    network = lab.network(setting.network)
    loop = ask_tell(network, cells=_CELLS, seed=seed, batch_size=batch, cppn=room)

    def step(state: RunState, _: None) -> tuple[RunState, None]:
        offspring, images = loop.ask(state)
        scores = loop.classify(images)
        competes = jnp.tile(ranges_of(offspring.genomes), scores.shape[-1] // len(MOST))
        return loop.tell(state, offspring, jnp.where(competes, scores, ABSENT))[0], None

    @partial(jax.jit, static_argnums=1)
    def advance(state: RunState, count: int) -> RunState:
        return jax.lax.scan(step, state, length=count)[0]

    state = loop.init()
    for done in range(0, generations + 1, CHUNK):
        state = advance(state, min(CHUNK, generations + 1 - done))
        lab.say(f"seed {seed}, generation {int(state.next_generation) - 1} of {generations}")
    lab.evaluations += (generations + 1) * batch
    return loop, state


def ranges_of(genomes: cppn.Genome) -> Bool[Array, "*batch ranges"]:
    """Says in which range a network competes: in none if its children might lack room."""
    place = jnp.searchsorted(jnp.array(MOST), genomes.num_connections)
    has_room = genomes.num_nodes < ROOM
    return (place[..., None] == jnp.arange(len(MOST))) & has_room[..., None]


def measure(lab: Lab, setting: Setting) -> Archives:
    """Fills an archive for each seed, and draws the first."""
    made = [evolve(lab, setting, seed) for seed in range(lab.seeds)]
    archives = [state.archive for _, state in made]
    render = made[0][0].plan.encoding.render

    def draw(genome: cppn.Genome) -> Array:
        return render(jax.tree.map(lambda leaf: leaf[None], genome))[0]

    def by_class(values: Array) -> np.ndarray:
        return np.asarray(values).reshape(-1, len(MOST), *values.shape[1:])

    genomes = jax.tree.map(lambda leaf: leaf[0], archives[0].items.genome)
    return Archives(
        log_odds=np.stack([by_class(elites.fitness[0]) for elites in archives]),
        connections=np.stack(
            [by_class(elites.items.genome.num_connections[0]) for elites in archives]
        ),
        images=to_levels(by_class(jax.lax.map(draw, genomes))),
    )


def report(lab: Lab, measures: Archives, setting: Setting) -> Findings:
    """Asks which classes few connections suffice for."""
    card = lab.network(setting.network).card
    labels = [label_of(card, output) for output in resolve_classes(card, setting.classes)]
    by_few = measures.at_most[:, :, MOST.index(FEW)]
    fooled = (by_few >= HIGH).mean(axis=1).tolist()
    fewest = np.median(measures.fewest, axis=1)
    n = f"{len(labels)} classes"
    generations, batch = lab.choose(full=setting.full, small=setting.small)
    figures = [
        (f"classes fooled (>= 99 %) by at most {FEW} connections", fooled, n),
        (f"median confidence by at most {FEW} connections", np.median(by_few, axis=1).tolist(), n),
    ]
    count = Row(
        what="fewest connections that fool a class, median",
        ours=fewest[np.isfinite(fewest)].tolist(),
        seeds=lab.seeds,
        n=n,
    )
    share = cells.share(float(np.median(fooled)))
    median = (
        f"the median class takes {cells.spread(count.ours)}"
        if count.ours
        else f"most by none of up to {MOST[-1]}"
    )
    result = f"at most {FEW} connections fool {share} of {n}; {median}"
    return Findings(
        rows=[*measured(figures), count],
        result=result,
        summary=("", result),
        tables=[tabulate_ranges(measures), tabulate_classes(measures, labels)],
        images=[draw_archive(lab, measures, labels)],
        notes=notes(
            "simplicity",
            "both",
            network=setting.network,
            generations=generations,
            batch=batch,
            first=measures.images.shape[-1] * cppn.NUM_INPUTS,
        ),
    )


def tabulate_ranges(measures: Archives) -> Table:
    """Returns what networks of every range come to, and how large their images are as files."""
    bytes_of = np.array(
        [[len(as_png(to_image(image))) for image in row] for row in measures.images]
    )
    alone, at_most = confidence(measures.log_odds), measures.at_most
    return Table.of(
        "By number of connections, all seeds; PNG files of the first seed",
        [
            {
                "connections": name,
                "median confidence": cells.confidence(float(np.median(alone[..., place]))),
                "with these or fewer": cells.confidence(float(np.median(at_most[..., place]))),
                "classes >= 99 % with these or fewer": cells.share(
                    float(np.mean(at_most[..., place] >= HIGH))
                ),
                "bytes as PNG, median": int(np.median(bytes_of[:, place])),
            }
            for place, name in enumerate(NAMES)
        ],
    )


def tabulate_classes(measures: Archives, labels: Sequence[str]) -> Table:
    """Returns the archive as a table, classes that are easily fooled first."""
    at_most, fewest = np.median(measures.at_most, axis=0), np.median(measures.fewest, axis=0)
    return Table(
        title="Fewest connections for 99 %, and confidence with at most so many; medians of seeds",
        header=["class", "fewest", *(f"at most {most}" for most in MOST)],
        rows=[
            [
                in_markdown(first_name(labels[place])),
                f"{fewest[place]:g}" if np.isfinite(fewest[place]) else "none",
                *map(cells.confidence, at_most[place].tolist()),
            ]
            for place in _order(measures)
        ],
    )


def draw_archive(lab: Lab, measures: Archives, labels: Sequence[str]) -> Figure:
    """Leaves the archive of the first seed: a row for each class, a column for each range."""
    odds, connections, images = measures.log_odds[0], measures.connections[0], measures.images
    shown = _order(measures)[:SHOWN]
    captions = [
        [
            first_name(labels[place]),
            _count(int(connections[place, at])),
            cells.confidence(float(confidence(odds[place, at]))),
        ]
        for place in shown
        for at in range(len(MOST))
    ]
    return captioned_sheet(
        lab,
        "archive.jpg",
        f"Classes that are fooled by the simplest networks, {len(shown)} of {len(labels)}: a row "
        "each, and from left to right more connections (first seed)",
        [section("", images[shown].reshape(-1, *images.shape[2:]), captions)],
        columns=len(MOST),
    )


def _count(connections: int) -> str:
    return f"{connections} connection" + "s" * (connections != 1)


def _order(measures: Archives) -> list[int]:
    """Returns the places of the classes, those that the simplest networks fool first."""
    return np.lexsort((-measures.at_most.mean(axis=(0, 2)), np.median(measures.fewest, 0))).tolist()


def _part(setting: Setting, seeds: int) -> Part[Archives]:
    return Part(
        measure=partial(measure, setting=setting),
        report=partial(report, setting=setting),
        networks=(setting.network,),
        seeds=seeds,
    )


EXPERIMENT = Experiment(
    name="simplicity",
    title="How simple can an image be that fools a network, class by class?",
    so_what=(
        "If a drawing of a few connections suffices, a class stands for a pattern, not for a thing."
    ),
    paper="not asked; section 3 (regular images)",
    parts={"mnist": _part(DIGITS, seeds=5), "imagenet": _part(OBJECTS, seeds=1)},
)
