"""The sections on other audits, and on what this one did and did not do."""

from collections.abc import Mapping

from evofool.audits.figures import as_given
from evofool.audits.page.markup import badge, escaped, figure_of, folded, paragraph, table
from evofool.audits.record import Record
from evofool.images import Levels
from evofool.support import percent, rounded_percent

MOST_ROWS = 1_000  # of images that were shown again


def replay(record: Record, images: Mapping[str, Levels]) -> str:
    """Returns what became of the images of an earlier audit."""
    del images
    if "replay" not in record:
        return ""
    part = record["replay"]
    rows = [
        [f"<code>{escaped(file)}</code>", percent(before), percent(after)]
        for file, before, after in part["rows"][:MOST_ROWS]
    ]
    more = f", the first {MOST_ROWS:,}" if len(part["rows"]) > MOST_ROWS else ""
    return "".join(
        [
            paragraph(
                f"Of {part['images']} images of an earlier audit, "
                f"{rounded_percent(part['before'])} had a confidence of "
                f"{as_given(part['threshold'])} or more then, and "
                f"{rounded_percent(part['after'])} have it now: {part['newly']} "
                f"are new, {part['no_longer']} are no longer (p = {part['p']:.2g} that there are "
                "so many new ones by chance)."
            ),
            folded(
                f"All images{more}", table(["image", "confidence then", "confidence now"], rows)
            ),
        ]
    )


def comparison(record: Record, images: Mapping[str, Levels]) -> str:
    """Returns this audit beside an earlier one."""
    del images
    if "comparison" not in record:
        return ""
    part = record["comparison"]
    tests = [
        [f"<code>{escaped(test['gate'])}</code>", badge(test["passed"]), escaped(test["detail"])]
        for test in part["tests"]
    ]
    rows = [
        [
            f"<code>{escaped(one['metric'])}</code>",
            *(figure_of(one[when], as_share=False) for when in ("before", "after")),
        ]
        for one in part["differences"]
    ]
    return "".join(
        [
            paragraph(f"The earlier audit is of {part['name']}."),
            table(["is it worse?", "", "measured"], tests, kind="texts") if tests else "",
            folded(f"All {len(rows)} figures", table(["metric", "earlier", "this"], rows)),
        ]
    )


def about(record: Record, images: Mapping[str, Levels]) -> str:
    """Returns what was measured and what was not, with what, and every figure by name."""
    del images
    facts = record["about"]
    shape = "x".join(map(str, facts["input_shape"]))
    rows = {
        "classifier": facts["address"],
        "family": facts["family"],
        "weights": f"sha256 {facts['sha256']}" if facts["sha256"] else "no file that is known",
        "images": f"{shape}, {facts['classes']} classes",
        "real images": facts["real"] or "none",
        "prepared": "; ".join(facts["actions"]) or "used as they are",
        "budget": f"{facts['budget']}, seed {facts['seed']}",
        "believed from": as_given(facts["threshold"]),
        "other settings": "; ".join(facts["settings"]) or "none",
        **{f"not measured: {name}": why for name, why in record["not_measured"].items()},
        "versions": ", ".join(f"{name} {text}" for name, text in record["versions"].items()),
        "machine": f"{record['platform']['processor']}, {record['platform']['backend']}",
    }
    items = "".join(f"<dt>{escaped(k)}</dt><dd>{escaped(v)}</dd>" for k, v in rows.items())
    metrics = [
        [f"<code>{escaped(name)}</code>", figure_of(estimate, as_share=False), str(estimate["n"])]
        for name, estimate in record["metrics"].items()
    ]
    listed = folded(
        f"All {len(metrics)} metrics, by the names that gates use",
        table(["metric", "value", "n"], metrics),
    )
    return f"<dl>{items}</dl>{listed if metrics else ''}"
