"""Art: the most striking elites, as large as a print needs them, and what the network says then.

The paper's authors submitted such images to a juried exhibition. The rule by which 24 are chosen
here stands in for a curator; `evofool poster` applies it to any run.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from PIL import Image

from evofool.classifiers import first_name
from evofool.evaluation import recognize
from evofool.experiments.bench import NETWORK, Lab, evolve_long
from evofool.experiments.registry import Experiment, Part
from evofool.experiments.report import Figure, Findings, Row, Table, cells, note, notes, rows_of
from evofool.images import save_image
from evofool.runs import colourfulness, contrast, poster, striking
from evofool.support import in_markdown


class Drawn(NamedTuple):
    """Elites that were drawn large, in the order in which the rule chose them.

    Attributes:
        classes: index of the class of each.
        confidence: in that class, of the image that was evolved.
        again: the same of the drawing, made small.
        keeps_label: whether the drawing, made small, is likeliest of that class.
        colourfulness: see `evofool.runs.colourfulness`.
        contrast: standard deviation of luma.
        megabytes: of all drawings.
    """

    classes: Int[np.ndarray, " images"]
    confidence: Float[np.ndarray, " images"]
    again: Float[np.ndarray, " images"]
    keeps_label: Bool[np.ndarray, " images"]
    colourfulness: Float[np.ndarray, " images"]
    contrast: Float[np.ndarray, " images"]
    megabytes: float


def measure(lab: Lab) -> Drawn:
    """Chooses, draws large, and shows the drawings to the network again."""
    run, network, (count, size, least) = evolve_long(lab), lab.network(NETWORK), _settings(lab)
    elites = striking(run, count=count, least=least)
    paths = poster(run, lab.folder / "poster", count=count, size=size, least=least)
    height, width, _ = network.card.input_shape
    small = []
    for path in paths:
        with Image.open(path) as large:
            small.append(np.asarray(large.resize((width, height), Image.Resampling.LANCZOS)))
    seen = recognize(network, np.stack(small))
    classes = np.array([elite.class_index for elite in elites])
    images = list(run.images(elites))
    return Drawn(
        classes=classes,
        confidence=np.array([elite.confidence for elite in elites]),
        again=seen.confidence_in(classes),
        keeps_label=seen.classes == classes,
        colourfulness=np.array([colourfulness(image) for image in images]),
        contrast=np.array([contrast(image) for image in images]),
        megabytes=sum(path.stat().st_size for path in paths) / 1e6,
    )


def _settings(lab: Lab) -> tuple[int, int, float]:
    """Returns the number of images, their size in pixels, and their least confidence."""
    return lab.choose(full=(24, 4096, 0.99), small=(3, 512, 0.0))


def report(lab: Lab, drawn: Drawn) -> Findings:
    """Lists the images; whether they are art is not for us to say."""
    run, (count, size, least) = evolve_long(lab), _settings(lab)
    with Image.open(lab.folder / "poster" / "poster.jpg") as sheet:
        save_image(sheet, lab.folder / "poster.jpg")
    certain = sum(elite.confidence >= least for elite in run.elites())
    facts = {"count": count, "size": size, "least": least, "certain": certain}
    figures = {
        f"the drawing of {size} pixels, made small, keeps its label": [drawn.keeps_label.mean()],
        "and its confidence: median": [np.median(drawn.again)],
    }
    columns = {
        "": range(1, count + 1),
        "class": [in_markdown(first_name(run.card.labels[index])) for index in drawn.classes],
        "confidence": map(cells.confidence, drawn.confidence.tolist()),
        "shrunk again": map(cells.confidence, drawn.again.tolist()),
        "colourfulness": drawn.colourfulness.round().astype(int).tolist(),
        "contrast": drawn.contrast.round().astype(int).tolist(),
    }
    return Findings(
        summary=("some were shown and awarded", f"{count} images of {size} pixels"),
        rows=[
            *rows_of(figures, n=f"{count} images"),
            Row(
                what="share of works that the jury accepted",
                paper="21.3 %, the authors' among them, with an award",
                ours=[],
                n="nothing was submitted",
            ),
        ],
        result=note("art", "result", **facts),
        tables=[
            Table(
                title="The images, in the order in which the rule chose them",
                header=list(columns),
                rows=list(zip(*columns.values(), strict=True)),
            )
        ],
        images=[Figure(file="poster.jpg", caption=note("art", "poster", **facts))],
        notes=notes(
            "art",
            "rule",
            **facts,
            classes=len(run.outputs),
            megabytes=drawn.megabytes,
            kept=int(drawn.keeps_label.sum()),
        ),
    )


EXPERIMENT = Experiment(
    name="art",
    title="Which fooling images would one hang on a wall, and do they keep their label there?",
    so_what=(
        "If images keep their label at the size of a poster, what fools a network can hang on a "
        "wall."
    ),
    paper="section 4, the exhibition",
    parts={"imagenet": Part(measure=measure, report=report, networks=(NETWORK,))},
)
