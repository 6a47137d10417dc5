import numpy as np
import pytest

from evofool.classifiers import confidence
from evofool.classifiers.loading import SHIPPED
from evofool.experiments.bench import Lab, Recognition, Supplies, recognize_elites
from evofool.experiments.report import judge
from evofool.experiments.transfer import architecture, initialisation
from evofool.experiments.transfer.architecture import SAME_LABEL, span
from evofool.experiments.transfer.initialisation import BEST, BEST_DIGITS, rank_digits, test_best
from evofool.experiments.transfer.measures import (
    Measures,
    Pair,
    Shown,
    share_row,
    show_labels,
    tabulate_by_confidence,
)

permute_best = test_best
del test_best  # pytest takes it for a test


def make_lab(out, seeds: int = 1) -> Lab:
    lab = Lab(
        experiment="trial", domain="mnist", scale="small", seeds=seeds, out=out, supplies=Supplies()
    )
    lab.folder.mkdir(parents=True)
    return lab


def look(likeliest, log_odds=None, classes=None) -> Recognition:
    return Recognition(
        classes=np.arange(len(likeliest)) if classes is None else np.array(classes),
        likeliest=np.array(likeliest),
        log_odds=np.zeros(len(likeliest)) if log_odds is None else np.array(log_odds, float),
    )


def pair(before: Recognition, after: Recognition) -> Pair:
    return Pair("a to b", ", early", before, after)


@pytest.fixture(scope="module")
def lab_and_run(tmp_path_factory):
    lab = make_lab(tmp_path_factory.mktemp("transfer"))
    return lab, lab.evolve("lenet", encoding="direct", generations=1, batch_size=10, runs=2)


@pytest.mark.slow
def test_elites_of_all_runs_are_recognised_as_they_were_scored(lab_and_run):
    lab, run = lab_and_run
    seen = recognize_elites(lab, run, ("lenet",))["lenet"]
    elites = [*run.elites(0), *run.elites(1)]
    np.testing.assert_allclose(seen.confidence, [e.confidence for e in elites], rtol=1e-4)
    assert seen.classes.tolist() == [e.class_index for e in elites]
    assert seen.is_fooled.tolist() == (seen.likeliest == seen.classes).tolist()
    every_third = recognize_elites(lab, run, ("lenet",), step=3)["lenet"]
    assert every_third.classes.tolist() == seen.classes[::3].tolist()


def test_certain_images_are_so_on_both_networks():
    a, b = look([0, 1, 2], [10, 10, 0]), look([0, 1, 2], [10, 0, 10])
    assert pair(a, b).is_certain.tolist() == [True, False, False]


def test_images_are_counted_by_the_confidence_of_their_own_network():
    table = tabulate_by_confidence(
        pair(look([0, 1, 2, 3], [-3, 3, 3, 12]), look([0, 1, 9, 3], [0, 2, 4, 6]))
    )
    assert table.title == "a to b, early"
    assert [row[:2] for row in table.rows] == [
        ["0 to 0.5", 1],
        ["0.9 to 0.99", 2],
        ["0.9999 and more", 1],
    ]
    assert [str(row[2]).split(" [")[0] for row in table.rows] == ["100 %", "50.0 %", "100 %"]
    assert table.rows[1][3] == pytest.approx(np.median(confidence(np.array([2.0, 4.0]))))


def shown_of_two() -> list[Shown]:
    a, b = look([0, 1, 2, 3], [10, 10, 10, 0]), look([0, 1, 9, 9], [10, 0, 0, 10])
    by = {"a": a, "b": b}
    return [Shown("a", "", by), Shown("b", "", by), Shown("a", ", longer", by)]


@pytest.mark.slow
def test_matrix_has_a_row_per_run_and_a_column_per_network(lab_and_run):
    lab, _ = lab_and_run
    figure, table = show_labels(lab, shown_of_two())
    assert (lab.folder / figure.file).exists()
    assert list(table.header) == ["evolved for", "n", "a", "b"]
    assert [row[0] for row in table.rows] == ["a", "b", "a, longer"]
    shares = [[str(cell).split(" [")[0] for cell in row[2:]] for row in table.rows]
    assert shares == [["100 %", "50.0 %"], ["50.0 %", "100 %"], ["100 %", "50.0 %"]]


def test_figures_are_those_of_ordered_pairs_of_networks(lab_and_run, monkeypatch):
    lab, run = lab_and_run
    monkeypatch.setattr(architecture, "evolve_digits", lambda lab, name: run)
    measures = Measures(shown_of_two()[:2])
    assert [pair.way for pair in measures.pairs()] == ["a to b", "b to a"]
    findings = architecture.report_digits(lab, measures)
    same, certain = findings.rows
    assert (list(same.ours), list(certain.ours)) == ([0.5, 0.5], [0.25, 0.25])
    assert same.n == "2 ordered pairs, 4 images each"
    assert findings.verdict.outcome == "new"
    _, own = findings.tables
    assert [row[3:] for row in own.rows] == [[3, 3, 3], [2, 2, 2]]


def test_span_names_the_pairs_of_least_and_most_agreement():
    least = Pair("a to b", "", look([0, 1, 2, 3]), look([0, 9, 9, 9]))
    most = Pair("b to a", "", look([0, 1, 2, 3]), look([0, 1, 2, 9]))
    text = "25.0 % (a to b) to 75.0 % (b to a) of the images keep their label"
    assert span([most, least]) == text


@pytest.mark.parametrize(
    ("shares", "outcome"),
    [((0.2, 0.3), "reproduced"), ((0.2, 0.6), "in part"), ((0.01, 0.6), "differs")],
)
def test_transfer_is_compared_with_the_two_published_shares(shares, outcome):
    rows = [share_row("a to b", np.arange(100) < 100 * share, SAME_LABEL) for share in shares]
    assert judge(rows).outcome == outcome


def pair_of_digits(runs: int, kept=range(10)) -> Pair:
    """Images of ten digits, of which those in `kept` keep their label; 9 has the best log-odds."""
    classes = np.tile(np.arange(10), runs)
    likeliest = np.where(np.isin(classes, list(kept)), classes, (classes + 1) % 10)
    odds = np.where(classes == 9, 5.0, 1.0)
    return pair(look(classes, classes=classes), look(likeliest, odds, classes))


def test_digits_that_keep_their_label_come_first():
    best_alone = pair_of_digits(3, BEST)
    table, best = rank_digits([best_alone] * 2)
    assert best == {2, 6, 9}
    assert table.rows[0][0] == 9, "the most certain of those of which all keep it"
    assert rank_digits([pair_of_digits(3)] * 2)[1] == set(range(10))
    permuted = permute_best(best_alone, runs=3)
    assert (permuted.observed, permuted.n) == (1.0, 30)
    assert BEST_DIGITS.row([permuted.p]).holds
    assert not BEST_DIGITS.row([permute_best(pair_of_digits(3, (0, 1, 3)), runs=3).p]).holds


def test_few_transfers_differ_from_the_paper_and_many_do_not():
    few = [pair_of_digits(1, (0,)), pair_of_digits(1, (1,))]
    assert judge(initialisation.rows_of(few, (initialisation.SAME_LABEL,))).outcome == "differs"
    many = [pair_of_digits(1), pair_of_digits(1, (0, 1))]
    assert judge(initialisation.rows_of(many, (initialisation.SAME_LABEL,))).outcome == "reproduced"
    assert judge(initialisation.rows_of(few)).outcome == "new"


@pytest.mark.slow
def test_a_network_of_the_same_weights_takes_all_images_for_the_same(tmp_path, monkeypatch):
    evolved = []

    def evolve(lab, network, *, is_short=False):
        evolved.append(network)
        return lab.evolve(network, generations=1 if is_short else 2, batch_size=10, runs=lab.seeds)

    def train(lab, name, make):
        """Leaves the weights of the LeNet that ships with evofool."""
        path = lab.out / "networks" / f"{name}.safetensors"
        path.parent.mkdir(exist_ok=True)
        card = (SHIPPED / "lenet.json").read_text().replace('"name": "lenet"', f'"name": "{name}"')
        path.with_suffix(".json").write_text(card)
        path.write_bytes((SHIPPED / "lenet.safetensors").read_bytes())
        return path

    monkeypatch.setattr(Lab, "train", train)
    monkeypatch.setattr(initialisation, "evolve_digits", evolve)
    lab = make_lab(tmp_path, seeds=2)
    findings = initialisation.EXPERIMENT.parts["mnist"].run(lab)
    assert set(evolved) == {"lenet", "lenet-b"}
    same = [row for row in findings.rows if "same label" in row.what]
    assert [list(row.ours) for row in same] == [[1.0]] * 4
    assert [row.what.endswith("generation 1") for row in same] == [False, False, True, True]
    assert [bool(row.tolerance) for row in same] == [True, True, False, False]
    assert (lab.folder / findings.images[0].file).exists()
    assert "p = 1 of 9999 permutations, n = 20" in findings.notes[2]
    assert "8, 9 transfer alike: no three are best" in findings.verdict.because
