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
from jaxtyping import Float

from evofool.analysis import permutation_test
from evofool.classifiers import first_name, imagenet_group
from evofool.evolution import HIGH, Step, class_changes
from evofool.experiments.bench import NETWORK, Lab, evolve_long
from evofool.experiments.registry import Experiment, Whole
from evofool.experiments.report import Figure, Findings, Row, Table, Verdict
from evofool.images import save_image, write_matrix
from evofool.runs import (
    Elite,
    Move,
    Run,
    classes_held,
    draw_stones,
    goal_switches,
    move_matrix,
    moves,
    stones_of,
)

PERIODS = 4  # of a run, for the table of switches over time


class Line(NamedTuple):
    """A line of descent in numbers: ancestors, changes of class, and different classes."""

    ancestors: int
    changes: int
    classes: int


class Tree(NamedTuple):
    """The elites of one independent run, and the family tree they are the leaves of."""

    run: Run
    run_index: int
    elites: list[Elite]
    lines: list[Line]
    moves: list[Move]
    founders: list[int]  # elites that descend from each image of generation 0, most first


def mnist(lab: Lab) -> Findings:
    """Digits: runs of the default set-up."""
    run = lab.evolve("lenet", generations=lab.choose(full=200, small=20), runs=lab.seeds)
    trees = [grow(run, index) for index in range(lab.seeds)]
    matrix = _all_moves(trees, 10)
    _write_moves(lab, _by_target(matrix), run.card.labels, "digit")
    return _findings(lab, trees)


def imagenet(lab: Lab) -> Findings:
    """A thousand classes: the long runs."""
    trees = [grow(evolve_long(lab, seed), 0) for seed in range(lab.seeds)]
    groups = np.array([imagenet_group(index) for index in range(1000)])
    names = [name for name, _ in Counter(groups.tolist()).most_common()]
    is_member = np.array([[group == name for name in names] for group in groups], int)
    matrix = _all_moves(trees, len(groups))
    np.fill_diagonal(matrix, 0)  # a class that improves itself changes no group
    _write_moves(lab, _by_target(is_member.T @ matrix @ is_member), names, "group")
    return _findings(lab, trees, _groups_table(trees, groups))


def grow(run: Run, run_index: int) -> Tree:
    """Reads the family tree of an independent run's elites."""
    elites = run.elites(run_index)
    steps = [elite.steps for elite in elites]
    return Tree(
        run=run,
        run_index=run_index,
        elites=elites,
        lines=[
            Line(len(each) - 1, class_changes(each), classes_held(elite))
            for elite, each in zip(elites, steps, strict=True)
        ],
        moves=moves(elites),
        founders=[count for _, count in Counter(_founder(each) for each in steps).most_common()],
    )


def _founder(steps: Sequence[Step]) -> tuple[int, int]:
    return steps[-1].generation, steps[-1].child


def _findings(lab: Lab, trees: Sequence[Tree], *tables: Table) -> Findings:
    switches = [goal_switches(tree.run, tree.run_index) for tree in trees]
    shares = [one.share for one in switches]
    entries = sum(one.entries for one in switches)
    elites = len(trees[0].elites)
    changes = [float(np.median([line.changes for line in tree.lines])) for tree in trees]
    held = [float(np.median([line.classes for line in tree.lines])) for tree in trees]
    travelled = [float(np.mean([line.classes > 1 for line in tree.lines])) for tree in trees]
    largest = [tree.founders[0] / len(tree.elites) for tree in trees]
    shown = _draw_longest(lab, trees[0])
    each = f"{elites} elites a run"
    return Findings(
        summary=("lineages serve many classes (no figure)", f"{np.median(held):g} classes a line"),
        rows=[
            Row(
                what="new elites whose parent was the elite of another class (goal switches)",
                ours=shares,
                unit="%",
                n=f"{entries:,} new elites in the logged generations",
            ),
            Row(what="different classes along a line of descent, median", ours=held, n=each),
            Row(what="changes of class along a line, median", ours=changes, n=each),
            Row(what="lines that held another class before", ours=travelled, unit="%", n=each),
            Row(
                what="elites that descend from the most fertile image of generation 0",
                ours=largest,
                unit="%",
                n=each,
            ),
            Row(
                what="images of generation 0 with descendants among the elites",
                ours=[float(len(tree.founders)) for tree in trees],
                n=f"of {trees[0].run.config.batch_size}",
            ),
        ],
        tables=[_periods_table(trees), *tables],
        images=[
            Figure(file="line.jpg", caption=shown),
            Figure(
                file="moves.png",
                caption="Which class's elite was the parent (columns) of an ancestor in which class"
                " (rows): share of each row, all runs together",
            ),
        ],
        notes=[
            "A goal switch is a child that takes the cell of a class although its parent was the "
            "elite of another one. Their share counts every cell that was taken in a logged "
            "generation, whether or not the child has descendants today; generation 0, which has "
            "no parents, does not count.",
            "Lines of descent and the matrix are those of the elites that are alive at the end. An "
            "ancestor that was drawn as the elite of several classes counts for each.",
        ],
        verdict=Verdict(
            outcome="reproduced" if min(travelled) > 0.5 else "differs",
            because=f"{100 * np.median(travelled):.0f} % of the elites have an ancestor that was "
            f"the elite of another class, and {100 * np.median(shares):.0f} % of new elites come "
            "from a parent of another class",
        ),
    )


def _periods_table(trees: Sequence[Tree]) -> Table:
    """Shows how the share of goal switches develops."""
    last = trees[0].run.generation
    ends = [last * number // PERIODS for number in range(PERIODS + 1)]
    rows = []
    for first, end in itertools.pairwise(ends):
        found = [
            goal_switches(tree.run, tree.run_index, first=first + 1, last=end)
            for tree in trees
            if _is_logged(tree, first + 1, end)
        ]
        entries, switched = sum(one.entries for one in found), sum(one.switches for one in found)
        rows.append([f"{first + 1}..{end}", entries, switched / entries if entries else None])
    header = ["generations", "new elites (logged generations)", "goal switches, share"]
    return Table(title="Goal switches over time, all runs", header=header, rows=rows)


def _is_logged(tree: Tree, first: int, last: int) -> bool:
    """Whether any cell was taken in the logged generations of a period."""
    return any(
        line["replacements"]
        for line in tree.run.metrics
        if line["run"] == tree.run_index and first <= line["generation"] <= last
    )


def _groups_table(trees: Sequence[Tree], groups: np.ndarray) -> Table:
    """Tests whether lines change to a class of the same group more often than chance would."""
    rows = []
    for tree in trees:
        classes = np.array([elite.class_index for elite in tree.elites])
        changes = [(move.source, move.target) for move in tree.moves if move.source != move.target]
        ends = np.searchsorted(classes, changes)

        def stays(labels: np.ndarray, ends: np.ndarray = ends) -> float:
            return float(np.mean(labels[ends[:, 0]] == labels[ends[:, 1]]))

        found = permutation_test(stays, np.unique(groups[classes], return_inverse=True)[1])
        seed = tree.run.config.seed
        rows.append([seed, len(changes), found.observed, found.expected, f"{found}"])
    return Table(
        title="Changes of class that stay within a group of related classes",
        header=["seed", "changes of class", "share within", "by chance", "labels permuted"],
        rows=rows,
    )


def _all_moves(trees: Sequence[Tree], classes: int) -> np.ndarray:
    return np.sum([move_matrix(tree.moves, classes) for tree in trees], axis=0)


def _by_target(matrix: np.ndarray) -> Float[np.ndarray, "target source"]:
    """Returns the share of every source among the parents of each target."""
    counts = matrix.T.astype(float)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def _write_moves(lab: Lab, shares: np.ndarray, names: Sequence[str], kind: str) -> None:
    texts = [[f"{100 * share:.0f}" for share in row] for row in shares]
    write_matrix(
        shares,
        lab.folder / "moves.png",
        rows=names,
        columns=names,
        row_axis=f"{kind} of the child",
        column_axis=f"{kind} of its parent",
        title="parents of each row, in percent",
        texts=texts,
    )


def _draw_longest(lab: Lab, tree: Tree) -> str:
    """Leaves the line of the certain elite that has been in most classes; returns a caption."""
    certain = [elite for elite in tree.elites if elite.confidence >= HIGH] or tree.elites
    held = {id(elite): line.classes for elite, line in zip(tree.elites, tree.lines, strict=True)}
    elite = max(certain, key=lambda one: held[id(one)])
    stones = stones_of(elite)
    save_image(draw_stones(stones), lab.folder / "line.jpg")
    return (
        f"The line of descent of {first_name(elite.label)!r}, {len(stones)} images: each ancestor"
        f" with which it came to another class. Of the elites with {HIGH:.0%} or more, if any, it "
        f"has been in most classes: {held[id(elite)]}"
    )


EXPERIMENT = Experiment(
    name="stepping-stones",
    title="Do lines of descent pass from class to class, and along which?",
    paper="section 3 (MAP-Elites), supplement",
    parts={
        "mnist": Whole(run=mnist, networks=("lenet",), seeds=5),
        "imagenet": Whole(run=imagenet, networks=(NETWORK,), seeds=2),
    },
)
