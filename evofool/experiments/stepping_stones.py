"""Stepping stones: lines of descent that pass from class to class.

MAP-Elites lets every child compete for every class, so that an image on its way to one class may
become the best of another and go on from there. Where that happens, and along which classes, is
read from the lineage of the runs.
"""

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from evofool.classifiers import first_name, groups_of
from evofool.evolution import HIGH, class_changes
from evofool.experiments.bench import NETWORK, Lab, evolve_digits, evolve_long
from evofool.experiments.registry import Experiment, Part
from evofool.experiments.report import (
    MOST,
    Claim,
    Figure,
    Findings,
    Row,
    Table,
    cells,
    note,
    notes,
    rows_of,
)
from evofool.images import save_image, write_matrix
from evofool.measures import Permuted, permutation_test
from evofool.runs import (
    Run,
    classes_held,
    draw_stones,
    goal_switches,
    move_matrix,
    moves,
    stones_of,
)
from evofool.support import in_markdown

PERIODS = 4  # of a run, for the table of switches over time
TRAVELLED = Claim(
    what="lines that held another class before",
    paper="lineages serve many classes",
    tolerance=MOST,
)


class Tree(NamedTuple):
    """The family tree of an independent run's elites.

    Attributes:
        changes: of class, along the line of descent of each elite.
        held: different classes along that line.
        founders: elites that descend from each image of generation 0, most first.
        moves: how often an elite of a class (row) was the parent of an ancestor in one (column).
        entries: cells that were taken in the logged generations of each period.
        switches: those of them whose parent was the elite of another class.
    """

    changes: Int[np.ndarray, " elites"]
    held: Int[np.ndarray, " elites"]
    founders: Int[np.ndarray, " founders"]
    moves: Int[np.ndarray, "source target"]
    entries: Int[np.ndarray, " periods"]
    switches: Int[np.ndarray, " periods"]


class Measures(NamedTuple):
    """The trees of all independent runs; on ImageNet a test of each.

    Attributes:
        trees: of the elites.
        stays: whether lines change to a class of the same group more often than by chance.
    """

    trees: list[Tree]
    stays: list[Permuted]


def measure_digits(lab: Lab) -> Measures:
    """Reads the lineage of digits evolved against the LeNet that ships with evofool."""
    run = evolve_digits(lab, "lenet")
    return Measures([grow(run, index) for index in range(lab.seeds)], [])


def measure_thousand(lab: Lab) -> Measures:
    """Reads the lineage of the long runs on a thousand classes."""
    runs = [evolve_long(lab, seed) for seed in range(lab.seeds)]
    trees = [grow(run, 0) for run in runs]
    return Measures(trees, [_test(run, tree) for run, tree in zip(runs, trees, strict=True)])


def grow(run: Run, run_index: int) -> Tree:
    """Reads the family tree of an independent run's elites."""
    elites = run.elites(run_index)
    steps = [elite.steps for elite in elites]
    founders = Counter((line[-1].generation, line[-1].child) for line in steps)
    goal_switches(run, run_index)  # there are some, or it says what is wrong
    lines = [line for line in run.metrics if line["run"] == run_index and line["generation"] > 0]
    period = np.searchsorted(_ends(run)[1:], [line["generation"] for line in lines])
    entries, switches = (
        np.bincount(period, [line[what] for line in lines], PERIODS).astype(int)
        for what in ("replacements", "class_changes")
    )
    return Tree(
        changes=np.array([class_changes(line) for line in steps]),
        held=np.array([classes_held(elite) for elite in elites]),
        founders=np.array([count for _, count in founders.most_common()]),
        moves=move_matrix(moves(elites), len(run.card.labels)),
        entries=entries,
        switches=switches,
    )


def _ends(run: Run) -> list[int]:
    """Returns the generations between which the periods lie."""
    return [run.generation * number // PERIODS for number in range(PERIODS + 1)]


def _test(run: Run, tree: Tree) -> Permuted:
    """Permutes the groups of the classes that were evolved for."""
    classes = [output - run.card.class_offset for output in run.outputs]
    groups = np.unique(np.array(groups_of(run.card))[classes], return_inverse=True)[1]
    changes = _changes(tree)[np.ix_(classes, classes)]
    source, target = np.nonzero(changes)
    times = changes[source, target]

    def stays(labels: np.ndarray) -> float:
        return float(np.average(labels[source] == labels[target], weights=times))

    return permutation_test(stays, groups)


def _changes(tree: Tree) -> Int[np.ndarray, "source target"]:
    """Returns the moves from one class to another."""
    return tree.moves * (1 - np.eye(len(tree.moves), dtype=int))


def report_digits(lab: Lab, measures: Measures) -> Findings:
    """Asks through which digits lines of descent pass."""
    run = evolve_digits(lab, "lenet")
    matrix = np.sum([tree.moves for tree in measures.trees], axis=0)
    return _report(lab, run, measures, _draw_moves(lab, matrix, run.card.labels, "digit"))


def report_thousand(lab: Lab, measures: Measures) -> Findings:
    """Asks through which groups of classes lines of descent pass."""
    run = evolve_long(lab)
    groups = np.array(groups_of(run.card))
    names = [name for name, _ in Counter(groups.tolist()).most_common()]
    is_member = (groups[:, None] == np.array(names)).astype(int)
    # a class that improves itself changes no group
    matrix = np.sum([_changes(tree) for tree in measures.trees], axis=0)
    moved = _draw_moves(lab, is_member.T @ matrix @ is_member, names, "group")
    lines = [
        {"seed": seed, "changes of class": int(_changes(tree).sum())}
        | {"share within": test.observed, "by chance": test.expected}
        | {"labels permuted": cells.test(test)}
        for seed, (tree, test) in enumerate(zip(measures.trees, measures.stays, strict=True))
    ]
    title = "Changes of class that stay within a group of related classes"
    return _report(lab, run, measures, moved, Table.of(title, lines))


def _report(lab: Lab, run: Run, measures: Measures, moved: Figure, *tables: Table) -> Findings:
    trees, elites = measures.trees, len(measures.trees[0].held)
    entries, switches = np.sum([(tree.entries, tree.switches) for tree in trees], axis=0)
    held = [float(np.median(tree.held)) for tree in trees]
    shares = {
        TRAVELLED.what: [float(np.mean(tree.held > 1)) for tree in trees],
        "elites that descend from the most fertile image of generation 0": [
            tree.founders[0] / elites for tree in trees
        ],
    }
    counts = {
        "different classes along a line of descent, median": held,
        "changes of class along a line, median": [float(np.median(t.changes)) for t in trees],
    }
    periods = [
        {"generations": f"{end + 1}..{last}", "new elites (logged generations)": int(new)}
        | {"goal switches, share": float(switched / new) if new else None}
        for (end, last), new, switched in zip(
            itertools.pairwise(_ends(run)), entries, switches, strict=True
        )
    ]
    return Findings(
        summary=("lineages serve many classes (no figure)", f"{np.median(held):g} classes a line"),
        rows=[
            *rows_of(shares, claims=[TRAVELLED], n=f"{elites} elites a run"),
            *rows_of(counts, unit="", n=f"{elites} elites a run"),
            Row(
                what="new elites whose parent was the elite of another class (goal switches)",
                ours=[tree.switches.sum() / tree.entries.sum() for tree in trees],
                unit="%",
                n=f"{entries.sum():,} new elites in the logged generations",
            ),
            Row(
                what="images of generation 0 with descendants among the elites",
                ours=[len(tree.founders) for tree in trees],
                n=f"of {run.config.batch_size}",
            ),
        ],
        tables=[Table.of("Goal switches over time, all runs", periods), *tables],
        images=[_draw_longest(lab, run, trees[0]), moved],
        notes=notes("stepping-stones", "both"),
    )


def _draw_moves(lab: Lab, matrix: np.ndarray, names: Sequence[str], kind: str) -> Figure:
    """Draws the share of every source among the parents of each target."""
    counts = matrix.T.astype(float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    write_matrix(
        shares,
        lab.folder / "moves.png",
        rows=names,
        columns=names,
        row_axis=f"{kind} of the child",
        column_axis=f"{kind} of its parent",
        title="parents of each row, in percent",
        texts=[[f"{100 * share:.0f}" for share in row] for row in shares],
    )
    return Figure(
        file="moves.png",
        caption="Which class's elite was the parent (columns) of an ancestor in which class "
        "(rows): share of each row, all runs together",
    )


def _draw_longest(lab: Lab, run: Run, tree: Tree) -> Figure:
    """Draws the line of the certain elite that has been in most classes."""
    elites = run.elites()
    certain = [place for place, elite in enumerate(elites) if elite.confidence >= HIGH]
    longest = max(certain or range(len(elites)), key=lambda place: tree.held[place])
    stones = stones_of(elites[longest])
    save_image(draw_stones(stones), lab.folder / "line.jpg")
    label, held = in_markdown(first_name(elites[longest].label)), tree.held[longest]
    caption = note("stepping-stones", "line", label=label, stones=len(stones), bar=HIGH, held=held)
    return Figure(file="line.jpg", caption=caption)


EXPERIMENT = Experiment(
    name="stepping-stones",
    title="Do lines of descent pass from class to class, and along which?",
    so_what=(
        "If elites descend from elites of other classes, a search for many classes at once gets "
        "where a search for one does not."
    ),
    paper="section 3 (MAP-Elites), supplement",
    parts={
        "mnist": Part(
            measure=measure_digits,
            report=report_digits,
            claims=(TRAVELLED,),
            networks=("lenet",),
            seeds=5,
        ),
        "imagenet": Part(
            measure=measure_thousand,
            report=report_thousand,
            claims=(TRAVELLED,),
            networks=(NETWORK,),
            seeds=2,
        ),
    },
)
