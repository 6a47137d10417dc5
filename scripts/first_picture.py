"""Draws the first picture of the README: the most striking elites of a run, with what they are.

    evofool evolve --preset imagenet-polished --classifier mobilenet_v1_0.25_128 --weights DIR \
        --out runs/polished
    python scripts/first_picture.py runs/polished docs/pictures/imagenet-thirty.jpg

Takes a run of CPPNs with thirty elites of 99.9 %, chosen by the rule of `evofool poster`.
"""

import argparse
from pathlib import Path

import evofool
from evofool.runs import striking

COLUMNS, ROWS = 10, 3
LEAST = 0.999
QUALITY = 88  # of the JPEG file, about 200 kB


def main() -> None:
    """Writes one file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    run = evofool.Run.open(options.run)
    elites = striking(run, count=COLUMNS * ROWS, least=LEAST)
    classes = [str(elite.class_index) for elite in elites]
    [sheet] = evofool.gallery(run, classes=classes, columns=COLUMNS, sort="confidence")
    sheet.convert("RGB").save(options.out, quality=QUALITY)
    print(f"{options.out}: {', '.join(elite.label for elite in elites)}")


if __name__ == "__main__":
    main()
