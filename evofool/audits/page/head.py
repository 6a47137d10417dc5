"""The head of the page: the verdict, what was found in a sentence, the main figures, the checks."""

from collections.abc import Mapping

from evofool.audits.figures import as_given
from evofool.audits.page.markup import badge, escaped, paragraph, table
from evofool.audits.record import FAILED, INVALID, PASSED, STOPPED, Record
from evofool.images import Levels
from evofool.support import rounded_percent


def head(record: Record) -> str:
    """Returns title, verdict, the sentence that says what was found, and the main figures."""
    about, status = record["about"], record["status"]
    said = {
        PASSED: "Passed: the audit is valid, and no gate failed.",
        FAILED: "Failed: the audit is valid, and a gate failed.",
        INVALID: f"Not valid: {record['reason']}. Nothing else was measured.",
        STOPPED: f"Stopped early: {record['reason']}. What follows is incomplete.",
    }[status]
    kind = "status" if status == PASSED else "status bad"
    return "\n".join(
        [
            f"<h1>How certain is {escaped(about['name'])} about nothing?</h1>",
            paragraph(f"{about['classes']} classes, budget {about['budget']}", kind="soft"),
            f'<div class="{kind}" role="status"><b>{escaped(said)}</b>{_failed(record)}</div>',
            *_found(record),
            _tiles(record),
        ]
    )


def _failed(record: Record) -> str:
    tests = record["comparison"]["tests"] if "comparison" in record else []
    failed = [verdict["detail"] for verdict in [*record["gates"], *tests] if not verdict["passed"]]
    return "".join(f"<br>{escaped(detail)}" for detail in failed)


def _found(record: Record) -> list[str]:
    for part in record["sources"]:
        if part["source"] == "cppn":
            bar = record["about"]["threshold"]
            classes = {row["index"] for row in part["rows"] if row["confidence"] >= bar}
            return [
                paragraph(
                    f"A search of {part['evaluations']:,} images drawn by CPPNs found, for "
                    f"{len(classes)} of {record['about']['classes']} classes, an image of which "
                    f"the classifier is {rounded_percent(bar, digits=2)} certain or more. This "
                    "says what was found. What was not found may exist."
                )
            ]
    return []


def _tiles(record: Record) -> str:
    metrics, bar = record["metrics"], as_given(record["about"]["threshold"])
    wanted = {
        f"fooled@{bar}": (f"classes fooled at {bar}, CPPN", True),
        f"fooled.gradient@{bar}": (f"classes fooled at {bar}, gradient", True),
        f"replay@{bar}": (f"earlier images at {bar} or more", True),
        f"certain.real@{bar}": (f"real images at {bar} or more", True),
        "accuracy": ("accuracy on real images", True),
        "ece": ("calibration error", True),
        "auroc.msp": ("AUROC of the confidence (.5: worthless)", False),
        "success.pgd@2": ("changed class by 2 levels, PGD", True),
    }
    tiles = []
    for name, (text, as_share) in wanted.items():
        if name in metrics:
            value = metrics[name]["value"]
            shown = rounded_percent(value) if as_share else f"{value:.3f}"
            tiles.append(
                f'<div class="tile"><strong>{shown}</strong><small>{escaped(text)}</small></div>'
            )
    return f'<div class="tiles">{"".join(tiles)}</div>' if tiles else ""


def validity(record: Record, images: Mapping[str, Levels]) -> str:
    """Returns the checks, and the verdicts of gates."""
    del images
    rows = [
        [escaped(check["name"]), badge(check["passed"]), escaped(check["detail"])]
        for check in record["checks"]
    ]
    parts = [table(["check", "", "measured"], rows, kind="texts")]
    if record["about"]["step"]:
        parts.append(
            paragraph(
                f"The outputs come in steps of {record['about']['step']:.3g}: confidences are "
                "known to within one step, and written no finer."
            )
        )
    if record["gates"]:
        rows = [
            [
                f"<code>{escaped(one['gate'])}</code>",
                badge(one["passed"]),
                escaped(one["detail"]),
            ]
            for one in record["gates"]
        ]
        parts += [
            "<h3>Gates: fail if</h3>",
            table(["condition", "", "measured"], rows, kind="texts"),
        ]
    return "".join(parts)
