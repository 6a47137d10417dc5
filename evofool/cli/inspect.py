"""The command that prints what is in a run: inspect."""

from typing import TYPE_CHECKING, Annotated

import tyro

from evofool.cli.flags import Json, MaybeClassName, RunFolder, Sort, refuse_unused
from evofool.cli.numbers import Index, MaybeCount
from evofool.cli.startup import start_jax

if TYPE_CHECKING:
    from evofool.runs import Elite

ShowAll = Annotated[bool, tyro.conf.arg(name="all")]
ROWS_AT_ENDS = 10  # of a long table
MOST_COLUMNS = 64  # of an image in the terminal


def inspect(
    run: RunFolder,
    *,
    run_index: Index = 0,
    class_name: MaybeClassName = None,
    group: str | None = None,
    sort: Sort | None = None,
    top: MaybeCount = None,
    show_all: ShowAll = False,
    strict: bool = False,
    as_json: Json = False,
) -> None:
    """Prints a table of the elites of a run, or one elite in detail.

    The table has a row for each class: confidence, log-odds (the fitness), the runner-up class,
    the generation in which the elite was born, nodes and connections of its network, the number of
    its ancestors, and how often its line of descent changed class. A run of more than 30 classes
    is summarised: a line of totals, the groups of ImageNet's classes, and both ends of the table.
    With --class: the elite's network as text, its line of descent and, in a colour terminal, its
    image.

      evofool inspect runs/cppn-0
      evofool inspect runs/cppn-0 --class 7
      evofool inspect runs/imagenet-cppn-0 --class starfish
      evofool inspect runs/imagenet-cppn-0 --group dogs --all
      evofool inspect runs/cppn-0 --json

    Args:
        run: run directory.
        run_index: which of the independent runs of evolve --runs, from 0.
        class_name: show the elite of this class: a label, an index (or index:3) or a WordNet id.
        group: only the classes of this ImageNet group, for instance dogs.
        sort: order of the rows; by default class for up to 30 classes and for JSON, otherwise
            confidence.
        top: number of rows from each end of the table of more than 30 classes; by default 10.
        show_all: print all rows, however many.
        strict: exit with code 1 if the newest checkpoint is damaged; by default an older one is
            used, with a warning.
        as_json: print JSON.
    """
    if class_name is not None:
        refuse_unused("with --class", group=group, sort=sort, top=top, all=show_all)
    if as_json or show_all:
        refuse_unused("with --json or --all: all rows are printed", top=top)
    if as_json:
        refuse_unused("with --json: all rows are printed", all=show_all)
    start_jax()
    from evofool.cli.console import output, print_json
    from evofool.cli.tables import elites_report, elites_table, summary_of
    from evofool.runs import Run, fitness_text, inspect, inspect_groups

    opened = Run(run, strict=strict)
    if class_name is not None:
        _print_elite(opened.elite(class_name, run_index), as_json)
        return
    if as_json and sort is None:
        sort = "class"
    elites = inspect(opened, run_index=run_index, group=group, sort=sort)
    if as_json:
        content = {
            "run": run,
            "generation": opened.generation,
            "fitness": fitness_text(opened.config),
            "summary": summary_of(elites),
            "groups": inspect_groups(elites),
            "elites": elites,
        }
        print_json(content)
    elif show_all:
        output().print(elites_table(elites, write=opened.percent))
    else:
        output().print(
            *elites_report(elites, ends=top or ROWS_AT_ENDS, write=opened.percent), sep="\n"
        )
    if opened.config.wear and not as_json:
        output().print(f"confidence: {fitness_text(opened.config)}")


def _print_elite(elite: "Elite", as_json: bool) -> None:
    from evofool.cli.console import half_blocks, output, print_json
    from evofool.cli.tables import elites_table
    from evofool.runs import facts, genome_json, genome_text, stepping_stones
    from evofool.support import printable

    stones = stepping_stones(elite)
    if as_json:
        lineage = [stone._asdict() for stone in stones]
        print_json({"elite": facts(elite), "lineage": lineage, "genome": genome_json(elite)})
        return
    console = output()
    console.print(elites_table([facts(elite)], write=elite.run.percent))
    if console.is_terminal and console.color_system and not console.no_color:
        console.print()
        room = min(console.width, 2 * (console.height - 4), MOST_COLUMNS)
        console.print(half_blocks(elite.image(), columns=max(room, 1)))
    console.print("\nline of descent (generation: class whose elite the ancestor was)")
    console.print("  " + printable(" -> ".join(f"{s.generation}: {s.label}" for s in stones)))
    console.print("\ngenome")
    console.print(genome_text(elite), markup=False, soft_wrap=True)
