"""Which elites of a run to look at, and in which order."""

from collections.abc import Sequence

from evofool.classifiers import check_groups, groups_of, resolve_class
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


def group_of(elite: Elite) -> str:
    """Returns the group of an elite's class; empty where classes have no groups."""
    groups = groups_of(elite.run.card)
    return groups[elite.class_index] if groups else ""
