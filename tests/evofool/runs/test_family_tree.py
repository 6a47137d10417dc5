import itertools

import numpy as np
import pytest

from evofool import Run, UserError
from evofool.evolution.lineage import class_changes
from evofool.runs.family_tree import classes_held, goal_switches, kinship, move_matrix, moves


def ancestors(elite) -> set[tuple[int, int, int]]:
    return {(elite.run_index, step.generation, step.child) for step in elite.steps}


def test_kinship_is_the_share_of_common_ancestors(cppn_run: Run):
    elites = [*cppn_run.elites(0), *cppn_run.elites(1)]
    found = kinship(elites)
    for (i, one), (j, other) in itertools.product(enumerate(elites), repeat=2):
        mine, theirs = ancestors(one), ancestors(other)
        assert found[i, j] == pytest.approx(len(mine & theirs) / len(mine | theirs))
    np.testing.assert_array_equal(found[:10, 10:], 0)  # independent runs have no common ancestor
    np.testing.assert_array_equal(np.diag(found), 1)


def test_every_step_of_every_line_is_a_move_once(cppn_run: Run):
    elites = cppn_run.elites(1)
    found = moves(elites)
    assert len(set(found)) == len(found)
    assert [move.generation for move in found] == sorted(move.generation for move in found)
    parents = {
        (step.generation, step.child, parent.cell, step.cell)
        for elite in elites
        for step, parent in itertools.pairwise(elite.steps)
    }
    assert {(m.generation, m.child, m.source, m.target) for m in found} == parents
    assert all(move.run_index == 1 for move in found)


def test_moves_name_classes_and_not_cells(direct_run: Run):
    # the run has cells for the classes 3, 7 and 9 only
    found = moves(direct_run.elites())
    assert found
    assert {move.source for move in found} | {move.target for move in found} <= {3, 7, 9}


def test_the_matrix_of_moves_counts_them_by_class(cppn_run: Run):
    found = moves(cppn_run.elites())
    matrix = move_matrix(found, 10)
    assert matrix.sum() == len(found)
    for source, target in itertools.product(range(10), repeat=2):
        counted = sum((m.source, m.target) == (source, target) for m in found)
        assert matrix[source, target] == counted


def test_a_line_held_at_most_one_class_more_than_it_changed(cppn_run: Run):
    for elite in cppn_run.elites():
        assert 1 <= classes_held(elite) <= class_changes(elite.steps) + 1


def test_goal_switches_are_counted_after_generation_0(cppn_run: Run):
    lines = [line for line in cppn_run.metrics if line["generation"] > 0 and line["run"] == 1]
    found = goal_switches(cppn_run, 1)
    assert found.entries == sum(line["replacements"] for line in lines)
    assert found.generations == len(lines) == 12
    assert 0 < found.switches < found.entries
    assert found.share == found.switches / found.entries
    early = goal_switches(cppn_run, 1, last=6)
    late = goal_switches(cppn_run, 1, first=7)
    assert early.entries + late.entries == found.entries


def test_a_range_without_new_elites_is_said(cppn_run: Run):
    with pytest.raises(UserError, match=r"no new elite in generations 999\.\.the last"):
        goal_switches(cppn_run, first=999)
