"""The sections on images that show nothing: who is fooled, by what, and what a threshold stops."""

from collections.abc import Mapping, Sequence

import numpy as np

from evofool.audits.certainty import SourcePart, metric_name
from evofool.audits.evidence import ENCODINGS
from evofool.audits.figures import as_given
from evofool.audits.page import plots
from evofool.audits.page.markup import (
    certainty,
    escaped,
    figure_of,
    folded,
    paragraph,
    picture,
    table,
)
from evofool.audits.record import Record
from evofool.images import Levels
from evofool.support import rounded_percent

SHOWN = {"cppn": 20, "direct": 10, "gradient": 10}  # pictures of a source; of others
OTHERS = 5
NAMES = {
    "real": "real images",
    "cppn": "CPPN",
    "direct": "direct",
    "gradient": "gradient",
    "noise": "noise",
    "constant": "one colour",
    "ramp": "ramps",
    "control": "LeNet's",
}
DESCRIPTIONS = {
    "real": "real images of its classes",
    "cppn": "evolved, drawn by networks (CPPN)",
    "direct": "evolved, pixel by pixel",
    "gradient": "made by following gradients from noise",
    "noise": "levels drawn at random",
    "constant": "one colour each",
    "ramp": "from one colour to another",
    "control": "evolved for the LeNet that ships with evofool, and scaled",
}


def nothing(record: Record, images: Mapping[str, Levels]) -> str:
    """Returns how certain the classifier is of each source, with the most certain images."""
    parts = [part for part in record["sources"] if part["source"] != "real"]
    if not parts:
        return ""
    bars = _bars(parts[0])
    rows = [
        [
            f"{escaped(NAMES[part['source']])}<small>{escaped(DESCRIPTIONS[part['source']])}</small>",
            str(len(part["rows"])),
            *(figure_of(part["metrics"].get(_name(part, bar))) for bar in bars),
        ]
        for part in record["sources"]
    ]
    columns = ["images", "n", *(f"≥ {as_given(bar)}" for bar in bars)]
    content = [
        paragraph(
            "The share of images that the classifier gives at least this confidence: in the class "
            "that they were made for or, where they were made for none, in any. Below each share, "
            "its 95 % interval."
        ),
        table(columns, rows),
        _fooled_curves(parts),
    ]
    content += [_pictures(record, part, images) for part in parts]
    content.append(_by_class(record, parts))
    return "".join(content)


def _bars(part: SourcePart) -> list[float]:
    return [float(name.partition("@")[2]) for name in part["metrics"] if "@" in name]


def _name(part: SourcePart, bar: float) -> str:
    return metric_name(part["source"], bar, is_aimed=part["is_aimed"])


def _fooled_curves(parts: Sequence[SourcePart]) -> str:
    lines = {
        f"{NAMES[part['source']]} ≥ {bar}": list(
            zip(part["curve"]["evaluations"], shares, strict=True)
        )
        for part in parts
        if part["curve"] is not None
        for bar, shares in part["curve"]["shares"].items()
    }
    if not lines:
        return ""
    most = max(points[-1][0] for points in lines.values())
    return "<h3>Classes fooled after so many images</h3>" + plots.curves(
        lines,
        title="share of classes fooled over evaluations",
        x_label="evaluations of a run",
        x_ticks=plots.round_ticks(most),
    )


def _pictures(record: Record, part: SourcePart, images: Mapping[str, Levels]) -> str:
    """Returns the most certain images of a source, one for a class."""
    source, step = part["source"], record["about"]["step"]
    if source not in images:
        return ""
    chosen: dict[int, int] = {}
    for row in np.argsort([-row["log_odds"] for row in part["rows"]], kind="stable").tolist():
        chosen.setdefault(part["rows"][row]["index"] if part["is_aimed"] else row, row)
    figures = []
    for row in list(chosen.values())[: SHOWN.get(source, OTHERS)]:
        facts = part["rows"][row]
        title = f"{facts['label']}, {certainty(facts['confidence'], step)}"
        figures.append(
            f"<figure>{picture(images[source][row], title)}<figcaption><b>"
            f"{escaped(facts['label'])}</b><br>{certainty(facts['confidence'], step)}"
            "</figcaption></figure>"
        )
    heading = f"<h3>Most certain: {escaped(DESCRIPTIONS[source])}</h3>"
    return f'{heading}<div class="pictures">{"".join(figures)}</div>'


def _by_class(record: Record, parts: Sequence[SourcePart]) -> str:
    """Returns the table of all classes: the highest confidence, and the evaluations it took."""
    aimed = [part for part in parts if part["is_aimed"]]
    labels = {row["index"]: row["label"] for part in aimed for row in part["rows"]}
    best = {
        part["source"]: {
            row["index"]: row["confidence"]
            for row in sorted(part["rows"], key=lambda row: row["log_odds"])
        }
        for part in aimed
    }
    needed: dict[int, list[float]] = {}
    for part in aimed:
        if part["source"] == ENCODINGS[0]:
            for row in part["rows"]:
                needed.setdefault(row["index"], []).append(row["evaluations"] or np.inf)
    rows = []
    for index, label in sorted(labels.items()):
        median = float(np.median(needed[index])) if index in needed else np.inf
        shown = f"≤ {median:,.0f}" if np.isfinite(median) else "-"
        cells = [
            certainty(found[index], record["about"]["step"]) if index in found else "-"
            for found in best.values()
        ]
        rows.append([escaped(label), *cells, shown])
    bar = as_given(record["about"]["threshold"])
    columns = ["class", *(NAMES[source] for source in best), f"evaluations to {bar}, CPPN"]
    return folded(f"All {len(rows)} classes", table(columns, rows))


def threshold(record: Record, images: Mapping[str, Levels]) -> str:
    """Returns real and other images on one axis, and what a threshold costs and stops."""
    del images
    if not record["sources"]:
        return ""
    bar, metrics = record["about"]["threshold"], record["metrics"]
    groups = {
        NAMES[part["source"]]: [row["log_odds"] for row in part["rows"]]
        for part in record["sources"]
    }
    content = [
        paragraph(
            "Confidence of all images on one axis, equal in log-odds; the line is at "
            f"{as_given(bar)}, from where the classifier is believed. Rows have scales of their "
            "own."
        ),
        plots.histograms(groups, threshold=bar, title="confidence of real and fooling images"),
    ]
    if "rejected.real" in metrics:
        content.append(
            paragraph(
                f"At {as_given(bar)}, {rounded_percent(metrics['rejected.real']['value'])} of the "
                "real images are rejected: that is what the threshold costs."
            )
        )
    if "passed.fooling" in metrics:
        content.append(
            paragraph(
                "Where 95 % of the real images pass, "
                f"{rounded_percent(metrics['passed.fooling']['value'])} of the fooling images do."
            )
        )
    return "".join(content)
