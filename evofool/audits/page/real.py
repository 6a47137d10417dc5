"""The sections on real images: detectors, calibration, changes, patches, corruptions, remedies."""

from collections.abc import Mapping

import numpy as np

from evofool.audits.figures import as_given
from evofool.audits.page import plots
from evofool.audits.page.markup import badge, escaped, figure_of, paragraph, picture, table
from evofool.audits.record import Record
from evofool.images import Levels
from evofool.support import percent, rounded_percent

REMEDIES = (
    "A threshold rejects what is less certain; a temperature makes confidences honest on real "
    "images and leaves their order as it is. Neither teaches the classifier what nothing looks "
    "like: 'evofool fine-tune' adds a class of fooling images, and an ensemble (a+b) is certain "
    "only where its members agree. Measure each by an audit of its own."
)


def detectors(record: Record, images: Mapping[str, Levels]) -> str:
    """Returns how well scores tell fooling images from real ones."""
    del images
    if "detectors" not in record:
        return ""
    part = record["detectors"]
    which = f"of {part['least']:g} or more" if part["least"] else "of any confidence"
    rows = [
        [escaped(name), *(figure_of(found[measure], as_share=False) for measure in _MEASURES)]
        for name, found in part["detectors"].items()
    ]
    content = [
        paragraph(
            f"{part['fooling']} evolved images {which} against {part['real']} real images, held "
            "out from what was fitted. AUROC: the chance that a real image scores higher than a "
            "fooling one; .5 is worthless, below it the score is misleading. FPR95: the share of "
            "fooling images that pass where 95 % of the real ones do."
        ),
        table(["detector", "AUROC", "AUPR", "FPR95"], rows),
    ]
    content += [
        paragraph(f"{name} was not measured: {reason}", kind="soft")
        for name, reason in part["absent"].items()
    ]
    return "".join(content)


_MEASURES = ("auroc", "aupr", "fpr95")


def calibration(record: Record, images: Mapping[str, Levels]) -> str:
    """Returns accuracy and calibration on real images."""
    del images
    if "calibration" not in record:
        return ""
    part = record["calibration"]
    return "".join(
        [
            table(
                ["", "value"],
                [
                    ["accuracy", figure_of(part["metrics"]["accuracy"])],
                    ["expected calibration error", figure_of(part["metrics"]["ece"])],
                ],
            ),
            paragraph(
                "The share of images that are recognised, by confidence. Bars below the line: "
                "more certain than right."
            ),
            plots.reliability_plot(part["bins"], title="accuracy over confidence"),
        ]
    )


def changes(record: Record, images: Mapping[str, Levels]) -> str:
    """Returns how small changes change the class of real images."""
    del images
    if "changes" not in record:
        return ""
    part = record["changes"]
    if not part["success"]:
        return paragraph("No real image is recognised, so that none can be attacked.")
    places = [float(np.log2(2 * size)) for size in part["sizes"]]
    lines = {
        name: [(0.0, 0.0), *zip(places, shares, strict=True)]
        for name, shares in part["success"].items()
    }
    rows = [
        [
            escaped(name),
            str(part["images"][name]),
            f"{part['queries'][name]:,}",
            *(figure_of(part["metrics"][f"success.{name}@{size}"]) for size in part["sizes"]),
        ]
        for name in part["success"]
    ]
    one = "one-pixel"
    rows.append(
        [
            "one pixel, of any size",
            str(part["images"][one]),
            f"{part['queries'][one]:,}",
            figure_of(part["metrics"][f"success.{one}"]),
            *[""] * (len(part["sizes"]) - 1),
        ]
    )
    sizes = [f"{size} level{'s' if size > 1 else ''}" for size in part["sizes"]]
    checks = [
        [escaped(check["name"]), badge(check["passed"]), escaped(check["detail"])]
        for check in part["checks"]
    ]
    content = [
        paragraph(
            "The share of recognised real images that change class when no value changes by more "
            "than so many levels of 255, scored in 8 bits."
        ),
        plots.curves(
            lines,
            title="share of images that change class, over the size of the change",
            x_label="largest change, in levels of 255",
            x_ticks=[(0.0, "0"), *zip(places, map(str, part["sizes"]), strict=True)],
            dots=True,
        ),
        table(["attack", "images", "queries", *sizes], rows),
    ]
    if checks:
        content.append(table(["are the attacks sound?", "", "measured"], checks, kind="texts"))
    return "".join(content)


def patches(record: Record, images: Mapping[str, Levels]) -> str:
    """Returns how many real images take the class of a patch, with the patches."""
    if "patches" not in record:
        return ""
    part, metrics = record["patches"], record["metrics"]
    figures, rows, largest = [], [], part["sizes"][-1]
    for one, square in zip(part["classes"], images["patches"], strict=True):
        label, most = escaped(one["label"]), rounded_percent(one["success"][-1])
        figures.append(
            f"<figure>{picture(square, one['label'])}<figcaption><b>{label}</b><br>{most} "
            f"at {largest:g}</figcaption></figure>"
        )
        rows.append([label, str(one["images"]), *map(rounded_percent, one["success"])])
    for name, text in (("patch", "all"), ("patch.shuffled", "all, pixels shuffled")):
        found = [metrics[f"{name}@{size}"] for size in part["sizes"]]
        rows.append([text, str(found[0]["n"]), *map(figure_of, found)])
    return "".join(
        [
            paragraph(
                "A patch is a square that was made to give images one class wherever it lies in "
                "them. The table gives the share of recognised real images that it does this to. "
                "It was made with other images, and at other places. The same pixels shuffled show "
                "what covering alone does."
            ),
            f'<div class="pictures">{"".join(figures)}</div>',
            table(["patch for", "images", *(f"side {size:g}" for size in part["sizes"])], rows),
            paragraph(
                f"A side of {largest:g} is that share of the shorter side of the images. The "
                f"classes were drawn at random. A patch took {part['steps']:,} steps: more, and "
                "other classes, may do better.",
                kind="soft",
            ),
        ]
    )


def corruptions(record: Record, images: Mapping[str, Levels]) -> str:
    """Returns what is left of accuracy and confidence when real images are corrupted."""
    del images
    if "corruptions" not in record:
        return ""
    part, bar = record["corruptions"], record["about"]["threshold"]
    rows = [
        [
            escaped(one["description"]),
            rounded_percent(one["accuracy"]),
            percent(one["confidence"]),
            rounded_percent(one["certain"]),
        ]
        for one in part["corruptions"]
    ]
    columns = ["images", "recognised", "median confidence", f"at {as_given(bar)} or more"]
    return paragraph(f"{part['images']} real images, changed a lot.") + table(columns, rows)


def remedies(record: Record, images: Mapping[str, Levels]) -> str:
    """Returns what can be done, and what of it was tried."""
    del images
    if not record["sources"]:
        return ""
    content = [paragraph(REMEDIES)]
    if "remedies" not in record:
        tried = "Nothing was tried; --try temperature threshold measures the first two."
        return "".join([*content, paragraph(tried, kind="soft")])
    part = record["remedies"]
    for one in part["remedies"]:
        lines = "".join(f"<li>{escaped(line)}</li>" for line in one["lines"])
        content.append(
            f"<h3>{escaped(one['name'])}: {escaped(one['setting'])}</h3><ul>{lines}</ul>"
        )
    content += [
        paragraph(f"{name} was not tried: {reason}", kind="soft")
        for name, reason in part["absent"].items()
    ]
    note = (
        "Fitted to half of the real images, measured on the other half and on the fooling images "
        "that were found without it. A new search may find others."
    )
    return "".join([*content, paragraph(note, kind="soft")])
