"""What polishing makes of images: surer ones, but hardier, and seen by other networks?

Four kinds of images of the same classes: evolved, evolved with fine steps, evolved and polished
(each of these has climbed from the evolved one of its class), and pixels that climbed from noise.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import scipy.stats
from jaxtyping import Float, Int

from evofool.classifiers import confidence
from evofool.experiments.bench import NETWORK, Lab, Recognition, every, recognize_elites
from evofool.experiments.registry import Experiment, Part
from evofool.experiments.report import (
    Figure,
    Findings,
    Table,
    captioned_sheet,
    cells,
    elite_section,
    measured,
    notes,
)
from evofool.images import WEAR
from evofool.measures import Paired, proportion_interval, signed_rank, survive
from evofool.runs import Run

EVOLVED, FINELY, POLISHED, PIXELS = "evolved", "evolved finely", "polished", "pixels that climbed"
SHOWN = 10  # images of each kind on the sheet


class Setting(NamedTuple):
    """What the images are for, and who judges them."""

    network: str
    judges: tuple[str, ...]  # networks that had no part in it
    full: Mapping[str, Any]  # settings of evolution
    small: Mapping[str, Any]  # the same at small scale
    steps: int  # of gradients, at full scale
    small_kinds: tuple[str, ...]


DIGITS = Setting(
    "lenet",
    ("lenet-b", "mlp"),
    {"generations": 200},
    {"generations": 3},
    steps=100,
    small_kinds=(EVOLVED, POLISHED, FINELY, PIXELS),
)
OBJECTS = Setting(
    NETWORK,
    ("mobilenet_v1_0.75_192", "mobilenet_v2_1.0_224_qat", "squeezenet_v1.0_deepcompression"),
    {"generations": 300, "batch_size": 200, "classes": every(10)},
    {"generations": 1, "batch_size": 20, "classes": every(100)},
    steps=100,
    small_kinds=(EVOLVED, POLISHED),
)


class Kind(NamedTuple):
    """Images of one kind, of all runs, a class after the other."""

    log_odds: Float[np.ndarray, " images"]
    judged: dict[str, Recognition]  # what the judges recognise, by their names
    worn: Float[np.ndarray, " points"]  # median confidence as they are, and after each wear
    nodes: Int[np.ndarray, " images"]  # of the networks that draw them; 0 for pixels
    connections: Int[np.ndarray, " images"]
    evaluations: int

    @property
    def kept(self) -> float:
        """The median confidence under wear, over all kinds and amounts of wear."""
        return float(np.mean(self.worn[1:]))

    def medians(self, seeds: int) -> list[float]:
        """Returns the median confidence of every seed."""
        return np.median(confidence(self.log_odds).reshape(seeds, -1), axis=1).tolist()

    def seen(self, seeds: int) -> list[float]:
        """Returns the share whose class a judge finds likeliest, over all judges, by seed."""
        looks = [look.is_fooled.reshape(seeds, -1) for look in self.judged.values()]
        return np.mean(looks, axis=(0, 2)).tolist()


class Measures(NamedTuple):
    """The kinds by name."""

    kinds: dict[str, Kind]


def evolve(lab: Lab, setting: Setting) -> dict[str, Run]:
    """Makes the images of each kind."""
    budget: dict[str, Any] = {
        "runs": lab.seeds,
        **lab.choose(full=setting.full, small=setting.small),
    }
    climb: dict[str, Any] = {"polish": {"steps": lab.choose(full=setting.steps, small=2)}}
    fine: dict[str, Any] = {"fine_rate": 0.7, "fine_after": _fine_after(lab)}
    pixels = {"encoding": "direct", "generations": 0}
    kinds = {EVOLVED: {}, POLISHED: climb, FINELY: {"cppn": fine}, PIXELS: pixels | climb}
    if lab.scale == "small":  # every kind is a program to be compiled
        kinds = {name: kinds[name] for name in setting.small_kinds}
    return {name: lab.evolve(setting.network, **budget | own) for name, own in kinds.items()}


def _fine_after(lab: Lab) -> int:
    return lab.choose(full=100, small=1)


def measure(lab: Lab, setting: Setting) -> Measures:
    """Wears the images of every kind, and shows them to the judges."""
    runs = evolve(lab, setting)
    return Measures({name: _measured(lab, run, setting, name) for name, run in runs.items()})


def _measured(lab: Lab, run: Run, setting: Setting, name: str) -> Kind:
    lab.say(f"wearing {run.folder.name}")
    points = survive(run, out=lab.folder / name.replace(" ", "-")).points
    judges = lab.choose(full=setting.judges, small=setting.judges[:1])
    elites = run.all_elites()
    sizes = [
        (int(getattr(one.genome, "num_nodes", 0)), int(getattr(one.genome, "num_connections", 0)))
        for one in elites
    ]
    assert run.summary is not None
    return Kind(
        log_odds=np.array([elite.fitness for elite in elites]),
        judged=recognize_elites(lab, run, judges),
        worn=np.array([point.median_confidence for point in points]),
        nodes=np.array([nodes for nodes, _ in sizes]),
        connections=np.array([connections for _, connections in sizes]),
        evaluations=run.summary["evaluations"],
    )


def report(lab: Lab, measures: Measures, setting: Setting) -> Findings:
    """Asks whether surer images are hardier, and whether other networks see more in them."""
    runs, kinds = evolve(lab, setting), measures.kinds
    n, judges = f"{len(kinds[EVOLVED].log_odds)} images", len(kinds[EVOLVED].judged)
    figures = [
        (f"{name}: {what}", values, n)
        for name, kind in kinds.items()
        for what, values in (
            ("median confidence", kind.medians(lab.seeds)),
            ("confidence under wear, all seeds", [kind.kept]),
            (f"recognised by other networks ({judges})", kind.seen(lab.seeds)),
        )
    ]
    own, *others = (test.median for test in gains(kinds, setting.network).values())
    seen = ", ".join(f"{cells.share(kind.seen(1)[0])} ({name})" for name, kind in kinds.items())
    added = ", ".join(f"{gain:.3g}" for gain in others)
    result = f"polishing adds {own:.3g} nats ({added} in others, who see the class in {seen})"
    return Findings(
        rows=measured(figures),
        result=result,
        summary=("", result),
        tables=[
            tabulate_kinds(kinds),
            tabulate_judges(kinds),
            tabulate_gain(kinds, setting.network),
            tabulate_wear(kinds),
        ],
        images=[_draw(lab, runs)],
        notes=notes("polish", "both", after=_fine_after(lab), polished=runs[POLISHED].config),
    )


def tabulate_kinds(kinds: Mapping[str, Kind]) -> Table:
    """Returns how sure the images are, and the size of what draws them."""
    lines = [
        {
            "images": name,
            "median log-odds": float(np.median(kind.log_odds)),
            ">= 99 %": cells.share(float(np.mean(confidence(kind.log_odds) >= 0.99))),
            ">= 99.99 %": cells.share(float(np.mean(confidence(kind.log_odds) >= 0.9999))),
            "nodes, median": int(np.median(kind.nodes)) or None,
            "connections, median": int(np.median(kind.connections)) or None,
            "evaluations": f"{kind.evaluations:,}",
        }
        for name, kind in kinds.items()
    ]
    return Table.of("Certainty, size of the network that draws, and images shown for it", lines)


def tabulate_judges(kinds: Mapping[str, Kind]) -> Table:
    """Returns what judges see, and whether they see more in surer images of the same kind."""
    lines = []
    for judge in kinds[EVOLVED].judged:
        for name, kind in kinds.items():
            look = kind.judged[judge]
            rank = scipy.stats.spearmanr(kind.log_odds, look.log_odds)
            rho, p = np.asarray(rank, np.float64).tolist()
            fooled = proportion_interval(int(np.sum(look.is_fooled)), len(look.classes))
            lines.append(
                {
                    "judge": judge,
                    "images": name,
                    "class is the likeliest": cells.share(fooled),
                    "median confidence": cells.confidence(float(np.median(look.confidence))),
                    "rank correlation": rho,
                    "its p": cells.test(p),
                }
            )
    return Table.of(
        "What other networks see; rank correlation (Spearman) of their log-odds with the "
        "network's own, over images of one kind",
        lines,
    )


def gains(kinds: Mapping[str, Kind], network: str) -> dict[str, Paired]:
    """Compares polished images with those that they climbed from, by who looks."""
    before, after = kinds[EVOLVED], kinds[POLISHED]
    return {network: signed_rank(after.log_odds, before.log_odds)} | {
        judge: signed_rank(after.judged[judge].log_odds, look.log_odds)
        for judge, look in before.judged.items()
    }


def tabulate_gain(kinds: Mapping[str, Kind], network: str) -> Table:
    """Returns what polishing adds, and in whose eyes."""
    return Table(
        title="Log-odds of polished images against those of the images that they climbed from",
        header=["seen by", "test"],
        rows=[[name, cells.test(test)] for name, test in gains(kinds, network).items()],
    )


def tabulate_wear(kinds: Mapping[str, Kind]) -> Table:
    """Returns the median confidence under each wear, averaged over its amounts."""
    counts = [len(wear.amounts) for wear in WEAR.values()]
    ends = np.cumsum([1, *counts[:-1]])
    means = {name: np.add.reduceat(kind.worn, ends) / counts for name, kind in kinds.items()}
    return Table(
        title="Median confidence under wear, mean of all amounts (see `evofool survive`)",
        header=["wear", *kinds],
        rows=[
            [wear, *(cells.confidence(float(mean[place])) for mean in means.values())]
            for place, wear in enumerate(WEAR)
        ],
    )


def _draw(lab: Lab, runs: Mapping[str, Run]) -> Figure:
    sections = []
    for name, run in runs.items():
        elites = run.elites()
        step = max(1, len(elites) // SHOWN)
        sections.append(elite_section(name, run, elites[::step][:SHOWN]))
    caption = "The same classes, a row of each kind (first seed)"
    return captioned_sheet(lab, "sheet.jpg", caption, sections, columns=SHOWN)


def _part(setting: Setting, seeds: int) -> Part[Measures]:
    return Part(
        measure=partial(measure, setting=setting),
        report=partial(report, setting=setting),
        networks=(setting.network, *setting.judges),
        seeds=seeds,
    )


EXPERIMENT = Experiment(
    name="polish",
    title="Does a surer image transfer better, and is it hardier?",
    so_what=(
        "If gradients raise certainty in one network alone, they find its weaknesses and not what "
        "networks share."
    ),
    paper="not asked; compares its encodings with gradients (section 3, Fig. 13)",
    parts={"mnist": _part(DIGITS, seeds=5), "imagenet": _part(OBJECTS, seeds=1)},
)
