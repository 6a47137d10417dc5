import re

import numpy as np
import pytest

from evofool.experiments import survival

SETTING = survival.DIGITS._replace(judges=("lenet",))

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory, direct_lab):
    """Pixels evolved for a moment, both ways; findings, measures and lab."""
    lab = direct_lab("survival", tmp_path_factory.mktemp("survival"))
    measures = survival.measure(lab, SETTING)
    return survival.report(lab, measures, SETTING), measures, lab


def test_both_kinds_had_as_many_looks(made):
    _, _, lab = made
    plain, expecting = survival.evolve(lab, SETTING).values()
    assert plain.summary["evaluations"] == expecting.summary["evaluations"]


def test_the_table_begins_with_the_confidence_of_the_archive(made):
    findings, measures, lab = made
    wear, _ = findings.tables
    plain = survival.evolve(lab, SETTING)[survival.PLAIN]
    expected = np.median([elite.confidence for elite in plain.all_elites()])
    assert measures.targets[survival.PLAIN].medians[0][0] == pytest.approx(expected, abs=1e-5)
    assert wear.rows[0][0] == "none"
    low, high = re.fullmatch(r".* \[(.*) %, (.*) %\]", wear.rows[0][1]).groups()
    assert float(low) <= 100 * expected <= float(high)
    assert any(row[0].startswith("blur") and row[0].endswith("*") for row in wear.rows)
    assert not any(row[0] == "shift 2 % *" for row in wear.rows)


def test_the_rows_average_what_was_held_out(made):
    findings, measures, _ = made
    kept = {row.what: row.ours[0] for row in findings.rows}
    for name, target in measures.targets.items():
        figure = kept[f"{name}: confidence under held-out wear"]
        assert figure == pytest.approx(target.held_out.mean())
        assert f"{100 * figure:.3g} %" in findings.result  # the report writes shares as percentages
        assert len(target.held_out) == 4 * 5 + 4 * 2  # other kinds, and stronger amounts


def test_images_are_left(made):
    findings, _, lab = made
    assert all((lab.folder / image.file).exists() for image in findings.images)
    assert (lab.folder / "as-they-are" / "survival.png").exists()
