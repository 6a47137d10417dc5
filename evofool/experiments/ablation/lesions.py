"""The part of the ablation experiment that cuts nodes and connections out of elites' networks."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from PIL import Image

from evofool.analysis import (
    Lesion,
    Values,
    lesions,
    mann_whitney,
    median_interval,
    proportion_interval,
)
from evofool.classifiers import confidence, first_name
from evofool.evaluation import recognize
from evofool.evolution import cppn_spec
from evofool.experiments.bench import Lab
from evofool.experiments.report import Figure, Findings, Row, Table, Verdict
from evofool.images import Section, chart, draw_sheet, save_image, thumbnail, to_levels
from evofool.runs import Elite, Run
from evofool.support import percent

HARMLESS = 0.01  # of confidence: a lesion that costs less is harmless
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


def findings(lab: Lab, runs: Sequence[Run], *, least_confidence: float) -> Findings:
    """Cuts parts out of elites' networks, says what that does, and leaves images of it.

    Args:
        lab: where everything is kept.
        runs: with CPPNs of the same activations.
        least_confidence: of the elites.
    """
    cut = [_cut_parts(lab, run, least_confidence) for run in runs]
    everything = _joined(cut)
    visible = everything.of(everything.changed > 0)
    elites = sum(len(np.unique(one.elite)) for one in cut)
    names = runs[0].config.cppn.activations
    rows = []
    for part in PARTS:
        of_part = [one.of(one.is_node == (part == "node")) for one in cut]
        seen = [one.of(one.changed > 0) for one in of_part]
        count = sum(len(one.elite) for one in of_part)
        shown = sum(len(one.elite) for one in seen)
        rows += [
            Row(
                what=f"{part} cut: the image stays as it is, bit for bit",
                ours=[float(np.mean(one.changed == 0)) for one in of_part],
                unit="%",
                n=f"{count} {part}s of {elites} elites",
            ),
            Row(
                what=f"{part} cut, another image: costs less than {HARMLESS:.0%} of confidence",
                ours=[float(np.mean(one.lost < HARMLESS)) for one in seen],
                unit="%",
                n=f"{shown} {part}s",
            ),
            Row(
                what=f"{part} cut, another image: confidence lost, median",
                ours=[float(np.median(one.lost)) for one in seen],
                unit="%",
                n=f"{shown} {part}s",
            ),
        ]
    _draw_chart(lab, visible)
    save_image(_sheet(runs[0], cut[0]), lab.folder / "lesions.jpg")
    share = proportion_interval(int(np.sum(everything.lost < HARMLESS)), len(everything.elite))
    return Findings(
        rows=rows,
        tables=[_by_activation(visible, names)],
        images=[
            Figure(
                file="lesions.png",
                caption="Confidence lost by lesions that change the image: the share that costs "
                "no more than what the axis says",
            ),
            Figure(
                file="lesions.jpg",
                caption="Elites, whole and with hidden nodes cut out, the costliest first",
            ),
        ],
        notes=[
            f"Lesions: of {elites} elites, every hidden node (with its connections) and every "
            "connection was cut out, one at a time, and the image drawn and scored again. "
            "Negative losses are gains: evolution had not found these.",
        ],
        verdict=Verdict(
            outcome="new",
            because=f"of all lesions of {elites} elites, {share} cost less than {HARMLESS:.0%} of "
            "confidence",
        ),
        summary=("", f"{share.share:.0%} of {share.n} lesions cost less than {HARMLESS:.0%}"),
    )


def _cut_parts(lab: Lab, run: Run, least_confidence: float) -> Cut:
    """Cuts every part of every elite, one at a time, and scores what is then drawn; done once."""

    def compute() -> dict[str, np.ndarray]:
        elites = [e for i in range(run.config.runs) for e in run.elites(i)]
        chosen = [elite for elite in elites if elite.confidence >= least_confidence]
        return _joined(_cut(run, elite) for elite in chosen)._asdict()

    assert run.summary is not None
    key = [run.summary["archive_sha256"], least_confidence]
    return Cut(**lab.arrays(f"lesions-{run.folder.name}", compute, key=key))


def _cut(run: Run, elite: Elite) -> Cut:
    made = _lesions(run, elite)
    images = to_levels(np.concatenate(list(run.draw([elite.genome, *(m.genome for m in made)]))))
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


def _joined(cut: Iterable[Cut]) -> Cut:
    return Cut(*(np.concatenate(fields) for fields in zip(*cut, strict=True)))


def _lesions(run: Run, elite: Elite) -> list[Lesion]:
    return lesions(elite.genome, cppn_spec(run.config.cppn, run.card.input_shape[2]))


def _by_activation(visible: Cut, names: Sequence[str]) -> Table:
    """Tells by activation what cutting a hidden node costs."""
    nodes = visible.of(visible.is_node)
    lost = nodes.whole - nodes.left
    rows = []
    for code, name in enumerate(names):
        of_name, others = lost[nodes.activation == code], lost[nodes.activation != code]
        if len(of_name) and len(others):
            test = mann_whitney(of_name, others)
            costs = nodes.lost[nodes.activation == code]
            rows.append([name, len(of_name), _nats(of_name), _percent(costs), str(test)])
    return Table(
        title="Cutting a hidden node, where it changes the image: median [95 % interval]",
        header=["activation", "nodes", "log-odds lost", "confidence lost", "against all others"],
        rows=rows,
    )


def _nats(values: Values) -> str:
    found = median_interval(values)
    return f"{found.median:.2f} [{found.low:.2f}, {found.high:.2f}]"


def _percent(values: Values) -> str:
    found = median_interval(values)
    return f"{found.median:.1%} [{found.low:.1%}, {found.high:.1%}]"


def _draw_chart(lab: Lab, visible: Cut) -> None:
    with chart(lab.folder / "lesions.png") as axes:
        for part in PARTS:
            lost = np.sort(visible.of(visible.is_node == (part == "node")).lost)
            label = f"{part}s (n = {len(lost)})"
            axes.plot(lost, np.arange(1, len(lost) + 1) / len(lost), label=label)
        axes.axvline(0, color="black", linestyle=":", linewidth=1)
        axes.set_xlabel("confidence lost")
        axes.set_ylabel("share of lesions")
        axes.set_ylim(0, 1)
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right")


def _sheet(run: Run, cut: Cut) -> Image.Image:
    """Draws some elites with their nodes cut out; those with a node that costs the most."""
    nodes = cut.of(cut.is_node)
    costliest = nodes.elite[np.argsort(-nodes.lost, kind="stable")]
    _, first = np.unique(costliest, return_index=True)
    ranked = costliest[np.sort(first)]
    places = np.linspace(0, len(ranked) - 1, min(SHOWN, len(ranked))).round().astype(int)
    return draw_sheet([_section(run, int(number)) for number in ranked[places]])


def _section(run: Run, number: int) -> Section:
    index, cell = divmod(number, len(run.outputs))
    elite = next(elite for elite in run.elites(index) if elite.cell == cell)
    made = [lesion for lesion in _lesions(run, elite) if lesion.part == "node"]
    genomes = [elite.genome, *(lesion.genome for lesion in made)]
    images = to_levels(np.concatenate(list(run.draw(genomes))))
    found = confidence(recognize(run.classifier, images).log_odds[:, elite.class_index])
    order = [0, *(1 + np.argsort(found[1:], kind="stable")[:OF_EACH])]
    captions = ["whole", *(f"no {lesion.activation}" for lesion in made)]
    return Section(
        heading=first_name(elite.label),
        images=[thumbnail(images[i]) for i in order],
        captions=[[captions[i], percent(float(found[i]))] for i in order],
    )
