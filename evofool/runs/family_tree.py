"""The family tree of a run's elites: what they share, and how it wandered from class to class.

Everything is read from the records of `evolution.lineage`; lines of descent are those of first
parents, as `Elite.steps` has them.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Float, Int

from evofool.runs.run import Elite, Run
from evofool.support import UserError


class Move(NamedTuple):
    """A parent and a child in the family tree of the elites that are alive.

    Attributes:
        run_index: which of the run's independent runs.
        generation: in which the child was born.
        child: its index in that generation.
        source: class index; the parent was drawn as the elite of this class.
        target: class index; the child held it, at the end or when it became a parent itself.
    """

    run_index: int
    generation: int
    child: int
    source: int
    target: int


def moves(elites: Sequence[Elite]) -> list[Move]:
    """Lists the parents and children among the ancestors of elites, each pair once.

    A child that held two classes when it became a parent counts for both.

    Args:
        elites: of one run.

    Returns:
        The oldest first.
    """
    found: set[Move] = set()
    for elite in elites:
        offset, outputs = elite.run.card.class_offset, elite.run.outputs
        for step, parent in itertools.pairwise(elite.steps):
            source, target = (outputs[one.cell] - offset for one in (parent, step))
            found.add(Move(elite.run_index, step.generation, step.child, source, target))
    return sorted(found, key=lambda move: (move.generation, move.child, move))


def move_matrix(found: Sequence[Move], classes: int) -> Int[np.ndarray, "source target"]:
    """Counts moves by class: entry (a, b) is how often the elite of a became a parent for b."""
    matrix = np.zeros((classes, classes), int)
    np.add.at(matrix, ([move.source for move in found], [move.target for move in found]), 1)
    return matrix


def kinship(elites: Sequence[Elite]) -> Float[np.ndarray, "elites elites"]:
    """Returns what share of their ancestors every two elites have in common.

    An elite counts among its ancestors. The share is that of Jaccard: ancestors of both over
    ancestors of either. 1 for the same child in two classes, 0 without a common origin.

    Args:
        elites: of one run; those of different independent runs share nothing.
    """
    lines = [
        [(elite.run_index, step.generation, step.child) for step in elite.steps] for elite in elites
    ]
    number = {born: index for index, born in enumerate(dict.fromkeys(itertools.chain(*lines)))}
    columns = [number[born] for line in lines for born in line]
    rows = np.repeat(np.arange(len(lines)), [len(line) for line in lines])
    is_ancestor = scipy.sparse.csr_array(
        (np.ones(len(rows)), (rows, columns)), (len(lines), len(number))
    )
    common = (is_ancestor @ is_ancestor.T).toarray()
    sizes = np.diag(common)
    return common / (sizes[:, None] + sizes[None, :] - common)


def classes_held(elite: Elite) -> int:
    """Counts the different classes whose elites an elite's line of descent has been."""
    return len({step.cell for step in elite.steps})


class Switches(NamedTuple):
    """How new elites came about, over the logged generations of a run.

    Attributes:
        generations: logged, without generation 0.
        entries: cells that were taken.
        switches: entries whose parent was the elite of another class.
    """

    generations: int
    entries: int
    switches: int

    @property
    def share(self) -> float:
        """Goal switches among the entries, in [0, 1]."""
        return self.switches / self.entries


def goal_switches(
    run: Run, run_index: int = 0, *, first: int = 1, last: int | None = None
) -> Switches:
    """Counts new elites, and those among them whose parent was the elite of another class.

    Generation 0 has no parents and does not count. A run logs every `log_every`-th generation, so
    that the figures are a sample of its generations.

    Args:
        run: a run.
        run_index: which of its independent runs.
        first: generation to begin with.
        last: generation to end with; that of the newest line unless given.

    Raises:
        UserError: no cell was taken in a logged generation of that range.

    References:
        Nguyen, Yosinski and Clune, "Innovation engines: automated creativity and improved
        stochastic optimization via deep learning", GECCO 2015: goal switching.
    """
    lines = [
        line
        for line in run.metrics
        if line["run"] == run_index
        and line["generation"] >= max(first, 1)
        and (last is None or line["generation"] <= last)
    ]
    entries = sum(line["replacements"] for line in lines)
    if not entries:
        raise UserError(
            f"{run.folder} has logged no new elite in generations {first}..{last or 'the last'}; "
            "expected a longer run or another range"
        )
    switches = sum(line["class_changes"] for line in lines)
    return Switches(len(lines), entries, switches)
