"""The commands that look at runs: inspect, compare, render, descent, gallery."""

from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from evofool.cli.flags import ClassName, ClassNames, Json, MaybeClassName, RunFolder
from evofool.cli.startup import start_jax
from evofool.support import UserError

Sort = Literal["class", "confidence", "group"]
ShowAll = Annotated[bool, tyro.conf.arg(name="all")]
MOST_COLUMNS = 64  # of an image in the terminal


def inspect(
    run: RunFolder,
    *,
    run_index: int = 0,
    class_name: MaybeClassName = None,
    group: str | None = None,
    sort: Sort | None = None,
    top: int = 10,
    show_all: ShowAll = False,
    as_json: Json = False,
) -> None:
    """Prints a table of the elites of a run, or everything about one of them.

    The table: class, confidence, its log-odds (the fitness), strongest other class, generation
    born, size of the network, ancestors (generations in the line of descent), and how often that
    line changed class. Of more than 30 elites: a summary, the groups of ImageNet's classes, and
    the two ends of the table. With --class: the network as text, the line of descent, and the
    image (in a colour terminal).

      evofool inspect runs/cppn-0
      evofool inspect runs/cppn-0 --class 7
      evofool inspect runs/imagenet-cppn-0 --class starfish
      evofool inspect runs/imagenet-cppn-0 --group dogs --all
      evofool inspect runs/cppn-0 --json

    Args:
        run: run directory.
        run_index: which of the independent runs made with --runs.
        class_name: a class, by index, label or WordNet id.
        group: only this group of ImageNet's classes, for instance dogs.
        sort: order of the table; by class up to 30 classes and by confidence beyond, unless given
            (JSON: by class).
        top: rows from each end of the table, when there are more than 30.
        show_all: all rows, however many.
        as_json: print JSON.
    """
    if top < 1:
        raise UserError(f"--top is {top}; expected at least 1 row")
    start_jax()
    from evofool.cli.console import output, print_json
    from evofool.cli.tables import elites_report, elites_table, summary_of
    from evofool.runs import Run, inspect, inspect_groups

    opened = Run(run)
    if class_name is not None:
        _inspect_elite(opened.elite(class_name, run_index), as_json)
        return
    if as_json and sort is None:
        sort = "class"
    elites = inspect(opened, run_index=run_index, group=group, sort=sort)
    if as_json:
        content = {
            "run": run,
            "generation": opened.generation,
            "summary": summary_of(elites),
            "groups": inspect_groups(elites),
            "elites": elites,
        }
        print_json(content)
    elif show_all:
        output().print(elites_table(elites))
    else:
        output().print(*elites_report(elites, ends=top), sep="\n")


def _inspect_elite(elite: Any, as_json: bool) -> None:
    from evofool.cli.console import half_blocks, output, print_json
    from evofool.cli.tables import elites_table
    from evofool.runs import facts, genome_json, genome_text, stepping_stones

    stones = stepping_stones(elite)
    if as_json:
        lineage = [stone._asdict() for stone in stones]
        print_json({"elite": facts(elite), "lineage": lineage, "genome": genome_json(elite)})
        return
    console = output()
    console.print(elites_table([facts(elite)]))
    if console.is_terminal and console.color_system and not console.no_color:
        console.print()
        room = min(console.width, 2 * (console.height - 4), MOST_COLUMNS)
        console.print(half_blocks(elite.image(), columns=max(room, 1)))
    console.print("\nline of descent (generation: class whose elite it was)")
    console.print("  " + " -> ".join(f"{stone.generation}: {stone.label}" for stone in stones))
    console.print("\ngenome")
    console.print(genome_text(elite), markup=False, soft_wrap=True)


def compare(
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional], *, as_json: Json = False
) -> None:
    """Prints one table of several runs, a line for each independent run.

    Evaluations, least and median confidence over the classes, number of classes at .9, .99 and
    .9999 or more, and the first logged generations with a median of .9 and of .9999 or more.

      evofool compare runs/*
      evofool compare runs/cppn-0 runs/direct-0 --json

    Args:
        runs: run directories.
        as_json: print JSON.
    """
    start_jax()
    from evofool.cli.console import output, print_json
    from evofool.cli.tables import comparison_table
    from evofool.runs import compare

    lines = compare(runs)
    if as_json:
        print_json(lines)
    else:
        output().print(comparison_table(lines))


def render(
    run: RunFolder,
    *,
    class_name: ClassName,
    size: int = 1024,
    out: Path,
    run_index: int = 0,
) -> None:
    """Draws a CPPN elite anew, at any resolution.

      evofool render runs/cppn-0 --class 7 --size 2048 --out seven.png

    Args:
        run: run directory.
        class_name: a class, by index, label or WordNet id.
        size: width and height in pixels.
        out: image to write, PNG by its name or any other format that Pillow knows.
        run_index: which of the independent runs made with --runs.
    """
    start_jax()
    from evofool.images import save_image
    from evofool.runs import render

    save_image(render(run, class_name, size=size, run_index=run_index), out)
    print(out)


def descent(
    run: RunFolder,
    *,
    class_name: ClassName,
    out: Path,
    run_index: int = 0,
) -> None:
    """Draws how an elite came about: its ancestors, each where the line entered another class.

    Below each: the class that it held, the generation it was born in, and the confidence.

      evofool descent runs/cppn-0 --class 7 --out seven.png
      evofool descent runs/imagenet-cppn-0 --class hummingbird --out stones.jpg

    Args:
        run: run directory.
        class_name: a class, by index, label or WordNet id.
        out: image to write; PNG, JPEG or another format by its name.
        run_index: which of the independent runs made with --runs.
    """
    start_jax()
    from evofool.images import save_image
    from evofool.runs import descent

    save_image(descent(run, class_name, run_index=run_index), out)
    print(out)


def gallery(
    run: RunFolder,
    *,
    out: Path,
    run_index: int | None = None,
    class_names: ClassNames = (),
    group: str | None = None,
    sort: Sort | None = None,
    per_page: int = 100,
    page: int | None = None,
) -> None:
    """Draws contact sheets: every elite with its label and confidence.

    What does not fit on one sheet goes to OUT with -01, -02, ... after its name.

      evofool gallery runs/cppn-0 --out sheet.png
      evofool gallery runs/cppn-0 --out second.png --run-index 1
      evofool gallery runs/imagenet-cppn-0 --out sheet.jpg --sort group
      evofool gallery runs/imagenet-cppn-0 --out dogs.jpg --group dogs --page 1

    Args:
        run: run directory.
        out: image to write; PNG, JPEG or another format by its name.
        run_index: only this one of the independent runs made with --runs; all unless given.
        class_names: only these classes, by index, label or WordNet id.
        group: only this group of ImageNet's classes, for instance dogs.
        sort: class, confidence (most certain first), or group (under headings); by class up to 30
            classes and by confidence beyond, unless given.
        per_page: most elites on a sheet.
        page: only this sheet, counted from 1.
    """
    start_jax()
    from evofool.images import save_pages
    from evofool.runs import gallery

    pages = gallery(
        run,
        run_index=run_index,
        classes=class_names,
        group=group,
        sort=sort,
        per_page=per_page,
        page=page,
    )
    for path in save_pages(pages, out):
        print(path)
