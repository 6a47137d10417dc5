"""inspect and compare as commands."""

import json

import pytest

from evofool import Run
from evofool.cli import main
from tests.evofool.cli.running import output_of


def test_inspect_shows_every_elite(cppn_run: Run, capsys: pytest.CaptureFixture[str]):
    shown = output_of(capsys, "inspect", cppn_run.folder, "--run-index", 1).splitlines()
    assert len(shown) == 11
    assert shown[0].split()[:4] == ["class", "label", "confidence", "log-odds"]
    assert [line.split()[0] for line in shown[1:]] == list("0123456789")


def test_inspect_json_has_every_column(cppn_run: Run, capsys: pytest.CaptureFixture[str]):
    content = json.loads(output_of(capsys, "inspect", cppn_run.folder, "--json"))
    assert content["generation"] == 12
    elite = content["elites"][7]
    assert elite["label"] == "class 7"
    assert elite["confidence"] == cppn_run["7"].confidence
    assert elite["nodes"] >= 5
    assert elite["connections"] >= 1
    assert elite.keys() >= {"runner_up", "generation", "ancestors", "class_changes"}


def test_inspect_class_shows_genome_and_lineage(cppn_run: Run, capsys: pytest.CaptureFixture[str]):
    shown = output_of(capsys, "inspect", cppn_run.folder, "--class", "class 7")
    assert "\nout = " in shown
    assert "\n  0: class " in shown
    assert "▀" not in shown  # no image in a pipe


def test_inspect_class_json_has_the_genome(cppn_run: Run, capsys: pytest.CaptureFixture[str]):
    content = json.loads(output_of(capsys, "inspect", cppn_run.folder, "--class", 7, "--json"))
    assert content["genome"]["format"] == "cppn"
    assert content["lineage"][-1]["label"] == "class 7"
    assert content["elite"]["class_index"] == 7


def test_inspect_class_of_pixels_says_so(direct_run: Run, capsys: pytest.CaptureFixture[str]):
    assert "28 x 28 x 1 pixels" in output_of(capsys, "inspect", direct_run.folder, "--class", 7)


def test_inspect_of_a_thousand_classes_is_a_summary_and_both_ends(
    imagenet_run: Run, capsys: pytest.CaptureFixture[str]
):
    shown = output_of(capsys, "inspect", imagenet_run.folder, "--top", 3).splitlines()
    assert shown[0].startswith("1000 elites: median ")
    assert any(line.split()[:2] == ["dogs", "118"] for line in shown)
    assert any(line.split()[:2] == ["cats", "5"] for line in shown)
    assert shown[-1].strip() == "and 994 between these"
    every = output_of(
        capsys, "inspect", imagenet_run.folder, "--all", "--sort", "class"
    ).splitlines()
    assert [int(line.split()[0]) for line in every[1:]] == list(range(1000))
    with pytest.raises(SystemExit, match="2"):
        main(["inspect", str(imagenet_run.folder), "--top", "0"])


def test_inspect_json_of_a_group_holds_all_of_it(
    imagenet_run: Run, capsys: pytest.CaptureFixture[str]
):
    folder = imagenet_run.folder
    content = json.loads(output_of(capsys, "inspect", folder, "--group", "dogs", "--json"))
    assert [elite["class_index"] for elite in content["elites"]] == list(range(151, 269))
    assert {elite["group"] for elite in content["elites"]} == {"dogs"}
    assert [group["group"] for group in content["groups"]] == ["dogs"]
    assert content["summary"]["median_confidence"] == content["groups"][0]["median_confidence"]
    content = json.loads(output_of(capsys, "inspect", folder, "--class", "starfish", "--json"))
    assert content["elite"]["id"] == "n02317335"


def test_an_ambiguous_class_lists_its_candidates(
    imagenet_run: Run, capsys: pytest.CaptureFixture[str]
):
    assert main(["inspect", str(imagenet_run.folder), "--class", "crane"]) == 2
    message = capsys.readouterr().err
    assert "134 (crane, n02012849); 517 (crane, n03126707)" in message


def test_compare_has_a_line_for_each_independent_run(
    cppn_run: Run, direct_run: Run, capsys: pytest.CaptureFixture[str]
):
    runs = (cppn_run.folder, direct_run.folder)
    assert len(output_of(capsys, "compare", *runs).splitlines()) == 5  # two of them the heading
    lines = json.loads(output_of(capsys, "compare", *runs, "--json"))
    assert [line["seed"] for line in lines] == [0, 1, 5]
    assert [line["classes"] for line in lines] == [10, 10, 3]
