"""Takes a run apart: its elites, one genome, its line of descent, and an image of the line.

    python scripts/inspect_archive.py runs/cppn-0 --class 7 --out lineage.png

Prints to the terminal and writes one image: the ancestors at which the line changed class, and
the elite itself. Takes a few seconds; the ancestors are made again from their random keys.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

import evofool
from evofool.images import to_image, to_levels
from evofool.runs import genome_text, stepping_stones


def main() -> None:
    """Parses the arguments, prints, draws."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", help="run directory")
    parser.add_argument("--class", dest="name", default="7", help="class, by index or label")
    parser.add_argument("--out", type=Path, default=Path("lineage.png"))
    arguments = parser.parse_args()

    run = evofool.Run.open(arguments.run)
    for facts in evofool.inspect(run):
        print(f"{facts.label:>12}  {facts.confidence:.6f}  {facts.ancestors} ancestors")

    elite = run[arguments.name]
    print(f"\n{genome_text(elite)}\n")
    stones = stepping_stones(elite)
    print(" -> ".join(f"{stone.generation}: {stone.label}" for stone in stones))

    # `steps` and `ancestors` hold one entry per generation of the line, the elite's first.
    wanted = {stone.generation for stone in stones} | {elite.born[0]}
    line = zip(elite.steps, elite.ancestors(), strict=True)
    genomes = [genome for step, genome in line if step.generation in wanted][::-1]
    images = to_levels(np.concatenate(list(run.draw(genomes))))
    strip = to_image(np.concatenate(list(images), axis=1))
    strip.resize((4 * strip.width, 4 * strip.height), Image.Resampling.NEAREST).save(arguments.out)
    print(f"{len(images)} images of the line in {arguments.out}")


if __name__ == "__main__":
    main()
