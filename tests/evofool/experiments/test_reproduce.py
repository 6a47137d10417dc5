import dataclasses
import json
from types import SimpleNamespace
from typing import get_args

import pytest

import evofool
from evofool.evolution.session import Quiet
from evofool.experiments import registry
from evofool.experiments.bench.supplies import Supplies
from evofool.experiments.registry import Experiment, Part
from evofool.experiments.report.findings import Findings, Row, Said, Table, Verdict
from evofool.experiments.report.render import Report, write_score_card
from evofool.experiments.reproduce import reproduce
from evofool.support.errors import UserError


class Told(Quiet):
    """Keeps what it is told."""

    def __init__(self, said):
        self.said = said

    def message(self, text):
        self.said.append(text)


@pytest.fixture
def trial(monkeypatch):
    """Two experiments that cost nothing; counts how often they were done."""
    calls = []

    def part(lab):
        calls.append(lab.domain)
        run = lab.evolve("lenet", generations=1, batch_size=10)
        return Findings(
            verdict=Verdict(outcome="reproduced", because="it came out"),
            rows=[Row(what="median", paper="1", ours=[run.elites()[0].confidence] * lab.seeds)],
            tables=[Table(title="t", header=["a"], rows=[[1.5], [None]])],
            notes=["Said | so."],
        )

    made = {
        name: Experiment(
            name=name,
            title="Does it?",
            paper="Fig. 1",
            parts={"mnist": Part(run=part, networks=("lenet",), seeds=3)}
            | ({"imagenet": Part(run=part, networks=("big",))} if name == "second" else {}),
        )
        for name in ("first", "second")
    }
    monkeypatch.setattr(registry, "NAMES", tuple(made))
    monkeypatch.setattr(registry, "MODULES", {name: name for name in made})
    modules = {f"evofool.experiments.{n}": SimpleNamespace(EXPERIMENT=e) for n, e in made.items()}
    monkeypatch.setattr(registry, "importlib", SimpleNamespace(import_module=modules.__getitem__))
    return calls


def test_reports_and_score_card_are_left(trial, tmp_path):
    [report] = reproduce("first", scale="small", out=tmp_path)
    assert report.evaluations == 20
    assert report.seconds > 0
    text = (tmp_path / "first/mnist/report.md").read_text()
    assert "**Reproduced**: it came out." in text
    assert "| median | 1 |" in text
    assert "`evofool reproduce first --on mnist --scale small`" in text
    assert Report.read(tmp_path / "first/mnist").score() == report.score()
    [line] = json.loads((tmp_path / "scorecard.json").read_text())
    assert (line["experiment"], line["verdict"], line["seeds"]) == ("first", "reproduced", 1)
    assert "[first](first/mnist/report.md)" in (tmp_path / "scorecard.md").read_text()


def test_finished_parts_are_not_done_again(trial, tmp_path):
    for again, calls in ((False, 1), (False, 1), (True, 2)):
        reproduce("first", scale="small", out=tmp_path, again=again)
        assert len(trial) == calls


def test_another_number_of_seeds_is_done_anew(trial, tmp_path):
    reproduce("first", scale="small", out=tmp_path)
    [report] = reproduce("first", scale="small", out=tmp_path, seeds=2)
    assert report.seeds == 2
    assert len(trial) == 2


def test_a_report_of_more_seeds_stays_unless_fewer_are_asked_for(trial, tmp_path):
    said = []
    settings = {"scale": "small", "out": tmp_path}
    reproduce("first", seeds=2, **settings)
    [report] = reproduce("first", reporter=Told(said), **settings)
    assert (report.seeds, len(trial)) == (2, 1)
    assert said == ["first, mnist: is done with 2 seeds; --seeds 1 makes it with fewer"]
    for fewer in ({"seeds": 1}, {"again": True}):
        [report] = reproduce("first", **settings, **fewer)
        assert report.seeds == 1
        reproduce("first", seeds=2, **settings)


def test_the_score_card_says_its_scale_and_what_its_words_mean(trial, tmp_path):
    reports = reproduce("first", scale="small", out=tmp_path)
    card = (tmp_path / "scorecard.md").read_text()
    assert card.startswith("# Score card (small scale")
    assert all(f"- *{said}*: " in card for said in get_args(Said))
    write_score_card(tmp_path, [dataclasses.replace(reports[0], scale="full")])
    assert (tmp_path / "scorecard.md").read_text().startswith("# Score card\n")


def test_all_does_every_experiment_on_the_data_asked_for(trial, tmp_path):
    reports = reproduce("all", scale="small", out=tmp_path, on=["mnist"])
    assert [report.experiment for report in reports] == ["first", "second"]


def test_missing_networks_are_said_before_anything_is_done(trial, tmp_path):
    nets = tmp_path / "nets"
    nets.mkdir()
    with pytest.raises(UserError, match=r"second on imagenet: the network big is not at .*big.saf"):
        reproduce("all", out=tmp_path / "out", weights=nets)
    assert trial == []
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


def test_supplies_say_what_is_missing_and_how_to_get_it(tmp_path):
    none = Supplies(data=tmp_path)
    part = Part(run=lambda lab: None, images=True)
    with pytest.raises(UserError, match=r"x on mnist: .* evofool data fetch mnist"):
        none.check("x", "mnist", part)
    with pytest.raises(UserError, match="photographs and labels go together"):
        Supplies(photographs=tmp_path).check("x", "imagenet", part)
    with pytest.raises(UserError, match=r"no labelled photographs: .*--photographs"):
        none.check("x", "imagenet", part)
    part = Part(run=lambda lab: None, networks=("net",))
    with pytest.raises(UserError, match=r"no networks in .*--weights"):
        none.check("x", "imagenet", part)
    part = Part(run=lambda lab: None, networks=("lenet-b",))
    with pytest.raises(UserError, match="evofool data fetch mnist"):
        none.check("x", "mnist", part)
    none.check("x", "mnist", Part(run=lambda lab: None, networks=("lenet",)))
