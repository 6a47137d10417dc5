"""Defences against small perturbations: do they help against images that show nothing?

Networks learn digits plainly, from digits perturbed along the sign of the gradient too, and with
outputs that must not change in the worst direction (virtual adversarial training). Then they are
attacked by small perturbations, shown corrupted digits, and fooled by evolution.

References:
    Goodfellow, Shlens, Szegedy, "Explaining and harnessing adversarial examples", 2015,
    https://arxiv.org/abs/1412.6572, section 6: 89.4 % error falls to 17.9 % (maxout, epsilon .25).
    Miyato et al., "Distributional smoothing with virtual adversarial training", 2016,
    https://arxiv.org/abs/1507.00677
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from evofool.attacks import add_change, fgsm, finite_differences, pgd, universal
from evofool.classifiers import Classifier, confidence, load_classifier
from evofool.evaluation import recognize
from evofool.evolution import NEAR_CERTAIN
from evofool.experiments.bench import FEW_EXAMPLES, Lab
from evofool.experiments.registry import Experiment, Part
from evofool.experiments.report import (
    Figure,
    Findings,
    Row,
    Table,
    captioned_sheet,
    cells,
    certainty,
    elite_section,
    note,
    notes,
)
from evofool.experiments.shredded_or_recolored.measures import BLONDES, CONDITIONS, PIXELS, ROWS
from evofool.images import chart, confidence_axis, on_axis
from evofool.measures import mann_whitney
from evofool.runs import Run
from evofool.training import EPSILONS, RECIPES, train_classifier

DEFENCES = {"plain": "none", "FGSM": "fgsm", "VAT": "vat"}
"""Ways of training: what `train_classifier` calls adversarial."""
ENCODINGS = {"cppn": "CPPN", "direct": "directly encoded"}
CONFIDENCES = {name: f"{title} images: median confidence" for name, title in ENCODINGS.items()}
SIZES = {0.1: ".1", 0.25: ".25"}  # epsilons of attacks
FGSM = "FGSM, epsilon .25: success"
CORRUPTED = {
    ROWS: "digits with rows shuffled in 7x7 windows recognised",
    PIXELS: "digits with pixels shuffled in 7x7 windows recognised",
    BLONDES: "recoloured digits recognised",
}
PUBLISHED = {"plain": "89.4 %", "FGSM": "17.9 %"}  # success of FGSM
EVALUATIONS = "evaluations until every class is certain"

Runs = Mapping[str, Mapping[str, Sequence[Run]]]
"""By defence and encoding, a run against each network; it holds several independent ones."""


class Evolved(NamedTuple):
    """What evolution attains against each network.

    Attributes:
        log_odds: of the elites; they differ where confidences are all 1.
        evaluations: images tried until every class was certain; infinity if one never was.
    """

    log_odds: Float[np.ndarray, "networks runs classes"]
    evaluations: Float[np.ndarray, "networks runs"]

    @property
    def confidences(self) -> Float[np.ndarray, " networks"]:
        """The median over runs of the median confidence of the elites."""
        return np.median(np.median(confidence(self.log_odds), axis=2), axis=1)

    @property
    def needed(self) -> Float[np.ndarray, " networks"]:
        """The median of `evaluations` over runs."""
        return np.median(self.evaluations, axis=1)


class Defence(NamedTuple):
    """Networks trained in one way, with several seeds.

    Attributes:
        shares: of digits, by what was done to them, for each network.
        evolved: by encoding.
    """

    shares: dict[str, Float[np.ndarray, " networks"]]
    evolved: dict[str, Evolved]

    def figures(self) -> dict[str, Float[np.ndarray, " networks"]]:
        """Returns all shares and confidences by name."""
        return self.shares | {
            what: self.evolved[encoding].confidences for encoding, what in CONFIDENCES.items()
        }


class Measures(NamedTuple):
    """The networks, by defence."""

    defences: dict[str, Defence]


def measure(lab: Lab) -> Measures:
    """Attacks LeNets trained in three ways, corrupts digits, and evolves against them."""
    runs, defences = evolve_all(lab), {}
    for name, kind in DEFENCES.items():
        networks = [load_classifier(path.stem, weights=path) for path in _train_all(lab, kind)]
        shares = [_attack(lab, network) for network in networks]
        defences[name] = Defence(
            {what: np.array([of_one[what] for of_one in shares]) for what in shares[0]},
            {encoding: sum_up(of_encoding) for encoding, of_encoding in runs[name].items()},
        )
    return Measures(defences)


def evolve_all(lab: Lab) -> Runs:
    """Evolves five times against every network, with both encodings."""
    generations, runs = lab.choose(full=200, small=5), lab.choose(full=5, small=1)
    return {
        name: {
            encoding: [
                lab.evolve(path, encoding=encoding, generations=generations, runs=runs)
                for path in _train_all(lab, kind)
            ]
            for encoding in ENCODINGS
        }
        for name, kind in DEFENCES.items()
    }


def _train_all(lab: Lab, kind: str) -> list[Path]:
    """Trains LeNets as `evofool train lenet --adversarial KIND --seed SEED` does, less long."""

    def make(path: Path) -> None:
        train_classifier(
            "lenet",
            path,
            data=lab.supplies.data,
            seed=int(path.stem.rsplit("-", 1)[1]),
            adversarial=kind,
            config=dataclasses.replace(RECIPES["lenet"].config, epochs=_epochs(lab)),
            examples=lab.choose(full=None, small=FEW_EXAMPLES),
        )

    return [lab.train(f"lenet-adversarial-{kind}-{seed}", make) for seed in range(lab.seeds)]


def _epochs(lab: Lab) -> int:
    return lab.choose(full=5, small=1)


def _attack(lab: Lab, network: Classifier) -> dict[str, float]:
    """Attacks and corrupts test digits: all of them, or the first recognised ones."""
    dataset = lab.dataset()
    count, learned = lab.choose(full=(10_000, 500), small=(100, 20))
    images, labels = dataset.test_images[:count], dataset.test_labels[:count].astype(int)
    is_right = recognize(network, images).classes == labels
    seen, of_seen = images[is_right], labels[is_right]
    shares = {"clean digits recognised": is_right.mean()}
    many, few = lab.choose(full=(1000, 100), small=(10, 2))
    for title, attack, most in (
        ("FGSM", fgsm, count),
        ("PGD (40 steps)", pgd, many),
        ("finite differences", finite_differences, few),
    ):
        for epsilon, text in SIZES.items():
            attacked = attack(network, seen[:most], of_seen[:most], epsilon=epsilon)
            shares[f"{title}, epsilon {text}: success"] = attacked.success.mean()
    change = universal(
        network,
        dataset.train_images[:learned],
        dataset.train_labels[:learned].astype(int),
        epsilon=0.25,
        passes=lab.choose(full=5, small=1),
    ).change
    changed = add_change(network, seen, of_seen, change)
    shares["one change for all, epsilon .25: success"] = changed.success.mean()
    for condition, title in CORRUPTED.items():
        classes = recognize(network, CONDITIONS[condition](images, 0)).classes
        shares[title] = np.mean(classes == labels)
    return {what: float(share) for what, share in shares.items()}


def sum_up(runs: Sequence[Run]) -> Evolved:
    """Returns what evolution attains in a run against each network."""
    return Evolved(
        np.stack([run.table["archive.fitness"] for run in runs]),
        np.stack([evaluations_needed(run) for run in runs]),
    )


def evaluations_needed(run: Run) -> Float[np.ndarray, " runs"]:
    """Returns how many images were tried until every class was certain; infinity if never."""
    generations = certainty(run).all_at
    return np.where(generations < 0, np.inf, run.config.batch_size * (generations + 1.0))


def report(lab: Lab, measures: Measures) -> Findings:
    """Compares the defences: under attacks, and under evolution."""
    runs, defences = evolve_all(lab), measures.defences
    plain, *others = defences
    fooled = _fooled(defences)
    return Findings(
        summary=("not in the paper", fooled),
        result=fooled,
        rows=[
            Row(
                what=f"{what}, {name}",
                paper=PUBLISHED.get(name, "") if what == FGSM else "",
                ours=one.figures()[what].tolist(),
                unit="%",
                n=f"{len(one.shares[FGSM])} networks",
            )
            for what in (FGSM, *CONFIDENCES.values())
            for name, one in defences.items()
        ],
        tables=[
            tabulate(defences),
            Table.of(
                f"Median log-odds of the ten elites of each run: against {plain} training",
                (
                    {"images": title, "training": name}
                    | {"a: with the defence, b: without": _test(defences, encoding, name, plain)}
                    for encoding, title in ENCODINGS.items()
                    for name in others
                ),
            ),
        ],
        images=[_show_elites(lab, runs), _draw_curves(lab, runs)],
        notes=notes(
            "defences",
            "mnist",
            epochs=_epochs(lab),
            config=runs[plain]["cppn"][0].config,
            **EPSILONS,
        ),
    )


def _test(defences: Mapping[str, Defence], encoding: str, *names: str) -> str:
    odds = (np.median(defences[name].evolved[encoding].log_odds, axis=2) for name in names)
    return cells.test(mann_whitney(*odds))


def _fooled(defences: Mapping[str, Defence]) -> str:
    """Says in a clause what each way of training does to both kinds of fooling."""
    every = defences.values()

    def medians(write: Callable[[float], str], values: Iterable[np.ndarray]) -> str:
        return " / ".join(write(float(np.median(of_networks))) for of_networks in values)

    evolved = (
        note(
            "defences",
            "evolved",
            title=title,
            confidences=medians(cells.share, (one.evolved[name].confidences for one in every)),
            evaluations=medians(_count, (one.evolved[name].needed for one in every)),
        )
        for name, title in ENCODINGS.items()
    )
    return note(
        "defences",
        "fooled",
        defences=" / ".join(defences),
        fgsm=medians(cells.share, (one.shares[FGSM] for one in every)),
        evolved="; ".join(evolved),
    )


def tabulate(defences: Mapping[str, Defence]) -> Table:
    """Returns all figures of all defences."""
    columns = {}
    for name, one in defences.items():
        columns[name] = {what: cells.median(values) for what, values in one.figures().items()}
        for encoding, title in ENCODINGS.items():
            needed = one.evolved[encoding].needed
            least, median, most = (_count(f(needed)) for f in (np.min, np.median, np.max))
            certain = np.mean(confidence(one.evolved[encoding].log_odds) >= NEAR_CERTAIN)
            columns[name] |= {
                f"{title} images: {EVALUATIONS}": f"{median} [{least}, {most}]",
                f"{title} images: classes >= 99.99 %": cells.share(float(certain)),
            }
    measures = columns[next(iter(columns))]
    lines = [
        {"measure": what} | {name: columns[name][what] for name in columns} for what in measures
    ]
    return Table.of("Median [least, greatest] of the training seeds", lines)


def _count(evaluations: float) -> str:
    return f"{evaluations:,.0f}" if np.isfinite(evaluations) else "never"


def _show_elites(lab: Lab, runs: Runs) -> Figure:
    """Shows the elites of the first run against the first network of each kind."""
    sections = [
        elite_section(
            f"{name} training, {title}", of_name[encoding][0], of_name[encoding][0].elites()
        )
        for name, of_name in runs.items()
        for encoding, title in ENCODINGS.items()
    ]
    caption = "Elites against networks trained in three ways: seed 0, run 0"
    return captioned_sheet(lab, "elites.jpg", caption, sections)


def _draw_curves(lab: Lab, runs: Runs) -> Figure:
    """Draws how the median confidence rises, every run a line."""
    with chart(lab.folder / "curves.png", size=(11, 4), panels=len(ENCODINGS)) as panels:
        for axes, (encoding, title) in zip(panels, ENCODINGS.items(), strict=True):
            for number, (name, of_name) in enumerate(runs.items()):
                label = name
                for run in of_name[encoding]:
                    for index in range(run.config.runs):
                        lines = [line for line in run.metrics if line["run"] == index]
                        at = [line["generation"] for line in lines]
                        medians = on_axis([line["median_confidence"] for line in lines])
                        axes.plot(at, medians, color=f"C{number}", linewidth=0.8, label=label)
                        label = None  # one line of each colour in the legend
            axes.set_title(f"{title} images")
            axes.set_xlabel("generation")
            confidence_axis(axes, "median confidence of the elites")
            axes.grid(alpha=0.3)
        panels[0].legend(title="training")
    return Figure(
        file="curves.png", caption="How fast evolution fools networks trained in three ways"
    )


EXPERIMENT = Experiment(
    name="defences",
    title="Do defences against small perturbations help against images that show nothing?",
    so_what=(
        "If networks hardened against small perturbations are fooled, being robust to those is "
        "no protection from images that show nothing."
    ),
    paper="not in the paper; adversarial training of Goodfellow et al. and Miyato et al.",
    parts={"mnist": Part(measure=measure, report=report, images=True, seeds=3)},
)
