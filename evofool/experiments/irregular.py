"""Irregular images: every pixel evolved by itself (direct encoding)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from evofool.evolution import HIGH
from evofool.experiments.bench import NETWORK, Lab, evolve_directly, evolve_imagenet_directly
from evofool.experiments.registry import Experiment, Part
from evofool.experiments.report import (
    CERTAIN_MEDIAN,
    EVERY_CLASS,
    Certainty,
    Claim,
    Figure,
    Findings,
    Row,
    Table,
    cells,
    certainty,
    certainty_rows,
    confidences,
    every_class_by,
    factor,
    generation_row,
    near,
    note,
    notes,
    share_certain,
    show_best,
    show_runs,
)
from evofool.images import chart, confidence_axis, on_axis
from evofool.runs import Run

PUBLISHED_MEDIAN = 0.2159  # AlexNet, ten crops, 20,000 generations
SOON = 50  # the generation before which the paper has all digits at 99.99 %
FEW_RUNS = 5  # of other settings, for comparison
FEW_GENES = 0.0005  # a mutation rate: 25 of the 49,152 genes of a 128x128 image

EVERY_DIGIT = every_class_by("< 50", SOON - 1)
MEDIAN = Claim(what="median confidence", paper="21.59 %", tolerance=near(PUBLISHED_MEDIAN))
HIGH_CLASSES = Claim(what="classes >= 99 %", paper="45", tolerance=factor(45), unit="")


class Digits(NamedTuple):
    """Runs on MNIST: as published, with crossover, against another LeNet.

    Attributes:
        plain: as published.
        crossed: with the crossover of the released code.
        other: against a LeNet of another seed.
        soon: generation before `SOON` at which digits were counted.
        certain: digits of at least 99.99 % at that generation.
    """

    plain: Certainty
    crossed: Certainty
    other: Certainty
    soon: int
    certain: Int[np.ndarray, " runs"]


def measure_digits(lab: Lab) -> Digits:
    """Evolves digits against the LeNet that ships with evofool."""
    run, few = evolve_directly(lab, "lenet"), min(FEW_RUNS, lab.seeds)
    soon = min(SOON, run.generation) - 1
    counts = [line["classes_ge_9999"] for line in run.metrics if line["generation"] == soon]
    return Digits(
        plain=certainty(run),
        crossed=certainty(evolve_directly(lab, "lenet", runs=few, direct={"crossover": "sbx"})),
        other=certainty(evolve_directly(lab, "lenet-b", runs=few)),
        soon=soon,
        certain=np.array(counts),
    )


def report_digits(lab: Lab, measures: Digits) -> Findings:
    """Asks how soon digits are certain."""
    run = evolve_directly(lab, "lenet")
    return Findings(
        rows=[
            *certainty_rows(measures.plain, every=EVERY_DIGIT, soon="<= 200", end=CERTAIN_MEDIAN),
            Row(
                what=f"digits >= 99.99 % at generation {measures.soon}",
                paper="10",
                ours=measures.certain.tolist(),
                n=f"of 10, {len(measures.certain)} runs",
            ),
            generation_row(
                measures.crossed.all_at, f"{EVERY_CLASS}, with the crossover of the released code"
            ),
            generation_row(measures.other.all_at, f"{EVERY_CLASS}, against another LeNet"),
        ],
        images=show_runs(lab, run, "Directly encoded digits"),
        notes=[_settings(run), *notes("irregular", "mnist")],
    )


def measure_objects(lab: Lab) -> Certainty:
    """Evolves objects of 32x32 pixels against evofool's CIFAR-10 network."""
    return certainty(evolve_directly(lab, "cifar_cnn"))


def report_objects(lab: Lab, measures: Certainty) -> Findings:
    """Asks the same of objects, which the paper did not."""
    run = evolve_directly(lab, "cifar_cnn")
    return Findings(
        rows=certainty_rows(measures),
        result=share_certain(measures),
        images=show_runs(lab, run, "Directly encoded objects"),
        notes=[_settings(run), note("shared", "not in the paper")],
    )


class Curve(NamedTuple):
    """The median confidence of a run over its generations, those that were logged."""

    generations: Int[np.ndarray, " logged"]
    medians: Float[np.ndarray, " logged"]


class Thousand(NamedTuple):
    """Runs on a thousand classes.

    Attributes:
        confidence: of the elites of every seed.
        curves: of every seed.
        constant: of the run that changes `FEW_GENES` from the start.
    """

    confidence: Float[np.ndarray, "seeds classes"]
    curves: list[Curve]
    constant: Curve


def measure_thousand(lab: Lab) -> Thousand:
    """Evolves images of a thousand classes against the smallest MobileNetV1."""
    runs = [evolve_imagenet_directly(lab, seed) for seed in range(lab.seeds)]
    return Thousand(
        confidence=np.concatenate([confidences(run) for run in runs]),
        curves=[_curve(run) for run in runs],
        constant=_curve(
            evolve_imagenet_directly(
                lab,
                generations=lab.choose(full=2000, small=5),
                direct={"mutation_rate": FEW_GENES, "halve_every": 0},
            )
        ),
    )


def report_thousand(lab: Lab, measures: Thousand) -> Findings:
    """Asks how certain a network of a thousand classes becomes, and what the schedule does."""
    run, constant = evolve_imagenet_directly(lab), measures.constant
    n, last = f"{measures.confidence.shape[1]} classes", int(constant.generations[-1])
    few = f"{FEW_GENES:.2%} of the genes changed from the start"
    tenths = _tenths(run, measures.curves[0])
    curves = {f"seed {seed}": curve for seed, curve in enumerate(measures.curves)}
    end = float(constant.medians[-1])
    return Findings(
        rows=[
            MEDIAN.row(np.median(measures.confidence, axis=1).tolist(), n=n),
            HIGH_CLASSES.row(np.sum(measures.confidence >= HIGH, axis=1).tolist(), n=n),
            Row(what=f"median, {few}, {last} generations", ours=[end], unit="%", n=n),
        ],
        tables=[
            Table(
                title="Seed 0: the median as the mutation rate falls",
                header=["generation", "genes changed in a child", "median confidence", "gained"],
                rows=tenths,
            )
        ],
        images=[
            show_best(lab, run, "The hundred most certain elites of seed 0"),
            _draw_curves(lab, curves | {few: constant}),
        ],
        notes=[
            _settings(run),
            note(
                "irregular",
                "imagenet",
                network=NETWORK,
                most=_gain(max(tenths, key=lambda tenth: tenth.gained)),
                least=_gain(min(tenths, key=lambda tenth: tenth.gained)),
                few=few,
                median=cells.confidence(end),
                generation=last,
            ),
        ],
    )


def _curve(run: Run) -> Curve:
    lines = list(run.metrics)
    return Curve(
        generations=np.array([line["generation"] for line in lines]),
        medians=np.array([line["median_confidence"] for line in lines]),
    )


def _settings(run: Run) -> str:
    return note("irregular", "settings", config=run.config, card=run.card)


class _Tenth(NamedTuple):
    end: int  # generation
    genes: float  # changed in a child by then
    median: float  # confidence
    gained: float  # of the median, in this tenth of the run


def _tenths(run: Run, curve: Curve) -> Sequence[_Tenth]:
    """Returns how much was gained in each tenth of a run, and how much a child differed by then."""
    direct = run.config.direct
    genes = float(np.prod(run.card.input_shape))
    at = dict(zip(curve.generations.tolist(), curve.medians.tolist(), strict=True))
    tenth = run.generation // 10
    return [
        _Tenth(
            end,
            genes * direct.mutation_rate * 0.5 ** (end // direct.halve_every),
            at[end],
            at[end] - at[end - tenth],
        )
        for end in range(tenth, run.generation + 1, tenth)
    ]


def _gain(tenth: _Tenth) -> str:
    return note(
        "irregular",
        "gain",
        points=f"{100 * tenth.gained:.2f}",
        end=tenth.end,
        genes=f"{tenth.genes:.1f}",
    )


def _draw_curves(lab: Lab, curves: Mapping[str, Curve]) -> Figure:
    with chart(lab.folder / "curve.png") as axes:
        for label, curve in curves.items():
            axes.plot(np.maximum(1, curve.generations), on_axis(curve.medians), label=label)
        published = on_axis(PUBLISHED_MEDIAN)
        axes.axhline(published, color="black", linestyle=":", linewidth=1)
        axes.annotate("paper, AlexNet, generation 20,000: 21.59 %", (1, published), va="bottom")
        axes.set_xscale("log")
        axes.set_xlabel("generation")
        confidence_axis(axes, "median confidence of the elites")
        axes.grid(alpha=0.3)
        axes.legend()
    return Figure(file="curve.png", caption="Median confidence over generations")


EXPERIMENT = Experiment(
    name="irregular",
    title="Do images evolved pixel by pixel fool a network?",
    so_what=(
        "If noise gets 99.99 %, high confidence is no sign that an image shows anything at all."
    ),
    paper="section 3.1 and 3.2, Figs. 4 and 6",
    parts={
        "mnist": Part(
            measure=measure_digits,
            report=report_digits,
            claims=(EVERY_DIGIT, CERTAIN_MEDIAN),
            networks=("lenet", "lenet-b"),
            seeds=30,
        ),
        "cifar10": Part(
            measure=measure_objects, report=report_objects, networks=("cifar_cnn",), seeds=3
        ),
        "imagenet": Part(
            measure=measure_thousand,
            report=report_thousand,
            claims=(MEDIAN, HIGH_CLASSES),
            networks=(NETWORK,),
        ),
    },
)
