"""Copies the reports of `evofool reproduce` to where they are kept, images included.

    python scripts/publish_reports.py reproduced-full docs/results/experiments

Of a folder made by `evofool reproduce --out` it takes, of every experiment, report.md, the images
that it shows, except photographs that belong to other people, and its row of the score card; other
rows stay. JPEG files of more than 120 kB are compressed further, and what remains above 500 kB is
refused.
"""

import argparse
import io
import re
import shutil
from pathlib import Path

from PIL import Image

from evofool.support import read_json

WANTED_BYTES, MOST_BYTES = 120_000, 500_000
QUALITIES = (80, 70, 60, 50)
CARD = "scorecard.md"
ROW = re.compile(r"^\| \[[^]]+\]\(([^)]+)\) \|.*$", re.MULTILINE)  # with its report
NOT_OURS = "*(Not kept here: it shows photographs of other people. The command makes it.)*"


def main() -> None:
    """Parses the arguments and copies."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="folder made by evofool reproduce")
    parser.add_argument("kept", type=Path, help="folder to copy to")
    arguments = parser.parse_args()
    for report in sorted(arguments.out.glob("*/*/report.md")):
        copy(report, arguments.kept / report.parent.relative_to(arguments.out))
    update_card(arguments.out / CARD, arguments.kept / CARD)


def update_card(made: Path, kept: Path) -> None:
    """Replaces rows of the kept score card by those that were made."""
    if not kept.exists():
        shutil.copy(made, kept)
        return
    rows = {row[1]: row[0] for row in ROW.finditer(made.read_text(encoding="utf-8"))}
    text = ROW.sub(lambda row: rows.pop(row[1], row[0]), kept.read_text(encoding="utf-8"))
    if rows:
        raise SystemExit(f"{kept} has no rows of {', '.join(rows)}; add one of each, with its link")
    kept.write_text(text, encoding="utf-8")


def copy(report: Path, folder: Path) -> None:
    """Copies a report and the images that it shows."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    text = report.read_text(encoding="utf-8")
    for image in read_json(report.with_suffix(".json"))["findings"]["images"]:
        name, caption = image["file"], image["caption"]
        if image.get("shows_photographs"):
            text = text.replace(f"![{caption}]({name})", NOT_OURS)
            continue
        data = compressed((report.parent / name).read_bytes(), is_jpeg=name.endswith(".jpg"))
        if len(data) > MOST_BYTES:
            raise SystemExit(f"{report.parent / name} has {len(data):,} bytes; make it smaller")
        (folder / name).write_bytes(data)
    (folder / report.name).write_text(text, encoding="utf-8")


def compressed(data: bytes, *, is_jpeg: bool) -> bytes:
    """Returns an image's file, made smaller if it is large and can be."""
    image = Image.open(io.BytesIO(data))
    for quality in QUALITIES:
        if not is_jpeg or len(data) <= WANTED_BYTES:
            break
        smaller = io.BytesIO()
        image.save(smaller, "jpeg", quality=quality, optimize=True)
        data = min(data, smaller.getvalue(), key=len)
    return data


if __name__ == "__main__":
    main()
