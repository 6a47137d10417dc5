"""Gradient ascent with the regularisation of the paper's supplement."""

from typing import NamedTuple

import numpy as np

from evofool.attacks import ASCENTS
from evofool.evaluation import recognize
from evofool.evolution import NEAR_CERTAIN
from evofool.experiments.bench import NETWORK, Lab
from evofool.experiments.gradient_ascent.ascents import (
    AS_CERTAIN,
    MILESTONES,
    Ascents,
    ascend,
    ascent,
    show,
)
from evofool.experiments.registry import Experiment, Part
from evofool.experiments.report import (
    Claim,
    Findings,
    Table,
    Tolerance,
    cells,
    notes,
    one_sided,
    significant,
)
from evofool.measures import mann_whitney

# those of the supplement
CLASSES = (
    *(200, 207, 215, 279, 366, 367, 390, 414, 445, 500),
    *(509, 580, 643, 657, 704, 713, 782, 805, 826, 906),
)
STARTS = 5
PLAIN, *REGULARISED = ASCENTS
TITLES = {
    "plain": "no regularisation",
    "decay": "L2 decay of .01",
    "sparse": "L2 decay of .001, blur of .3 pixels, a fifth of the pixels zeroed",
    "blur": "L2 decay of .001, blur of .4 pixels every second step",
}
COMPARED = {
    "confidence before rounding": "before",
    "total variation": "variation",
    "slope": "slope",
}

MEDIANS = {
    name: Claim(
        what=f"median confidence before rounding, {TITLES[name]}",
        paper="99.99 %" if name == PLAIN else "slightly lower",
        tolerance=AS_CERTAIN if name == PLAIN else Tolerance(low=0.9, high=0.9999),
    )
    for name in ASCENTS
}
LOWER = {
    (name, what): significant(f"{name}: {what} lower than by plain ascent", paper)
    for what, paper in zip(COMPARED, ("lower", "easier to recognise"), strict=False)
    for name in REGULARISED
}


class Measures(NamedTuple):
    """What came out.

    Attributes:
        settings: images, by the name of their settings.
        starts: of each class.
        begin: median log-odds of the classes in the grey that all begin with.
    """

    settings: dict[str, Ascents]
    starts: int
    begin: float


def measure(lab: Lab) -> Measures:
    """Makes images of 20 classes, 5 starts each, with four settings."""
    network, starts = lab.network(NETWORK), lab.choose(full=STARTS, small=1)
    classes = CLASSES[:: lab.choose(full=1, small=4)]
    made = ascend(lab, NETWORK, classes, [(name, 0) for name in ASCENTS], starts=starts)
    grey = np.broadcast_to(np.rint(network.card.mean), (1, *network.card.input_shape))
    odds = recognize(network, grey.astype(np.uint8)).log_odds[0, list(classes)]
    return Measures(dict(zip(ASCENTS, made, strict=True)), starts, float(np.median(odds)))


def report(lab: Lab, measures: Measures) -> Findings:
    """Asks whether regularised images are slightly less certain, and more regular."""
    settings, plain = measures.settings, measures.settings[PLAIN]
    n = f"{len(plain.images) // measures.starts} classes x {measures.starts} starts"
    shown = list(range(0, len(plain.images), measures.starts))  # the first start of each class
    tests = {
        (name, what): mann_whitney(getattr(settings[name], field), getattr(plain, field))
        for name in REGULARISED
        for what, field in COMPARED.items()
    }
    labels = lab.network(NETWORK).card.labels
    titled = {TITLES[name]: one for name, one in settings.items()}
    before = {name: _median(one.before) for name, one in settings.items()}
    medians = ", ".join(cells.share(before[name]) for name in REGULARISED)
    return Findings(
        summary=(
            "slightly lower than 99.99 %",
            f"median confidence, regularised for plain: {medians} for {cells.share(before[PLAIN])}",
        ),
        rows=[
            *(claim.row([before[name]], n=n) for name, claim in MEDIANS.items()),
            *(claim.row([one_sided(tests[at], greater=False)], n=n) for at, claim in LOWER.items()),
        ],
        tables=[
            Table.of(
                f"By setting, {n}",
                [{"setting": TITLES[name]} | _line(one) for name, one in settings.items()],
            ),
            Table.of(
                "Regularised images (a) against those of plain ascent (b)",
                [
                    {"setting": TITLES[name]}
                    | {what: cells.test(tests[name, what]) for what in COMPARED}
                    for name in REGULARISED
                ],
            ),
        ],
        images=[show(lab, labels, titled, shown, "The first start of each class, by setting")],
        notes=_notes(lab, measures, before),
    )


def _median(values: np.ndarray) -> float:
    return float(np.median(values))


def _line(one: Ascents) -> dict[str, str | float]:
    def step(milestone: int) -> str:
        steps = one.steps(milestone)
        if not len(steps):
            return "never"
        return f"{np.median(steps):.0f} ({cells.count(len(steps), len(one.first))})"

    return {
        "median confidence": cells.confidence(_median(one.before)),
        "rounded to 8 bits": cells.confidence(_median(one.confidence)),
        "of these >= 99.99 %": cells.share(float(np.mean(one.confidence >= NEAR_CERTAIN))),
        **{f"first step with {what}": step(number) for what, number in MILESTONES.items()},
        "total variation, levels": _median(one.variation),
        "spectral slope": _median(one.slope),
    }


def _notes(lab: Lab, measures: Measures, before: dict[str, float]) -> list[str]:
    """Says what rounding takes, and where the rule for the step comes to rest."""
    others = {name: measures.settings[name] for name in REGULARISED}
    levels = [_median(one.variation) for one in others.values()]
    flat = [float(np.mean(one.images == np.median(one.images))) for one in others.values()]
    falls = (
        f"{cells.share(before[name])} to {cells.share(_median(one.confidence))}"
        for name, one in others.items()
    )
    rule, p = ascent(lab, "decay"), before["decay"]
    gain = min(rule.early_gain / (1 - p), rule.late_gain)  # share of 1 - p
    return notes(
        "gradient-ascent",
        "regularised",
        settings="; ".join(
            f"{name} is {TITLES[name]}, {ascent(lab, name).steps} steps" for name in ASCENTS
        ),
        least_variation=min(levels),
        most_variation=max(levels),
        least_flat=cells.share(min(flat)),
        most_flat=cells.share(max(flat)),
        falls=", ".join(falls),
        gain=gain,
        decay=rule.decay,
        p=p,
        nats=gain / (rule.decay * p),
        above=np.log(p / (1 - p)) - measures.begin,
        certain=rule.late_gain / rule.decay,
    )


EXPERIMENT = Experiment(
    name="gradient-ascent-regularised",
    title="Are the images of regularised gradient ascent less certain, and more regular?",
    so_what=(
        "If images that look more natural get less confidence, confidence and likeness are two "
        "things that are bought from each other."
    ),
    paper="section 3.7 and supplement, Figs. S3-S7",
    parts={
        "imagenet": Part(
            measure=measure,
            report=report,
            claims=(*MEDIANS.values(), *LOWER.values()),
            networks=(NETWORK,),
        )
    },
)
