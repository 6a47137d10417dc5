r"""Do classes that lag after polishing gain from a second start, and from which elite?

    evofool evolve --classifier mobilenet_v1_0.25_128 --weights DIR --generations 300 --out RUN \
      --classes $(seq 0 10 990)
    evofool polish RUN
    python scripts/second_starts.py RUN RUN-polished --weak 32 --steps 50 --out runs/second

Takes the classes that are weakest after polishing, and climbs for each of them once more: from
where it is, from where it began, and from the image of all other classes' elites that is best for
it, before and after these were polished. All arms make as many steps. What counts is the better of
the polished elite and the new one. Prints a table (Markdown).
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import evofool
from evofool.classifiers import confidence
from evofool.measures import signed_rank
from evofool.runs import Elite, genome_json

ON, AGAIN = "from where it is (a second round)", "from where it began, other new nodes"
OTHER, OTHER_POLISHED = "from another class's elite", "from another class's polished elite"


def climb(
    run: evofool.Run, start: Sequence[Elite], weak: Sequence[Elite], steps: int, out: Path
) -> np.ndarray:
    """Returns the log-odds of the weak classes after a climb from the best of some elites."""
    folder = out.with_name(f"{out.name}-start")
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{number}.json" for number in range(len(start))]
    for file, elite in zip(files, start, strict=True):
        file.write_text(json.dumps(genome_json(elite)), encoding="utf-8")
    settled = evofool.evolve(
        run.classifier,
        start=files,
        classes=tuple(f"index:{elite.class_index}" for elite in weak),
        generations=0,
        batch_size=len(run.outputs),  # the rest is random
        seed=run.config.seed + 1,
        polish={"steps": steps},
        cppn={"max_nodes": 128, "max_connections": 512},  # so that all arms have one program
        out=out,
    )
    made = {elite.class_index: elite.fitness for elite in settled.elites()}
    return np.array([made[elite.class_index] for elite in weak])


def main() -> None:
    """Prints what becomes of the weak classes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("evolved", type=Path, help="a run of CPPNs")
    parser.add_argument("polished", type=Path, help="what evofool polish made of it")
    parser.add_argument("--weak", type=int, default=32, help="classes that climb again")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--out", type=Path, required=True, help="folder of the new runs")
    options = parser.parse_args()
    evolved, polished = evofool.Run(options.evolved), evofool.Run(options.polished)
    weak = sorted(polished.elites(), key=lambda elite: elite.fitness)[: options.weak]
    names = {elite.class_index for elite in weak}

    def of(run: evofool.Run, *, is_weak: bool) -> list[Elite]:
        return [elite for elite in run.elites() if (elite.class_index in names) == is_weak]

    arms = {
        ON: of(polished, is_weak=True),
        AGAIN: of(evolved, is_weak=True),
        OTHER: of(evolved, is_weak=False),
        OTHER_POLISHED: of(polished, is_weak=False),
    }
    before = np.array([elite.fitness for elite in weak])
    print("| second start | median | >= .5 | >= .9 | better by .1 nats | against a second round |")
    print("|---|---|---|---|---|---|", flush=True)

    def say(name: str, odds: np.ndarray, against: str) -> None:
        shares = confidence(odds)
        counts = [int(np.sum(shares >= bar)) for bar in (0.5, 0.9)]
        wins = int(np.sum(odds > before + 0.1))
        cells = (name, f"{np.median(shares):.1%}", *counts, wins, against)
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)

    say("none", before, "")
    on = np.array([])
    for number, (name, start) in enumerate(arms.items()):
        odds = climb(evolved, start, weak, options.steps, options.out / str(number))
        best = np.maximum(before, odds)
        on = best if name == ON else on
        say(name, best, "" if name == ON else str(signed_rank(best, on)))


if __name__ == "__main__":
    main()
