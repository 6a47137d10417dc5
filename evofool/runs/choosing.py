"""Which elites of a run to look at, and in which order."""

from collections.abc import Sequence
from pathlib import Path

from evofool.classifiers import check_groups, groups_of, resolve_class
from evofool.runs.favourites import Favourite, read_favourites
from evofool.runs.run import Elite, Run
from evofool.support import UserError, unknown_name

SORTS = ("class", "confidence", "group")
MOST_BY_CLASS = 30  # more classes than that are sorted by confidence unless told otherwise


def select(
    run: Run,
    *,
    run_index: int | None = None,
    classes: Sequence[str] = (),
    group: str | None = None,
    sort: str | None = None,
) -> list[Elite]:
    """Returns the elites that are asked for, in the order asked for.

    Args:
        run: whose elites.
        run_index: one of the independent runs; all of them unless given.
        classes: indices, labels or WordNet ids; all unless given.
        group: of ImageNet's classes, for instance "dogs"; all unless given.
        sort: "class" (run by run), "confidence" (most certain first), or "group" (by name, most
            certain first within); by class up to 30 classes and by confidence beyond, unless
            given.

    Raises:
        UserError: no such run, class, group or order, or groups are asked for where there are
            none.
    """
    if sort is not None and sort not in SORTS:
        raise unknown_name("sort", sort, SORTS)
    if group is not None or sort == "group":
        check_groups(run.card)
    indices = range(run.config.runs) if run_index is None else [run_index]
    if classes:
        wanted = {resolve_class(run.card, name): name for name in classes}
        elites = [run.elite(name, index) for index in indices for name in wanted.values()]
        elites.sort(key=lambda elite: (elite.run_index, elite.cell))
    else:
        elites = [elite for index in indices for elite in run.elites(index)]
    if not elites:
        raise UserError(f"{run.folder} has no elites: no image has got a score that is a number")
    if group is not None:
        groups = sorted({group_of(elite) for elite in elites})
        if group not in groups:
            raise unknown_name("group", group, groups)
        elites = [elite for elite in elites if group_of(elite) == group]
    if sort is None:
        sort = "class" if len(run.outputs) <= MOST_BY_CLASS else "confidence"
    if sort != "class":
        elites.sort(key=lambda elite: -elite.fitness)
    if sort == "group":
        elites.sort(key=group_of)
    return elites


def chosen(
    run: Run,
    *,
    classes: Sequence[str] = (),
    favourites: str | Path | None = None,
    run_index: int = 0,
) -> list[Elite]:
    """Returns the elites that a person has chosen, each once.

    Args:
        run: whose elites.
        classes: indices, labels or WordNet ids.
        favourites: file of favourites, as the browser saves them; they come first.
        run_index: which of the independent runs `classes` are of.

    Raises:
        UserError: nobody is chosen, no such class or run, or none of the favourites is of this run.
    """
    elites = [] if favourites is None else favourites_of(run, favourites)
    elites += [run.elite(name, run_index) for name in classes]
    if not elites:
        raise UserError("no elite is chosen; give --class or --favourites")
    return list({(elite.run_index, elite.cell): elite for elite in elites}.values())


def favourites_of(run: Run, path: str | Path) -> list[Elite]:
    """Returns the elites of a run that are among favourites; others of the file are not its own.

    Raises:
        UserError: the file cannot be read, or names no elite of the run.
    """
    entries = read_favourites(path)
    found = [elite for entry in entries if (elite := find_favourite(run, entry)) is not None]
    if not found:
        raise UserError(
            f"{path}: none of its {len(entries)} favourites is an elite of {run.folder}"
        )
    return found


def find_favourite(run: Run, entry: Favourite) -> Elite | None:
    """Returns a favourite; None if it is not of this run, or an elite no more."""
    run_index = entry["seed"] - run.config.seed
    output = entry["class_index"] + run.card.class_offset
    if run_index not in range(run.config.runs) or output not in run.outputs:
        return None
    cell = run.outputs.index(output)
    is_elite = (run.table["archive.items.born"][run_index, cell] == entry["born"]).all()
    return run.elite(entry["class_index"], run_index) if is_elite else None


def group_of(elite: Elite) -> str:
    """Returns the group of an elite's class; empty where classes have no groups."""
    groups = groups_of(elite.run.card)
    return groups[elite.class_index] if groups else ""
