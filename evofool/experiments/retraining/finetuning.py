"""A trained ImageNet network gets a class of fooling images, and is then fooled again.

It is fine-tuned, not trained from scratch: the photographs at hand are 500 of 500 classes. What it
said of them it is to go on saying; the other 500, of the other 500 classes, say what was lost. The
elites are polished as well, which no network learns from.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

from evofool.classifiers import Classifier, first_name, read_classifier, with_views
from evofool.evaluation import recognize
from evofool.evolution import HIGH, LIKELY, NEAR_CERTAIN, random_images
from evofool.experiments.bench import NETWORK, Lab, images_of
from evofool.experiments.report import (
    Claim,
    Figure,
    Findings,
    Row,
    Table,
    at_most,
    captioned_sheet,
    cells,
    confidences,
    measured,
    near,
    note,
    notes,
    one_sided,
    section,
)
from evofool.images import Levels
from evofool.measures import mann_whitney, proportion_interval
from evofool.runs import Run
from evofool.training import ALL, HEAD, AccuracyChange, add_fooling_class, measure_change

OTHER = "squeezenet_v1.0_deepcompression"
OVERWEIGHTS = (1.0, 7.0, 50.0)
PAPERS = 7.0  # the over-weight in the paper
CLASSES = 1000  # that images are evolved for: not the new one
STEPS = 100  # of gradients that elites climb by
WALK = 10  # mutations
SHOWN = np.linspace(0, CLASSES - 1, 20).round().astype(int)  # classes on the sheet
SHARES = {">= 90 %": LIKELY, ">= 99 %": HIGH, ">= 99.99 %": NEAR_CERTAIN}
UNSEEN = 1000  # seed of what no network has learned from

BEFORE = Claim(what="median confidence before", paper="88.1 %")  # of a longer run
AFTER = Claim(what="median confidence with the new class", paper="11.7 %", tolerance=near(0.117))
FALLS = Claim(
    what="elites are less certain with the new class",
    paper="p < 0.0001",
    tolerance=at_most(1e-4),
    unit="p",
)
CLAIMS = (AFTER, FALLS)


class Elites(NamedTuple):
    """What fools a network."""

    confidence: Float[np.ndarray, " classes"]  # of the elites of all classes
    images: UInt8[np.ndarray, "shown height width channels"]  # of those in `SHOWN`

    @property
    def median(self) -> float:
        """Median confidence of the elites."""
        return float(np.median(self.confidence))


class Fooled(NamedTuple):
    """How a network was fooled."""

    evolved: Elites
    polished: Elites  # the same after their climb


class Tuned(NamedTuple):
    """A network with a class of fooling images."""

    overweight: float  # of the fooling images it learned from
    change: AccuracyChange  # for the photographs that were held out
    called: dict[str, float]  # by group of images, the share that it calls fooling
    fooled: Fooled  # how it was fooled again


class Measures(NamedTuple):
    """The network as it was, and with a class of fooling images of several weights."""

    before: Fooled
    tuned: list[Tuned]


def measure(lab: Lab) -> Measures:
    """Fine-tunes MobileNetV1 0.25_128 with every over-weight, and fools each network."""
    before = lab.network(NETWORK)
    levels, classes = lab.photographs(before)
    outputs = classes + before.card.class_offset
    learned, tested = slice(0, None, 2), slice(1, None, 2)
    fooling = _evolve_fooling(lab)
    groups = _groups(lab, fooling, before.card.input_shape)

    def make(path: Path, overweight: float) -> Classifier:
        return add_fooling_class(
            before,
            path,
            photographs=levels[learned],
            fooling=np.concatenate(list(fooling.values())),
            test=(levels[tested], outputs[tested]),
            classes=len(np.unique(classes[learned])),
            overweight=overweight,
            head=dataclasses.replace(HEAD, epochs=lab.choose(full=HEAD.epochs, small=1)),
            config=dataclasses.replace(ALL, epochs=lab.choose(full=ALL.epochs, small=1)),
        )

    def tune(overweight: float) -> Tuned:
        name = f"retrained-{NETWORK}-overweight{overweight:g}"
        path = lab.train(name, partial(make, overweight=overweight))
        after = read_classifier(path)
        change = measure_change(before, after, levels[tested], outputs[tested])
        called = {name: _share_called_fooling(after, images) for name, images in groups.items()}
        fooled = _fool(lab, path)
        lab.say(
            f"over-weight {overweight:g}: median {fooled.evolved.median:.2%}, "
            f"polished {fooled.polished.median:.2%}"
        )
        return Tuned(overweight, change, called, fooled)

    overweights = lab.choose(full=OVERWEIGHTS, small=OVERWEIGHTS[1:2])
    return Measures(_fool(lab, NETWORK), [tune(overweight) for overweight in overweights])


def _evolve_fooling(lab: Lab) -> dict[str, Levels]:
    """Returns elites of the first and of the last generation of two runs."""
    images = {}
    for seed in range(lab.choose(full=2, small=1)):
        settings = {"seed": seed, "batch_size": lab.choose(full=400, small=50)}
        for name, generations in (("first", 0), ("last", lab.choose(full=5000, small=3))):
            run = lab.evolve(NETWORK, generations=generations, **settings)
            elites = run.elites()[:: lab.choose(full=1, small=20)]
            images[f"{name} {seed}"] = images_of(run, elites)
    return images


def _groups(
    lab: Lab, fooling: Mapping[str, Levels], shape: tuple[int, int, int]
) -> dict[str, Levels]:
    """Returns images that were learned, and images of several kinds that were not."""
    number = lab.choose(full=1000, small=20)
    generations, batch = lab.choose(full=(300, 200), small=(2, 20))
    other = lab.evolve(OTHER, generations=generations, batch_size=batch)
    random = partial(random_images, number, shape, seed=UNSEEN)
    learned = {
        f"learned, {when} generation": np.concatenate(
            [images for name, images in fooling.items() if name.startswith(when)]
        )
        for when in ("first", "last")
    }
    return learned | {
        "random CPPNs": random(),
        f"random CPPNs, {WALK} random mutations later": random(mutations=WALK),
        f"elites against {OTHER}": images_of(
            other, other.elites()[:: lab.choose(full=1, small=20)]
        ),
    }


def _share_called_fooling(classifier: Classifier, images: Levels) -> float:
    """Returns the share of images, of any size, that are taken for the class that was added."""
    seen = recognize(with_views(classifier, images.shape[1:]), images)
    return float(np.mean(seen.classes == classifier.card.classes - 1))


def _fool(lab: Lab, network: str | Path) -> Fooled:
    """Evolves and polishes images for the classes that a network had at first.

    All networks get the same budget.
    """
    run = lab.evolve(
        network,
        seed=UNSEEN,
        generations=lab.choose(full=500, small=2),
        batch_size=lab.choose(full=400, small=50),
        classes=tuple(map(str, range(CLASSES))),
        log_every=lab.choose(full=50, small=1),
    )
    polished = lab.polish(run, steps=lab.choose(full=STEPS, small=2))
    return Fooled(_elites_of(run), _elites_of(polished))


def _elites_of(run: Run) -> Elites:
    elites = run.elites()
    return Elites(confidences(run)[0], images_of(run, [elites[place] for place in SHOWN]))


def report(lab: Lab, measures: Measures) -> Findings:
    """Asks how far confidence falls, and what the class of fooling images costs."""
    before = measures.before
    tuned = next(tuned for tuned in measures.tuned if tuned.overweight == PAPERS)
    after = tuned.fooled
    fall, polished = (
        f"{cells.confidence(start.median)} to {cells.confidence(end.median)}"
        for start, end in zip(before, after, strict=True)
    )
    return Findings(
        rows=[*rows_of(before, after), *cost(tuned.change)],
        result=note(
            "retraining", "photographs result", overweight=PAPERS, fall=fall, polished=polished
        ),
        tables=[
            tabulate_overweights(measures),
            tabulate_polished(measures),
            tabulate_groups(measures.tuned),
        ],
        images=[show(lab, before, after)],
        notes=notes("retraining", "photographs", steps=STEPS),
        summary=(f"{BEFORE.paper} to {AFTER.paper}", f"{fall}; polished {polished}"),
    )


def rows_of(before: Fooled, after: Fooled) -> list[Row]:
    """Returns how certain elites are of the network that has learned fooling images."""
    elites = f"{len(after.evolved.confidence)} elites"
    test = mann_whitney(before.evolved.confidence, after.evolved.confidence)
    return [
        BEFORE.row([before.evolved.median], n=elites),
        AFTER.row([after.evolved.median], n=elites),
        FALLS.row([one_sided(test, greater=True)], n=f"{elites} each"),
        *measured(
            [
                (f"{claim.what}, polished", [fooled.polished.median], elites)
                for claim, fooled in ((BEFORE, before), (AFTER, after))
            ]
        ),
    ]


def cost(change: AccuracyChange) -> list[Row]:
    """Returns what the network has lost."""
    shares = {
        "accuracy before": change.accuracy_before,
        "accuracy with the new class": change.accuracy,
        "likeliest class unchanged": change.unchanged,
        "photographs called fooling": change.rejected,
    }
    n = f"{change.n} photographs"
    return measured((what, [share], n) for what, share in shares.items())


def tabulate_overweights(measures: Measures) -> Table:
    """Returns what the weight of the fooling images does."""

    def certainty(elites: Elites) -> list[str]:
        share = float(np.mean(elites.confidence >= LIKELY))
        return [cells.confidence(elites.median), cells.share(share)]

    accuracy = cells.share(measures.tuned[0].change.accuracy_before)
    before = measures.before.evolved
    rows = [["as it was", *certainty(before), accuracy, "", "", ""]]
    for overweight, change, _, fooled in measures.tuned:
        shares = map(cells.share, (change.accuracy, change.unchanged, change.rejected))
        test = cells.test(mann_whitney(before.confidence, fooled.evolved.confidence))
        rows.append([f"{overweight:g}", *certainty(fooled.evolved), *shares, test])
    header = ["over-weight", "median confidence", ">= 90 %", "accuracy", "unchanged"]
    header += ["called fooling", "confidence before against after"]
    return Table(title="What the over-weight of fooling images does", header=header, rows=rows)


def tabulate_polished(measures: Measures) -> Table:
    """Returns how certain elites are before and after their climb."""
    before = measures.before
    named = {"as it was": before}
    named |= {f"{tuned.overweight:g}": tuned.fooled for tuned in measures.tuned}
    lines = []
    for name, fooled in named.items():
        polished = fooled.polished.confidence
        test = mann_whitney(before.polished.confidence, polished)
        lines.append(
            {
                "over-weight": name,
                "evolved": cells.median(fooled.evolved.confidence),
                "polished": cells.median(polished),
                **{
                    f"polished, {share}": cells.share(
                        proportion_interval(int(np.sum(polished >= least)), len(polished))
                    )
                    for share, least in SHARES.items()
                },
                "polished, before against after": "" if fooled is before else cells.test(test),
            }
        )
    return Table.of("Elites that are polished: median confidence", lines)


def tabulate_groups(all_tuned: Sequence[Tuned]) -> Table:
    """Returns which images the networks call fooling."""
    return Table(
        title="Images that are called fooling, by over-weight",
        header=["images", *(f"{tuned.overweight:g}" for tuned in all_tuned)],
        rows=[
            [name, *(cells.share(tuned.called[name]) for tuned in all_tuned)]
            for name in all_tuned[0].called
        ],
    )


def show(lab: Lab, before: Fooled, after: Fooled) -> Figure:
    """Leaves elites of the same classes against the network before and after, and polished."""
    labels = [first_name(lab.network(NETWORK).card.labels[place]) for place in SHOWN]
    sections = [
        section(
            heading,
            elites.images,
            zip(labels, map(cells.confidence, elites.confidence[SHOWN].tolist()), strict=True),
        )
        for heading, elites in (
            ("as it was", before.evolved),
            ("with a class of fooling images", after.evolved),
            ("with a class of fooling images, polished", after.polished),
        )
    ]
    caption = note("retraining", "photographs sheet", overweight=PAPERS)
    return captioned_sheet(lab, "sheet.jpg", caption, sections)
