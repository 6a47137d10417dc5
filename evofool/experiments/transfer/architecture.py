"""Transfer to networks of another architecture: whose images keep their label on which."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from evofool.evolution import HIGH, LIKELY, NEAR_CERTAIN
from evofool.experiments.bench import (
    NETWORK,
    Lab,
    evolve_digits,
    evolve_imagenet,
    evolve_imagenet_briefly,
)
from evofool.experiments.registry import Experiment, Part
from evofool.experiments.report import (
    Claim,
    Findings,
    Table,
    Tolerance,
    cells,
    measured,
    near,
    notes,
    settings,
)
from evofool.experiments.transfer.measures import (
    Measures,
    Pair,
    Shown,
    measure,
    share_of,
    share_row,
    show_labels,
    tabulate_by_confidence,
)
from evofool.runs import Run

TEMPLATE = "transfer-architecture"

DIGITS = ("lenet", "lenet-sigmoid", "seed000-cnn", "mlp", "linear")
FEW_DIGITS = ("lenet", "mlp", "linear")  # at small scale
NETWORKS = (NETWORK, "mobilenet_v2_1.0_224_qat", "squeezenet_v1.0_deepcompression")
FEW_NETWORKS = NETWORKS[::2]

SAME_LABEL = Claim(
    what="same label on both",
    paper="20.7 % and 17.3 % (GoogLeNet, AlexNet)",
    tolerance=Tolerance(low=near(0.173).low, high=near(0.207).high),
)


def evolve_for_digits(lab: Lab) -> list[tuple[str, Run]]:
    """Evolves for five networks of very different kinds, from a linear one to two deep ones."""
    networks = lab.choose(full=DIGITS, small=FEW_DIGITS)
    return [("", evolve_digits(lab, name)) for name in networks]


def evolve_thousand(lab: Lab) -> list[tuple[str, Run]]:
    """Evolves for MobileNetV1, MobileNetV2 and SqueezeNet, and at last longer for the first."""
    networks, long = lab.choose(full=NETWORKS, small=FEW_NETWORKS), evolve_imagenet(lab)
    brief = [("", evolve_imagenet_briefly(lab, name)) for name in networks]
    return [*brief, (f", {long.config.generations} generations", long)]


def report_digits(lab: Lab, measures: Measures) -> Findings:
    """Asks which of very different networks see the same; the paper asked it on ImageNet only."""
    pairs = measures.pairs()
    n = f"{len(pairs)} ordered pairs, {len(pairs[0].keeps_label)} images each"
    figure, table = show_labels(lab, measures.runs)
    return Findings(
        rows=measured(
            (f"{what}, over the pairs of networks", [float(np.mean(pair)) for pair in flags], n)
            for what, flags in (
                ("same label on both", [pair.keeps_label for pair in pairs]),
                (">= 99.99 % on both", [pair.is_certain for pair in pairs]),
            )
        ),
        result=span(pairs),
        tables=[table, tabulate_own(measures.runs)],
        images=[figure],
        notes=notes(TEMPLATE, "mnist", settings=settings(evolve_digits(lab, DIGITS[0]))),
    )


def report_thousand(lab: Lab, measures: Measures) -> Findings:
    """Asks how many images keep their label on another network."""
    (_, brief), *_, (_, long) = evolve_thousand(lab)
    pairs = [pair for pair in measures.pairs() if not pair.when]
    of_long = measures.runs[-1].pairs()
    figure, table = show_labels(lab, measures.runs)
    return Findings(
        rows=[
            share_row(f"{pair.way}: {SAME_LABEL.what}", pair.keeps_label, SAME_LABEL)
            for pair in pairs
        ],
        tables=[table, tabulate_own(measures.runs), *map(tabulate_by_confidence, of_long)],
        images=[figure],
        notes=notes(
            TEMPLATE,
            "imagenet",
            settings=settings(brief),
            settings_of_long=settings(long),
            shares="; ".join(map(_transfer_of_certain, of_long)),
        ),
        summary=(SAME_LABEL.paper, span(pairs)),
    )


def span(pairs: Sequence[Pair]) -> str:
    """Says between which networks the fewest and the most images keep their label."""
    ordered = sorted(pairs, key=lambda pair: np.mean(pair.keeps_label))
    ends = (
        f"{cells.share(float(np.mean(pair.keeps_label)))} ({pair.way})"
        for pair in (ordered[0], ordered[-1])
    )
    return f"{' to '.join(ends)} of the images keep their label"


def _transfer_of_certain(pair: Pair) -> str:
    """Says how many images keep their label, of all and of those that are certain."""
    text = f"{pair.way}: {cells.share(share_of(pair.keeps_label))}"
    certain = pair.before.confidence >= HIGH
    if not certain.any():
        return text
    return f"{text}, of those at 99 % and more {cells.share(share_of(pair.keeps_label[certain]))}"


def tabulate_own(runs: Sequence[Shown]) -> Table:
    """Returns how well the images fool the networks that they are for."""
    rows = []
    for shown in runs:
        own = shown.by[shown.own]
        counts = [int(np.sum(own.confidence >= bar)) for bar in (LIKELY, HIGH, NEAR_CERTAIN)]
        median = float(np.median(own.confidence))
        share = cells.share(share_of(own.is_fooled))
        rows.append([shown.own + shown.when, share, median, *counts])
    header = ["evolved for", "likeliest class is theirs", "median", ">= .9", ">= .99", ">= .9999"]
    title = "The images on the network that they were evolved for"
    return Table(title=title, header=header, rows=rows)


EXPERIMENT = Experiment(
    name="transfer-architecture",
    title="Do images fool a network of another architecture?",
    so_what="If images fool another architecture, keeping a network secret protects it little.",
    paper="section 3.3, second part (GoogLeNet and AlexNet)",
    parts={
        "mnist": Part(
            measure=partial(measure, evolve=evolve_for_digits),
            report=report_digits,
            networks=DIGITS,
            seeds=10,
        ),
        "imagenet": Part(
            measure=partial(measure, evolve=evolve_thousand),
            report=report_thousand,
            claims=(SAME_LABEL,),
            networks=NETWORKS,
        ),
    },
)
