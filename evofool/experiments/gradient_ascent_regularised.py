"""Gradient ascent with the regularisation of the paper's supplement."""

import numpy as np

from evofool.attacks import ASCENTS
from evofool.experiments.ascents import Ascents, ascend, ascent_section
from evofool.experiments.elites import save_sheet
from evofool.experiments.experiment import Experiment, Part
from evofool.experiments.findings import Findings, Picture, Row, Table, Verdict
from evofool.experiments.lab import Lab
from evofool.metrics import NEAR_CERTAIN
from evofool.regularity import spectral_slope, total_variation
from evofool.reports import draw_sheet, percent
from evofool.statistics import mann_whitney, p_text

NETWORK = "mobilenet_v1_0.25_128"
# those of the supplement
CLASSES = (
    *(200, 207, 215, 279, 366, 367, 390, 414, 445, 500),
    *(509, 580, 643, 657, 704, 713, 782, 805, 826, 906),
)
STARTS = 5
TITLES = {
    "plain": "no regularisation",
    "decay": "L2 decay of .01",
    "sparse": "L2 decay of .001, blur of .3 pixels, a fifth of the pixels zeroed",
    "blur": "L2 decay of .001, blur of .4 pixels every second step",
}


def imagenet(lab: Lab) -> Findings:
    """Four settings, 20 classes, 5 starts each, against the smallest MobileNetV1."""
    network = lab.network(NETWORK)
    classes = CLASSES[:: lab.choose(full=1, small=4)]
    starts = lab.choose(full=STARTS, small=1)
    found = {
        name: ascend(
            lab,
            name,
            network,
            classes,
            settings=lab.choose(full=settings, small=settings.shorter(50)),
            starts=starts,
        )
        for name, settings in ASCENTS.items()
    }
    shown = range(0, len(classes) * starts, starts)  # the first start of each class
    sections = [ascent_section(TITLES[name], each, network, shown) for name, each in found.items()]
    save_sheet(draw_sheet(sections), lab.folder / "sheet.jpg")
    return _findings(lab, found, starts)


def _findings(lab: Lab, found: dict[str, Ascents], starts: int) -> Findings:
    plain = found["plain"]
    n = f"{len(plain.images) // starts} classes x {starts} starts"
    variation = {name: total_variation(each.images) for name, each in found.items()}
    slope = {name: spectral_slope(each.images) for name, each in found.items()}
    median = {name: float(np.median(each.confidence)) for name, each in found.items()}
    others = [name for name in found if name != "plain"]
    less_certain = [name for name in others if median[name] < median["plain"]]
    smoother = [
        name for name in others if np.median(variation[name]) < np.median(variation["plain"])
    ]
    table = [
        [
            TITLES[name],
            percent(median[name]),
            f"{np.mean(each.confidence >= NEAR_CERTAIN):.0%}",
            *(_step(each, milestone) for milestone in (0, 1, 3)),
            float(np.median(variation[name])),
            float(np.median(slope[name])),
        ]
        for name, each in found.items()
    ]
    tests = [
        [
            TITLES[name],
            *_compared(found[name].confidence, plain.confidence),
            *_compared(variation[name], variation["plain"]),
            *_compared(slope[name], slope["plain"]),
        ]
        for name in others
    ]
    both = set(less_certain) & set(smoother)
    return Findings(
        rows=[
            Row(
                what=f"median confidence, {TITLES[name]}",
                paper="99.99 %" if name == "plain" else "slightly lower",
                ours=[median[name]],
                unit="%",
                n=n,
            )
            for name in found
        ],
        tables=[
            Table(
                title=f"By setting, {n}",
                header=[
                    *("setting", "median confidence", ">= 99.99 %"),
                    *("likeliest at step", "p > 99 % at step", "p > 99.99 % at step"),
                    *("total variation, levels", "spectral slope"),
                ],
                rows=table,
            ),
            Table(
                title="Against no regularisation: Mann-Whitney p, and the probability that a "
                "regularised picture has the larger value",
                header=[
                    "setting",
                    *(
                        f"{measure}: {what}"
                        for measure in ("confidence", "total variation", "slope")
                        for what in ("p", "larger")
                    ),
                ],
                rows=tests,
            ),
        ],
        pictures=[Picture(file="sheet.jpg", caption="The first start of each class, by setting")],
        notes=[
            f"Steps: {', '.join(_steps(lab))}. Confidence is that of the last picture, rounded to "
            "8 bits. Steps are medians of the pictures that get there, with how many do. Total "
            "variation is the mean difference of neighbouring pixels; the spectral slope is 0 for "
            "white noise and about -2 for photographs. That such pictures are easier to recognise "
            "is a judgement of people, which these two figures can only suggest.",
        ],
        verdict=Verdict(
            said="reproduced" if len(both) == 3 else "in part" if both else "differs",
            because=f"{len(less_certain)} of 3 regularised settings are less certain than plain "
            f"ascent and {len(smoother)} have less total variation, {n} each",
        ),
    )


def _steps(lab: Lab) -> list[str]:
    chosen = {name: lab.choose(full=each, small=each.shorter(50)) for name, each in ASCENTS.items()}
    return [f"{each.steps} with {TITLES[name]}" for name, each in chosen.items()]


def _step(found: Ascents, milestone: int) -> str:
    count = int(np.sum(found.first[:, milestone] >= 0))
    if not count:
        return "never"
    return f"{found.median_first(milestone):.0f} ({count} of {len(found.first)})"


def _compared(a: np.ndarray, b: np.ndarray) -> list[str | float]:
    test = mann_whitney(a, b)
    return [p_text(test.p), test.superiority]


EXPERIMENT = Experiment(
    name="gradient-ascent-regularised",
    title="Are the images of regularised gradient ascent less certain, and more regular?",
    paper="section 3.7 and supplement, Figs. S3-S7",
    parts={"imagenet": Part(run=imagenet, networks=(NETWORK,))},
)
