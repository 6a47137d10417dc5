"""The part of the ablation experiment that cuts nodes and connections out of elites' networks."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from evofool.classifiers import confidence, first_name
from evofool.evaluation import recognize
from evofool.evolution import cppn_spec
from evofool.experiments.bench import Lab
from evofool.experiments.report import (
    Figure,
    Findings,
    Row,
    Table,
    captioned_sheet,
    cells,
    note,
    rows_of,
    section,
)
from evofool.images import Levels, Section, chart, to_levels
from evofool.measures import Lesion, lesions, mann_whitney, proportion_interval
from evofool.runs import Elite, Run

HARMLESS = 0.01  # of confidence: a lesion that costs less is harmless
LITTLE = f"{100 * HARMLESS:g} %"
SHOWN, OF_EACH = 6, 9  # elites in the image, and lesions of each
PARTS = ("node", "connection")


class Cut(NamedTuple):
    """What lesions of a run's elites did, one entry for each.

    Attributes:
        elite: number of the elite: run index times the number of classes, plus its cell.
        is_node: a node was cut, else a connection.
        activation: index into the run's activations: of the node; of where the connection led.
        changed: share of the image's values that are others than before.
        whole: log-odds of the class before.
        left: and after.
    """

    elite: Int[np.ndarray, " lesions"]
    is_node: Bool[np.ndarray, " lesions"]
    activation: Int[np.ndarray, " lesions"]
    changed: Float[np.ndarray, " lesions"]
    whole: Float[np.ndarray, " lesions"]
    left: Float[np.ndarray, " lesions"]

    @property
    def lost(self) -> Float[np.ndarray, " lesions"]:
        """The confidence that each lesion cost, in [-1, 1]."""
        return confidence(self.whole) - confidence(self.left)

    def of(self, kept: Bool[np.ndarray, " lesions"]) -> "Cut":
        """Returns some of the lesions."""
        return Cut(*(field[kept] for field in self))

    def of_part(self, part: str) -> "Cut":
        """Returns the lesions of nodes or of connections."""
        return self.of(self.is_node == (part == "node"))


def cut_all(elites: Sequence[Elite]) -> Cut:
    """Cuts every part of elites of one run, one at a time, and scores what is then drawn."""
    return _joined([_cut(elite) for elite in elites])


def _joined(cut: Sequence[Cut]) -> Cut:
    return Cut(*(np.concatenate(fields) for fields in zip(*cut, strict=True)))


def _cut(elite: Elite) -> Cut:
    run, made = elite.run, _lesions(elite)
    images = _draw(elite, made)
    odds = recognize(run.classifier, images).log_odds[:, elite.class_index]
    activations = run.config.cppn.activations
    return Cut(
        elite=np.full(len(made), elite.run_index * len(run.outputs) + elite.cell),
        is_node=np.array([lesion.part == "node" for lesion in made]),
        activation=np.array([activations.index(lesion.activation) for lesion in made]),
        changed=(images[1:] != images[0]).mean(axis=(1, 2, 3)),
        whole=np.full(len(made), odds[0]),
        left=odds[1:],
    )


def _lesions(elite: Elite) -> list[Lesion]:
    run = elite.run
    return lesions(elite.genome, cppn_spec(run.config.cppn, run.card.input_shape[2]))


def _draw(elite: Elite, made: Sequence[Lesion]) -> Levels:
    """Draws an elite, whole and with each of some lesions."""
    genomes = [elite.genome, *(lesion.genome for lesion in made)]
    return to_levels(np.concatenate(list(elite.run.draw(genomes))))


def report(lab: Lab, cut: Sequence[Cut], runs: Sequence[Run]) -> Findings:
    """Says what lesions of the elites of runs do, and leaves images of it."""
    every = _joined(cut)
    visible = every.of(every.changed > 0)
    elites = sum(len(np.unique(one.elite)) for one in cut)
    share = proportion_interval(int(np.sum(every.lost < HARMLESS)), len(every.elite))
    return Findings(
        rows=[row for part in PARTS for row in _rows(cut, part, elites)],
        result=note(
            "ablation",
            "result of lesions",
            elites=elites,
            share=cells.share(share),
            harmless=LITTLE,
        ),
        tables=[tabulate_activations(visible, runs[0].config.cppn.activations)],
        images=[_draw_chart(lab, visible), _show_lesions(lab, runs[0], cut[0])],
        notes=[note("ablation", "lesions", elites=elites)],
        summary=("", f"{cells.share(share.share)} of {share.n} lesions cost less than {LITTLE}"),
    )


def _rows(cut: Sequence[Cut], part: str, elites: int) -> list[Row]:
    of_part = [one.of_part(part) for one in cut]
    seen = [one.of(one.changed > 0) for one in of_part]
    count, shown = (sum(len(one.elite) for one in some) for some in (of_part, seen))
    another = f"{part} cut, another image:"
    same = {
        f"{part} cut: the image stays as it is, bit for bit": [
            float(np.mean(one.changed == 0)) for one in of_part
        ]
    }
    costs = {
        f"{another} costs less than {LITTLE} of confidence": [
            float(np.mean(one.lost < HARMLESS)) for one in seen
        ],
        f"{another} confidence lost, median": [float(np.median(one.lost)) for one in seen],
    }
    return [
        *rows_of(same, n=f"{count} {part}s of {elites} elites"),
        *rows_of(costs, n=f"{shown} {part}s"),
    ]


def compare(evolved: Sequence[Cut], polished: Sequence[Cut]) -> list[Row]:
    """Returns what any lesion costs elites as they evolved, and after their climb."""
    rows: list[Row] = []
    for name, cut in (("evolved", evolved), ("polished", polished)):
        every = _joined(cut)
        n, harmless = f"{len(every.elite)} parts", float(np.mean(every.lost < HARMLESS))
        odds = float(np.median(every.whole - every.left))
        what = f"{name}, any part cut"
        rows += rows_of({f"{what}: costs less than {LITTLE} of confidence": [harmless]}, n=n)
        rows += rows_of({f"{what}: log-odds lost, median": [odds]}, unit="nats", n=n)
    return rows


def tabulate_activations(visible: Cut, names: Sequence[str]) -> Table:
    """Returns what cutting a hidden node costs, by activation."""
    nodes = visible.of_part("node")
    odds, lines = nodes.whole - nodes.left, []
    for code, name in enumerate(names):
        is_it = nodes.activation == code
        if is_it.any() and not is_it.all():
            lines.append(
                {
                    "activation": name,
                    "nodes": int(is_it.sum()),
                    "log-odds lost": cells.median(odds[is_it], ""),
                    "confidence lost": cells.median(nodes.lost[is_it]),
                    "against all others": cells.test(mann_whitney(odds[is_it], odds[~is_it])),
                }
            )
    title = "Cutting a hidden node, where it changes the image: median [95 % interval]"
    return Table.of(title, lines)


def _draw_chart(lab: Lab, visible: Cut) -> Figure:
    with chart(lab.folder / "lesions.png") as axes:
        for part in PARTS:
            lost = np.sort(visible.of_part(part).lost)
            label = f"{part}s (n = {len(lost)})"
            axes.plot(lost, np.arange(1, len(lost) + 1) / len(lost), label=label)
        axes.axvline(0, color="black", linestyle=":", linewidth=1)
        axes.set_xlabel("confidence lost")
        axes.set_ylabel("share of lesions")
        axes.set_ylim(0, 1)
        axes.grid(alpha=0.3)
        axes.legend()
    return Figure(
        file="lesions.png",
        caption="Confidence lost by lesions that change the image: the share that costs no more "
        "than what the axis says",
    )


def _show_lesions(lab: Lab, run: Run, cut: Cut) -> Figure:
    """Shows some elites with their nodes cut out; those with a node that costs the most."""
    nodes = cut.of_part("node")
    costliest = nodes.elite[np.argsort(-nodes.lost, kind="stable")]
    ranked = list(dict.fromkeys(costliest.tolist()))
    places = np.linspace(0, len(ranked) - 1, min(SHOWN, len(ranked))).round().astype(int)
    caption = "Elites, whole and with hidden nodes cut out, the costliest first"
    sections = [_section(run, ranked[place]) for place in places]
    return captioned_sheet(lab, "lesions.jpg", caption, sections)


def _section(run: Run, number: int) -> Section:
    index, cell = divmod(number, len(run.outputs))
    elite = next(elite for elite in run.elites(index) if elite.cell == cell)
    made = [lesion for lesion in _lesions(elite) if lesion.part == "node"]
    images = _draw(elite, made)
    left = confidence(recognize(run.classifier, images).log_odds[:, elite.class_index])
    order = [0, *(1 + np.argsort(left[1:], kind="stable")[:OF_EACH])]
    names = ["whole", *(f"no {lesion.activation}" for lesion in made)]
    captions = [[names[place], cells.confidence(float(left[place]))] for place in order]
    return section(first_name(elite.label), images[order], captions)
