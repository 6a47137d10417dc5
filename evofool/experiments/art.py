"""Art: the most striking elites, as large as a print needs them, and what the network says then.

The paper's authors submitted such images to a juried exhibition. The rule by which 24 are chosen
here stands in for a curator; `evofool poster` applies it to any run.
"""

import numpy as np
from PIL import Image

from evofool.classifiers import confidence, first_name
from evofool.evaluation import recognize
from evofool.experiments.bench import NETWORK, Lab, evolve_long
from evofool.experiments.registry import Experiment, Whole
from evofool.experiments.report import Figure, Findings, Row, Table, Verdict
from evofool.images import save_image
from evofool.runs import colourfulness, contrast, poster, striking


def imagenet(lab: Lab) -> Findings:
    """Chooses, draws large, and shows the drawings to the network again."""
    run = evolve_long(lab)
    count, size = lab.choose(full=24, small=3), lab.choose(full=4096, small=512)
    least = lab.choose(full=0.99, small=0.0)
    elites = striking(run, count=count, least=least)
    paths = poster(run, lab.folder / "poster", count=count, size=size, least=least)
    with Image.open(lab.folder / "poster" / "poster.jpg") as sheet:
        save_image(sheet, lab.folder / "poster.jpg")

    network = lab.network(NETWORK)
    height, width, _ = network.card.input_shape
    shrunk = []
    for path in paths:
        with Image.open(path) as large:
            shrunk.append(np.asarray(large.resize((width, height), Image.Resampling.LANCZOS)))
    scores = recognize(network, np.stack(shrunk)).log_odds
    wanted = np.array([elite.class_index for elite in elites])
    again = confidence(scores[np.arange(count), wanted])
    same = scores.argmax(axis=1) == wanted
    certain = sum(elite.confidence >= least for elite in run.elites())
    megabytes = sum(path.stat().st_size for path in paths) / 1e6
    images = [elite.image() for elite in elites]
    return Findings(
        summary=("some were shown and awarded", f"{count} images of {size} pixels"),
        rows=[
            Row(
                what=f"the drawing of {size} pixels, made small, keeps its label",
                ours=[float(np.mean(same))],
                unit="%",
                n=f"{count} images",
            ),
            Row(
                what="and its confidence: median",
                ours=[float(np.median(again))],
                unit="%",
                n=f"{count} images",
            ),
            Row(
                what="share of works that the jury accepted",
                paper="21.3 %, the authors' among them, with an award",
                ours=[],
                n="nothing was submitted",
            ),
        ],
        tables=[
            Table(
                title="The images, in the order in which the rule chose them",
                header=["", "class", "confidence", "shrunk again", "colourfulness", "contrast"],
                rows=[
                    [
                        number,
                        first_name(elite.label),
                        f"{elite.confidence:.2%}",
                        f"{share:.1%}",
                        f"{colourfulness(image):.0f}",
                        f"{contrast(image):.0f}",
                    ]
                    for number, (elite, share, image) in enumerate(
                        zip(elites, again, images, strict=True), start=1
                    )
                ],
            )
        ],
        images=[
            Figure(
                file="poster.jpg",
                caption=f"The {count} most striking of {certain} elites with a confidence of "
                f"{least:.0%} or more",
            )
        ],
        notes=[
            f"The rule: of the {certain} elites (of {len(run.outputs)}) with a confidence of "
            f"{least:.0%} or more, the half with the best sum of ranks in colourfulness (Hasler "
            "and Süsstrunk 2003) and contrast (standard deviation of luma); the best of these "
            "first, then again and again the one whose most similar chosen one is most different "
            "from it, as images of 16x16 pixels. No person chose.",
            f"`evofool poster RUN --out DIR` makes them, with a web page: {count} PNG files of "
            f"{size}x{size} pixels, {megabytes:.0f} MB. A CPPN has no resolution, so these are "
            "drawings and not enlargements: where the image that was evolved has a pattern finer "
            "than its pixels, the drawing shows what the network never saw. Made small again, with "
            f"smoothing, {int(same.sum())} of {count} keep their label.",
        ],
        verdict=Verdict(
            outcome="new",
            because=f"{count} images of {size} pixels by one command; whether they are art, a "
            "jury would have to say",
        ),
    )


EXPERIMENT = Experiment(
    name="art",
    title="Which fooling images would one hang on a wall, and do they keep their label there?",
    paper="section 4, the exhibition",
    parts={"imagenet": Whole(run=imagenet, networks=(NETWORK,))},
)
