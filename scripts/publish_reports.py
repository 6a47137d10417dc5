"""Copies the reports of `evofool reproduce` to where they are kept, pictures included.

    python scripts/publish_reports.py reproduced-full docs/results/experiments

Of a folder made by `evofool reproduce --out` it takes the score card and, of every experiment,
report.md and the pictures that it shows. A picture of more than 500 kB is refused.
"""

import re
import shutil
import sys
from pathlib import Path

MOST_BYTES = 500_000


def main() -> None:
    """Copies from the first folder to the second."""
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    out, kept = map(Path, sys.argv[1:])
    for report in sorted(out.glob("*/*/report.md")):
        folder = kept / report.parent.relative_to(out)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shutil.copy(report, folder)
        for name in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", report.read_text()):
            picture = report.parent / name
            if picture.stat().st_size > MOST_BYTES:
                raise SystemExit(f"{picture} has {picture.stat().st_size:,} bytes; make it smaller")
            shutil.copy(picture, folder)
    shutil.copy(out / "scorecard.md", kept)


if __name__ == "__main__":
    main()
