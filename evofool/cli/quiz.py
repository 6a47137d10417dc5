"""The command that asks people: quiz."""

from pathlib import Path
from typing import Annotated

import tyro

from evofool.cli.flags import Json, refuse_unused
from evofool.cli.lines import say
from evofool.cli.numbers import MaybeCount, Seed
from evofool.cli.startup import start_jax
from evofool.support import UserError


def quiz(
    run: Annotated[Path | None, tyro.conf.Positional] = None,
    *,
    out: Path | None = None,
    results: tuple[Path, ...] = (),
    questions: MaybeCount = None,
    seed: Seed = 0,
    data: Path | None = None,
    judge: str | None = None,
    judge_weights: Path | None = None,
    strict: bool = False,
    as_json: Json = False,
) -> None:
    """Writes a quiz for people: a sheet of elites, and its answers.

    In OUT, sheet.png holds the numbered images, choices.txt the classes to choose from, answers.png
    the sheet with its labels, and answer_key.csv and answer_key.json the answers as data. It also
    prints two figures that need no people: for how many images the nearest training image has the
    image's class (MNIST runs only, by pixels), and how many a second network, the judge, puts into
    their class.

    With --results it asks nobody, but counts the answers to the quiz of evofool serve: the share
    that people named right, of evolved and of real images, with 95 % intervals (Wilson), for all
    classes and for each.

      evofool quiz runs/cppn-0 --out quiz
      evofool quiz runs/cppn-0 --out quiz --judge lenet --judge-weights other.safetensors
      evofool quiz --results answers.csv more.csv

    Args:
        run: run directory.
        out: folder to write; empty or new.
        results: CSV files of answers, as evofool serve --results or the quiz itself saves them.
        questions: number of images; by default all, but at most 50.
        seed: seed of the choice and order of the images.
        data: folder of MNIST; by default that of EVOFOOL_DATA, or the user cache.
        judge: a classifier of the same classes, for instance lenet; images are resized to its
            input size.
        judge_weights: weights of the judge, unless it ships with evofool.
        strict: exit with code 1 if the newest checkpoint is damaged; by default an older one is
            used, with a warning.
        as_json: print JSON.
    """
    if results:
        refuse_unused("with --results", RUN=run, out=out, judge=judge, questions=questions)
        _print_results(results, as_json)
        return
    if run is None or out is None:
        raise UserError("give a run directory and --out, or --results and files of answers")
    if judge is None and judge_weights is not None:
        raise UserError("--judge-weights needs --judge, the name of the network that they are for")
    start_jax()
    from evofool.classifiers import load_classifier
    from evofool.cli.console import print_json
    from evofool.runs import Run, quiz

    network = None if judge is None else load_classifier(judge, weights=judge_weights)
    made = quiz(
        Run(run, strict=strict), out, questions=questions, seed=seed, judge=network, data_dir=data
    )
    if as_json:
        print_json(made)
        return
    of_all = f"of {made.questions} (by chance: 1 in {made.choices})"
    say(
        f"{made.questions} of {made.elites} images, {made.choices} classes to choose from "
        f"({out / 'choices.txt'})\nsheet: {out / 'sheet.png'}; answers: "
        f"{out / 'answers.png'}, {out / 'answer_key.csv'} (and .json)"
    )
    if made.nearest_right is None:
        say(f"nearest training image: not computed; {made.nearest_missing}")
    else:
        say(f"nearest training image has the image's class: {made.nearest_right} {of_all}")
    if made.judge_right is None:
        say("judge: none; name one with --judge")
    else:
        resized = " (images resized to its input size)" if made.judge_scaled else ""
        say(f"judge {judge}{resized} gives the image's class: {made.judge_right} {of_all}")


def _print_results(files: tuple[Path, ...], as_json: bool) -> None:
    """Prints how many images people named right."""
    start_jax()
    from dataclasses import asdict

    from evofool.cli.console import make_table, output, print_json
    from evofool.measures import quiz_results
    from evofool.support import rounded_percent

    found = quiz_results(files)
    if as_json:
        print_json(asdict(found))
        return
    names = {"elite": "evolved", "real": "real"}
    rows = [
        (
            names[named.kind],
            named.label or "all classes",
            f"{named.share.successes} of {named.share.n}",
            rounded_percent(named.share.share),
            f"{rounded_percent(named.share.low)} to {rounded_percent(named.share.high)}",
        )
        for named in (*found.overall, *found.by_class)
    ]
    output().print(make_table(["images", "class", "right", "share", "95 % interval"], rows))
    say(f"{found.answers} answers in {found.quizzes} quizzes; by chance 1 in 4 is right")
