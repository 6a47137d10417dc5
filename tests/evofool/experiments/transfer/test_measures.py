import numpy as np
import pytest

from evofool.analysis.statistics import Share
from evofool.classifiers.scores import confidence
from evofool.experiments.bench.lab import Lab
from evofool.experiments.bench.supplies import Supplies
from evofool.experiments.transfer import initialisation
from evofool.experiments.transfer.architecture import _shares, _verdict
from evofool.experiments.transfer.measures import by_own_confidence, matrix, near_certain, seen_by
from evofool.runs.transfer import Seen


def make_lab(out, seeds: int = 1) -> Lab:
    lab = Lab(
        experiment="trial", domain="mnist", scale="small", seeds=seeds, out=out, supplies=Supplies()
    )
    lab.folder.mkdir(parents=True)
    return lab


def make_seen(top, log_odds=None, classes=None) -> Seen:
    odds = np.zeros(len(top)) if log_odds is None else np.array(log_odds, float)
    return Seen(
        classes=np.arange(len(top)) if classes is None else np.array(classes),
        top=np.array(top),
        confidence=confidence(odds),
        log_odds=odds,
    )


@pytest.mark.slow
def test_elites_are_shown_once_and_kept(tmp_path, monkeypatch):
    run = make_lab(tmp_path).evolve("lenet", generations=1, batch_size=10, runs=2)
    lab = Lab(
        experiment="t", domain="mnist", scale="small", seeds=1, out=tmp_path, supplies=Supplies()
    )
    first = seen_by(lab, run, ("lenet",))["lenet"]
    monkeypatch.setattr("evofool.experiments.transfer.measures.look", None)
    again = seen_by(lab, run, ("lenet",))["lenet"]
    elites = [*run.elites(0), *run.elites(1)]
    np.testing.assert_allclose(first.confidence, [e.confidence for e in elites], rtol=1e-4)
    assert first.classes.tolist() == [e.class_index for e in elites]
    np.testing.assert_array_equal(first.top, again.top)
    np.testing.assert_array_equal(first.log_odds, again.log_odds)


def test_near_certain_images_are_so_on_every_network():
    a, b = make_seen([0, 1, 2], [10, 10, 0]), make_seen([0, 1, 2], [10, 0, 10])
    assert near_certain(a, b).tolist() == [True, False, False]


def test_images_are_counted_by_their_own_confidence():
    before = make_seen([0, 1, 2, 3], [-3, 3, 3, 12])
    after = make_seen([0, 1, 9, 3], [0, 2, 4, 6])
    rows = by_own_confidence(before, after, title="a to b").rows
    assert [row[:2] for row in rows] == [
        ["0 to 0.5", 1],
        ["0.9 to 0.99", 2],
        ["0.9999 and more", 1],
    ]
    assert [str(row[2]).split(" ")[0] for row in rows] == ["100.0%", "50.0%", "100.0%"]
    assert rows[1][3] == pytest.approx(np.median(confidence(np.array([2.0, 4.0]))))


def test_matrix_has_a_row_per_run_and_a_column_per_network(tmp_path):
    a, b = make_seen([0, 1, 2, 3]), make_seen([0, 1, 9, 9])
    seen = {"a": {"a": a, "b": b}, "b": {"a": a, "b": b}, "a, longer": {"a": a, "b": b}}
    lab = make_lab(tmp_path)
    image, table = matrix(lab, seen, {"a": "a", "b": "b", "a, longer": "a"})
    assert (lab.folder / image.file).exists()
    assert list(table.header) == ["evolved for", "n", "a", "b"]
    shares = [[str(cell).split(" ")[0] for cell in row[2:]] for row in table.rows]
    assert shares == [["100.0%", "50.0%"], ["50.0%", "100.0%"], ["100.0%", "50.0%"]]


def test_shares_are_those_of_ordered_pairs_of_networks():
    a, b = make_seen([0, 1, 2, 3], [10, 10, 10, 0]), make_seen([0, 1, 9, 9], [10, 0, 0, 10])
    seen = {"a": {"a": a, "b": b}, "b": {"a": a, "b": b}}
    assert {way: one.share for way, one in _shares(seen).items()} == {
        ("a", "b"): 0.5,
        ("b", "a"): 0.5,
    }
    assert _shares(seen, certain=True)["a", "b"].successes == 1


@pytest.mark.parametrize(
    ("shares", "said"),
    [((0.2, 0.3), "reproduced"), ((0.2, 0.6), "in part"), ((0.01, 0.6), "differs")],
)
def test_transfer_is_compared_with_the_two_published_shares(shares, said):
    pairs = {("a", "b"): shares[0], ("b", "a"): shares[1]}
    found = {pair: Share(value, 0.0, 1.0, 0, 100) for pair, value in pairs.items()}
    assert _verdict(found).outcome == said


def test_digits_that_keep_their_label_come_first():
    classes = np.tile(np.arange(10), 3)
    before = make_seen(classes, classes=classes)
    kept = np.isin(classes, initialisation.BEST)
    odds = np.where(classes == 9, 5.0, 1.0)
    after = make_seen(np.where(kept, classes, (classes + 1) % 10), odds, classes)
    table, best = initialisation._by_digit([(before, after)] * 2, "")
    assert best == {2, 6, 9}
    assert table.rows[0][0] == 9, "the surest of those of which all keep it"
    _, tied = initialisation._by_digit([(before, before)] * 2, "")
    assert tied == set(range(10))
    runs = np.repeat(np.arange(3), 10)
    test = initialisation._test_best(classes, before.top == after.top, runs)
    assert (test.observed, test.n) == (1.0, 30)
    assert test.p < 0.01


@pytest.mark.slow
def test_the_same_network_takes_all_images_for_the_same(tmp_path, monkeypatch):
    def evolve(lab, network, *, is_short=False):
        return lab.evolve(network, generations=1 if is_short else 2, batch_size=10, runs=lab.seeds)

    monkeypatch.setattr(initialisation, "DIGITS", ("lenet", "lenet"))
    monkeypatch.setattr(initialisation, "evolve_digits", evolve)
    lab = make_lab(tmp_path, seeds=2)
    findings = initialisation.mnist(lab)
    same = [row for row in findings.rows if "same label" in row.what]
    assert [list(row.ours) for row in same] == [[1.0]] * 4
    assert [row.what.endswith("generation 1") for row in same] == [False, False, True, True]
    assert (lab.folder / findings.images[0].file).exists()
    assert "p = 1 of 9999 permutations, n = 20" in findings.notes[2]
    assert "8, 9 transfer alike, so that no three are best" in findings.verdict.because
