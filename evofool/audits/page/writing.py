"""The page of an audit: one HTML file with everything in it, for a browser or for paper."""

from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path

from evofool.audits.page import facts, head, nothing, real
from evofool.audits.page.markup import escaped
from evofool.audits.record import Record
from evofool.images import Levels
from evofool.support import replacing

FILE = "audit.html"
Section = Callable[[Record, Mapping[str, Levels]], str]

SECTIONS: dict[str, Section] = {
    "Validity": head.validity,
    "Certain about nothing": nothing.nothing,
    "Threshold": nothing.threshold,
    "Detectors": real.detectors,
    "Calibration": real.calibration,
    "Small changes": real.changes,
    "Patches": real.patches,
    "Corruptions": real.corruptions,
    "What to do": real.remedies,
    "Replay": facts.replay,
    "Earlier audit": facts.comparison,
    "What was measured": facts.about,
}
"""The sections; one that has no part in an audit makes no markup."""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>Audit of {title}</title>
<style>
{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def write_page(path: Path, record: Record, images: Mapping[str, Levels]) -> None:
    """Writes the page, atomically. It holds no time, so that the same audit gives the same page.

    Args:
        path: of the HTML file.
        record: of the audit.
        images: of every source, in the order of its rows; and the patches.
    """
    parts = {
        title: content for title, make in SECTIONS.items() if (content := make(record, images))
    }
    anchors = {title: title.lower().replace(" ", "-") for title in parts}
    links = "".join(f'<a href="#{anchors[title]}">{escaped(title)}</a>' for title in parts)
    body = [head.head(record), f"<nav>{links}</nav>"]
    body += [
        f'<h2 id="{anchors[title]}">{escaped(title)}</h2>\n{content}'
        for title, content in parts.items()
    ]
    style = resources.files("evofool.audits.page").joinpath("page.css").read_text(encoding="utf-8")
    text = _PAGE.format(title=escaped(record["about"]["name"]), style=style, body="\n".join(body))
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
