"""Copies the reports of `evofool reproduce` to where they are kept, pictures included.

    python scripts/publish_reports.py reproduced-full docs/results/experiments --readme README.md

Of a folder made by `evofool reproduce --out` it takes the score card and, of every experiment,
report.md and the pictures that it shows. A picture of more than 500 kB is refused. The score card
also takes the place of the table between the two `score card` comments of the README.
"""

import argparse
import re
import shutil
from pathlib import Path

MOST_BYTES = 500_000
BEGIN, END = "<!-- score card -->", "<!-- end of score card -->"


def main() -> None:
    """Parses the arguments and copies."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="folder made by evofool reproduce")
    parser.add_argument("kept", type=Path, help="folder to copy to")
    parser.add_argument("--readme", type=Path, help="also gets the score card")
    arguments = parser.parse_args()
    for report in sorted(arguments.out.glob("*/*/report.md")):
        copy(report, arguments.kept / report.parent.relative_to(arguments.out))
    shutil.copy(arguments.out / "scorecard.md", arguments.kept)
    if arguments.readme is not None:
        card = (arguments.out / "scorecard.md").read_text().split("\n\n", 1)[1]
        insert(card, arguments.readme, arguments.kept)


def copy(report: Path, folder: Path) -> None:
    """Copies a report and the pictures that it shows."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(report, folder)
    for name in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", report.read_text()):
        picture = report.parent / name
        if picture.stat().st_size > MOST_BYTES:
            raise SystemExit(f"{picture} has {picture.stat().st_size:,} bytes; make it smaller")
        shutil.copy(picture, folder)


def insert(card: str, readme: Path, kept: Path) -> None:
    """Puts the score card between its marks, with links that hold from the README."""
    text = readme.read_text()
    linked = re.sub(r"\]\(", f"]({kept.as_posix()}/", card)
    before, rest = text.split(BEGIN)
    readme.write_text(f"{before}{BEGIN}\n{linked}{END}{rest.split(END)[1]}")


if __name__ == "__main__":
    main()
