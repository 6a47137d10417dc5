import dataclasses
import importlib
import json
import re
from collections import Counter
from types import SimpleNamespace
from typing import NamedTuple, get_args

import numpy as np
import pytest

import evofool
from evofool.evolution.reporting import Quiet
from evofool.experiments import registry
from evofool.experiments.bench import Lab, Supplies
from evofool.experiments.registry import Experiment, Part
from evofool.experiments.report import (
    Claim,
    Findings,
    Outcome,
    Report,
    Row,
    Table,
    at_least,
    at_most,
    write_score_card,
)
from evofool.experiments.reproduce import reproduce
from evofool.support.errors import UserError
from evofool.support.lock import locked


class Messages(Quiet):
    """Collects messages."""

    def __init__(self):
        self.texts = []

    def message(self, text):
        self.texts.append(text)


MODULE = importlib.import_module("evofool.experiments.reproduce")  # not the function of its name
HOLDS = Claim(what="median", paper="some", tolerance=at_least(0.0))
FAILS = Claim(what="mean", paper="2", tolerance=at_least(2.0))


class Measures(NamedTuple):
    medians: np.ndarray


@pytest.fixture
def trial(monkeypatch):
    """Two experiments that cost nothing; counts how often they measured and reported."""
    calls = Counter()

    def measure(lab) -> Measures:
        calls["measure"] += 1
        run = lab.evolve("lenet", encoding="direct", generations=1, batch_size=10)
        return Measures(np.array([run.elites()[0].confidence] * lab.seeds))

    def report(lab, measures):
        calls["report"] += 1
        ours = measures.medians.tolist()
        return Findings(
            rows=[HOLDS.row(ours), FAILS.row(ours), Row(what="more", ours=ours)],
            tables=[Table(title="t", header=["a"], rows=[[1.5], [None]])],
            notes=["Said | so."],
        )

    part = Part(measure=measure, report=report, claims=(HOLDS, FAILS), networks=("lenet",), seeds=3)
    imagenet = {"imagenet": dataclasses.replace(part, networks=("big",))}
    made = {
        name: Experiment(
            name=name,
            title="Does it?",
            so_what="If it does, it does.",
            paper="Fig. 1",
            parts={"mnist": part} | (imagenet if name == "second" else {}),
        )
        for name in ("first", "second")
    }
    monkeypatch.setattr(registry, "NAMES", tuple(made))
    monkeypatch.setattr(registry, "MODULES", {name: name for name in made})
    modules = {f"evofool.experiments.{n}": SimpleNamespace(EXPERIMENT=e) for n, e in made.items()}
    monkeypatch.setattr(registry, "importlib", SimpleNamespace(import_module=modules.__getitem__))
    return calls


@pytest.mark.slow
def test_reports_and_score_card_are_left(trial, tmp_path):
    [report] = reproduce("first", scale="small", out=tmp_path)
    assert report.evaluations == 20
    assert report.seconds > 0
    text = (tmp_path / "first/mnist/report.md").read_text()
    assert text.splitlines()[2] == "*So what?* If it does, it does."
    assert "**In part**: holds: median" in text
    assert "| median | some |" in text
    assert "| at least 200 % | no |" in text
    assert "`evofool reproduce first --on mnist --scale small`" in text
    assert Report.read(tmp_path / "first/mnist").score() == report.score()
    [line] = json.loads((tmp_path / "scorecard.json").read_text())
    assert (line["experiment"], line["verdict"], line["seeds"]) == ("first", "in part", 1)
    assert "[first](first/mnist/report.md)" in (tmp_path / "scorecard.md").read_text()


def test_a_part_is_carried_out_by_one_process_at_a_time(trial, tmp_path):
    folder = tmp_path / "first" / "mnist"
    folder.mkdir(parents=True)
    with locked(folder), pytest.raises(UserError, match="mnist is being written by process"):
        reproduce("first", on=["mnist"], scale="small", out=tmp_path)
    reproduce("first", on=["mnist"], scale="small", out=tmp_path)
    assert not list(tmp_path.rglob(".*"))


def test_finished_parts_are_not_done_again(trial, tmp_path):
    for again, reports in ((False, 1), (False, 1), (True, 2)):
        reproduce("first", scale="small", out=tmp_path, again=again)
        assert trial == {"measure": 1, "report": reports}


@pytest.mark.slow
def test_another_number_of_seeds_is_done_anew(trial, tmp_path):
    reproduce("first", scale="small", out=tmp_path)
    [report] = reproduce("first", scale="small", out=tmp_path, seeds=2)
    assert report.seeds == 2
    assert trial == {"measure": 2, "report": 2}


def test_a_report_of_more_seeds_stays_unless_fewer_are_asked_for(trial, tmp_path):
    messages = Messages()
    settings = {"scale": "small", "out": tmp_path}
    reproduce("first", seeds=2, **settings)
    [report] = reproduce("first", reporter=messages, **settings)
    assert (report.seeds, trial["report"]) == (2, 1)
    assert messages.texts == [
        "first, mnist: skipped: a report with 2 seeds exists; pass --seeds 1 to redo it"
    ]
    for fewer in ({"seeds": 1}, {"again": True}):
        [report] = reproduce("first", **settings, **fewer)
        assert report.seeds == 1
        reproduce("first", seeds=2, **settings)


def test_the_score_card_says_its_scale_and_what_its_words_mean(trial, tmp_path):
    reports = reproduce("first", scale="small", out=tmp_path)
    card = (tmp_path / "scorecard.md").read_text()
    assert card.startswith("# Score card (small scale")
    assert all(f"- *{outcome}*: " in card for outcome in get_args(Outcome))
    write_score_card(tmp_path, [dataclasses.replace(reports[0], scale="full")])
    assert (tmp_path / "scorecard.md").read_text().startswith("# Score card\n")


def test_the_score_card_has_a_table_for_each_theme(trial, tmp_path):
    [report] = reproduce("first", scale="small", out=tmp_path)
    others = [dataclasses.replace(report, experiment=name) for name in ("second", "third")]
    themes = {"B": ("third",), "empty": ("fourth",), "A": ("first",)}
    write_score_card(tmp_path, [report, *others], themes)
    card = (tmp_path / "scorecard.md").read_text()
    named = re.findall(r"^## (.*)|^\| \[(\w+)\]", card, re.MULTILINE)
    assert ["".join(names) for names in named] == ["B", "third", "A", "first", "second"]


def test_every_experiment_has_one_theme():
    named = [name for names in registry.THEMES.values() for name in names]
    assert sorted(named) == sorted(registry.NAMES)


def test_all_does_every_experiment_on_the_data_asked_for(trial, tmp_path, monkeypatch):
    forgotten = []
    monkeypatch.setattr(MODULE, "forget_programs", lambda: forgotten.append(dict(trial)))
    reports = reproduce("all", scale="small", out=tmp_path, on=["mnist"])
    assert [report.experiment for report in reports] == ["first", "second"]
    assert forgotten == [{"measure": 1, "report": 1}], "between the two"


def test_missing_networks_are_said_before_anything_is_done(trial, tmp_path):
    nets = tmp_path / "nets"
    nets.mkdir()
    with pytest.raises(UserError, match=r"second on imagenet: the network big is not at .*big.saf"):
        reproduce("all", out=tmp_path / "out", weights=nets)
    assert not trial
    assert not (tmp_path / "out").exists()


def test_results_of_two_scales_do_not_mix(trial, tmp_path):
    reproduce("first", scale="small", out=tmp_path)
    with pytest.raises(UserError, match="holds results at scale small, and scale is full"):
        reproduce("first", scale="full", out=tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "frist"}, "unknown experiment 'frist'; did you mean 'first'"),
        ({"name": "first", "on": ["minst"]}, "unknown data in --on 'minst'"),
        ({"name": "first", "on": ["imagenet"]}, "first is not done on imagenet; it has mnist"),
        ({"name": "first", "seeds": 0}, "seeds is 0; expected 1 or more"),
        ({"name": "first", "scale": "huge"}, "unknown scale 'huge'"),
    ],
)
def test_bad_input_is_named(trial, tmp_path, settings, message):
    with pytest.raises(UserError, match=message):
        evofool.reproduce(out=tmp_path / "out", **settings)
    assert not (tmp_path / "out").exists()


def test_cells_of_the_score_card_have_a_hundred_characters_at_most(trial, tmp_path):
    [report] = reproduce("first", scale="small", out=tmp_path)
    long = Row(what="a measure with a long name " * 9, ours=[1.0])
    findings = dataclasses.replace(report.findings, rows=[long, *report.findings.rows])
    [line] = write_score_card(tmp_path, [dataclasses.replace(report, findings=findings)])
    last = (tmp_path / "scorecard.md").read_text().splitlines()[-1]
    assert max(len(cell.strip()) for cell in last.split("|")) <= 100
    assert line["ours"].startswith(long.what)  # the JSON has all of it


def test_reports_of_older_versions_are_read(trial, tmp_path):
    [report] = reproduce("first", scale="small", out=tmp_path)
    path = tmp_path / "first/mnist/report.json"
    values = json.loads(path.read_text())
    findings = values["findings"]
    findings["pictures"] = findings.pop("images")
    findings["verdict"] = {"said": "differs", "because": "so"}
    for row in findings["rows"]:
        del row["tolerance"], row["seeds"]
    path.write_text(json.dumps(values))
    old = Report.read(path.parent)
    assert old.findings.verdict.outcome == "differs"
    assert [row.what for row in old.findings.rows] == [row.what for row in report.findings.rows]


def test_a_part_judges_every_claim_it_declares(trial, tmp_path, monkeypatch):
    part = registry.find("first").parts["mnist"]
    other = Claim(what="other", paper="3", tolerance=at_most(3.0))
    more = dataclasses.replace(part, claims=(*part.claims, other))
    lab = Lab(
        experiment="t", domain="mnist", scale="small", seeds=1, out=tmp_path, supplies=Supplies()
    )
    with pytest.raises(AssertionError, match="t, mnist: claims"):
        more.run(lab)


def test_supplies_say_what_is_missing_and_how_to_get_it(tmp_path):
    none = Supplies(data=tmp_path)

    def check(domain, *networks, images=False, supplies=none):
        supplies.check(domain, networks=networks, images=images)

    with pytest.raises(UserError, match=r"evofool data fetch mnist"):
        check("mnist", images=True)
    with pytest.raises(UserError, match="photographs and labels go together"):
        check("imagenet", images=True, supplies=Supplies(photographs=tmp_path))
    with pytest.raises(UserError, match=r"no labelled photographs: .*--photographs"):
        check("imagenet", images=True)
    with pytest.raises(UserError, match=r"no networks in .*--weights"):
        check("imagenet", "net")
    with pytest.raises(UserError, match="evofool data fetch mnist"):
        check("mnist", "lenet-b")
    check("mnist", "lenet")


def test_a_missing_supply_names_the_experiment(trial, tmp_path):
    with pytest.raises(UserError, match=r"^experiment second on imagenet: no networks in "):
        reproduce("second", out=tmp_path / "out", data=tmp_path)
