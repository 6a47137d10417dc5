"""Is an ensemble of three networks harder to fool than its members?"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from PIL import Image

from evofool.analysis import mann_whitney
from evofool.classifiers import confidence, first_name, with_views
from evofool.evaluation import recognize
from evofool.evolution import HIGH, LIKELY, NEAR_CERTAIN
from evofool.experiments.bench import Lab, images_of
from evofool.experiments.registry import Experiment, Whole
from evofool.experiments.report import (
    Figure,
    Findings,
    Row,
    Table,
    Verdict,
    confidences,
    save_sheet,
)
from evofool.images import Section, draw_sheet, thumbnail
from evofool.runs import Run
from evofool.support import percent

DIGITS = ("lenet", "lenet-b", "lenet-sigmoid")
OTHER_DIGITS = "mlp"  # judges, but was not evolved for
OBJECTS = ("mobilenet_v1_0.25_128", "mobilenet_v1_0.75_192", "squeezenet_v1.0_deepcompression")
OTHER_OBJECTS = "mobilenet_v2_1.0_224_qat"
PUBLISHED = 231  # of 1000 classes above 90 %, after 4000 generations
COMBINED = {"mean": "mean of three", "min": "least of three"}
SHOWN = 10  # images of each target on the sheet
FEW = 20  # images that are judged at small scale


class Target(NamedTuple):
    """What images were evolved for.

    Attributes:
        name: a network, or a value of `COMBINED`.
        run: with one or more independent runs.
    """

    name: str
    run: Run


class Judged(NamedTuple):
    """What networks make of the images evolved for a target.

    Attributes:
        confidence: in the class an image was evolved for.
        is_hit: whether that class is the likeliest.
    """

    confidence: Float[np.ndarray, "judges images"]
    is_hit: Bool[np.ndarray, "judges images"]


def mnist(lab: Lab) -> Findings:
    """Two LeNets of different initialisation and one of sigmoids; then a multilayer perceptron."""
    targets = _evolve(
        lab, DIGITS, {"generations": lab.choose(full=200, small=10), "runs": lab.seeds}
    )
    mean = np.mean(confidences(_find(targets, "mean")) >= NEAR_CERTAIN)
    alone = np.mean([confidences(t.run) >= NEAR_CERTAIN for t in targets if t.name in DIGITS])
    return _findings(
        lab,
        targets,
        judges=(*DIGITS, OTHER_DIGITS),
        bars=(NEAR_CERTAIN, HIGH),
        verdict=Verdict(
            outcome="new",
            because=f"{mean:.0%} of the elites reach 99.99 % of mean confidence, {alone:.0%} "
            "against one network alone",
        ),
    )


def imagenet(lab: Lab) -> Findings:
    """Two widths of MobileNetV1 and SqueezeNet; then MobileNetV2."""
    settings = lab.choose(full={"generations": 300}, small={"generations": 1, "batch_size": 20})
    targets = _evolve(lab, OBJECTS, settings)
    mean = int(np.sum(confidences(_find(targets, "mean")) >= LIKELY))
    alone = [int(np.sum(confidences(t.run) >= LIKELY)) for t in targets if t.name in OBJECTS]
    return _findings(
        lab,
        targets,
        judges=(*OBJECTS, OTHER_OBJECTS),
        bars=(LIKELY, HIGH),
        verdict=Verdict(
            outcome="reproduced" if mean >= PUBLISHED else "in part" if mean else "differs",
            because=f"{mean} of 1000 classes reach 90 % of mean confidence after "
            f"{targets[0].run.generation} generations, {', '.join(map(str, alone))} against a "
            "member alone",
        ),
        published=str(PUBLISHED),
    )


def _evolve(lab: Lab, members: Sequence[str], settings: dict[str, Any]) -> list[Target]:
    """Evolves for each member, and for all of them together; at small scale for one and the mean.

    Every target is a program to be compiled.
    """
    together = lab.choose(full=COMBINED, small={"mean": COMBINED["mean"]})
    singly = lab.choose(full=members, small=members[:1])
    alone = [Target(name, lab.evolve(name, **settings)) for name in singly]
    return alone + [
        Target(name, lab.evolve("+".join(members), combine=combine, **settings))
        for combine, name in together.items()
    ]


def _find(targets: Sequence[Target], combine: str) -> Run:
    return next(target.run for target in targets if target.name == COMBINED[combine])


def _findings(
    lab: Lab,
    targets: Sequence[Target],
    *,
    judges: Sequence[str],
    bars: Sequence[float],
    verdict: Verdict,
    published: str = "",
) -> Findings:
    judged = [_judge(lab, target, judges) for target in targets]
    save_sheet(_sheet(targets), lab.folder / "sheet.jpg")
    run = targets[0].run
    classes = len(run.outputs)
    rows = [
        Row(
            what=f"{target.name}: classes >= {100 * bar:g} %",
            paper=published if bar == LIKELY and target.name == COMBINED["mean"] else "",
            ours=np.sum(confidences(target.run) >= bar, axis=1).tolist(),
            n=f"{classes} classes",
        )
        for bar in bars
        for target in targets
    ]
    mean = _find(targets, "mean")
    counts = {t.name: np.median(np.sum(confidences(t.run) >= bars[0], axis=1)) for t in targets}
    return Findings(
        verdict=verdict,
        rows=sorted(rows, key=lambda row: not row.paper),
        tables=[_growth(targets), _judgements(targets, judged, judges), _tests(targets)],
        images=[Figure(file="sheet.jpg", caption="The most certain elites of the first seed")],
        notes=[
            f"Every target had {run.generation + 1} x {run.config.batch_size} images a seed, "
            f"{run.config.runs} seed(s). The confidence of an ensemble is the mean, or the least, "
            f"of its members'. Images for the ensemble are drawn at {mean.card.input_shape[0]} "
            "pixels, the largest input of a member; networks see what was drawn at another size "
            "scaled to theirs.",
            f"The paper's ensemble is CaffeNet, AlexNet and GoogLeNet, ten crops, 4000 "
            f"generations; ours is {', '.join(judges[:-1])}. {judges[-1]} judges the images "
            "too, without having had a part in their evolution.",
        ],
        summary=(
            published and f"{published} of 1000 classes >= 90 %",
            f"classes >= {100 * bars[0]:g} %: "
            + ", ".join(f"{count:g} ({name})" for name, count in counts.items()),
        ),
    )


def _judge(lab: Lab, target: Target, judges: Sequence[str]) -> Judged:
    """Shows the elites to every judge."""
    run = target.run
    elites = [elite for index in range(run.config.runs) for elite in run.elites(index)]
    elites = elites[:: lab.choose(full=1, small=-(-len(elites) // FEW))]
    wanted = [elite.class_index for elite in elites]

    def judge() -> dict[str, np.ndarray]:
        images = images_of(run, elites)
        odds = [
            recognize(with_views(lab.network(name), run.card.input_shape), images).log_odds
            for name in judges
        ]
        own = [each[np.arange(len(wanted)), wanted] for each in odds]
        return {
            "confidence": confidence(np.stack(own)),
            "is_hit": np.stack([each.argmax(axis=1) == wanted for each in odds]),
        }

    assert run.summary is not None
    key = {"judges": judges, "run": run.summary["archive_sha256"]}
    return Judged(**lab.arrays(f"judged {target.name}", judge, key=key))


def _growth(targets: Sequence[Target]) -> Table:
    """Shows how far evolution came when, the median over seeds."""
    last = targets[0].run.generation
    generations = np.unique(np.linspace(0, last, 7).round().astype(int)).tolist()
    columns = []
    for target in targets:
        at = {generation: [] for generation in generations}
        for line in target.run.metrics:
            if line["generation"] in at:
                at[line["generation"]].append((line["classes_ge_90"], line["median_confidence"]))
        columns.append([np.median(at[generation], axis=0) for generation in generations])
    return Table(
        title="Classes >= 90 % / median confidence, over generations",
        header=["generation", *(target.name for target in targets)],
        rows=[
            [generation, *(f"{count:g} / {percent(float(median))}" for count, median in row)]
            for generation, row in zip(generations, zip(*columns, strict=True), strict=True)
        ],
    )


def _judgements(
    targets: Sequence[Target], judged: Sequence[Judged], judges: Sequence[str]
) -> Table:
    members = len(judges) - 1
    return Table(
        title="Who is fooled: share of images whose class is the likeliest / median confidence",
        header=["evolved for", *judges, "all members", "all members >= 90 %", "images"],
        rows=[
            [
                target.name,
                *(
                    f"{hits.mean():.0%} / {percent(float(np.median(certain)))}"
                    for hits, certain in zip(found.is_hit, found.confidence, strict=True)
                ),
                f"{found.is_hit[:members].all(axis=0).mean():.1%}",
                f"{(found.confidence[:members] >= LIKELY).all(axis=0).mean():.1%}",
                found.is_hit.shape[1],
            ]
            for target, found in zip(targets, judged, strict=True)
        ],
    )


def _tests(targets: Sequence[Target]) -> Table:
    mean = _find(targets, "mean").table["archive.fitness"].ravel()
    return Table(
        title="Elites for the mean of three (a) against",
        header=["b", "log-odds of the elites"],
        rows=[
            [target.name, str(mann_whitney(mean, target.run.table["archive.fitness"].ravel()))]
            for target in targets
            if target.name != COMBINED["mean"]
        ],
    )


def _sheet(targets: Sequence[Target]) -> Image.Image:
    sections = []
    for target in targets:
        elites = sorted(target.run.elites(), key=lambda elite: -elite.fitness)[:SHOWN]
        captions = [[first_name(elite.label), percent(elite.confidence)] for elite in elites]
        images = [thumbnail(image) for image in target.run.images(elites)]
        sections.append(Section(target.name, images, captions))
    return draw_sheet(sections, columns=SHOWN)


EXPERIMENT = Experiment(
    name="ensemble",
    title="Is an ensemble of three networks harder to fool than its members?",
    paper="231 of 1000 classes above 90 % after 4000 generations",
    parts={
        "mnist": Whole(run=mnist, networks=(*DIGITS, OTHER_DIGITS), seeds=5),
        "imagenet": Whole(run=imagenet, networks=(*OBJECTS, OTHER_OBJECTS)),
    },
)
