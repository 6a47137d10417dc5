"""inspect, compare, render, gallery and what hands elites on, as commands."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evofool import Run
from evofool.cli import main


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out


def test_inspect_shows_every_elite(cppn_run: Run, capsys: pytest.CaptureFixture[str]):
    shown = said(capsys, "inspect", cppn_run.folder, "--run-index", 1).splitlines()
    assert len(shown) == 11
    assert shown[0].split()[:4] == ["class", "label", "confidence", "log-odds"]
    assert [line.split()[0] for line in shown[1:]] == list("0123456789")


def test_inspect_json_has_every_column(cppn_run: Run, capsys: pytest.CaptureFixture[str]):
    content = json.loads(said(capsys, "inspect", cppn_run.folder, "--json"))
    assert content["generation"] == 12
    elite = content["elites"][7]
    assert elite["label"] == "class 7"
    assert elite["confidence"] == cppn_run["7"].confidence
    assert elite["nodes"] >= 5
    assert elite["connections"] >= 1
    assert elite.keys() >= {"runner_up", "generation", "ancestors", "class_changes"}


def test_inspect_class_shows_genome_and_lineage(cppn_run: Run, capsys: pytest.CaptureFixture[str]):
    shown = said(capsys, "inspect", cppn_run.folder, "--class", "class 7")
    assert "\nout = " in shown
    assert "\n  0: class " in shown
    assert "▀" not in shown  # no image in a pipe


def test_inspect_class_json_has_the_genome(cppn_run: Run, capsys: pytest.CaptureFixture[str]):
    content = json.loads(said(capsys, "inspect", cppn_run.folder, "--class", 7, "--json"))
    assert content["genome"]["format"] == "cppn"
    assert content["lineage"][-1]["label"] == "class 7"
    assert content["elite"]["class_index"] == 7


def test_inspect_class_of_pixels_says_so(direct_run: Run, capsys: pytest.CaptureFixture[str]):
    assert "28 x 28 x 1 pixels" in said(capsys, "inspect", direct_run.folder, "--class", 7)


def test_inspect_of_a_thousand_classes_is_a_summary_and_both_ends(
    imagenet_run: Run, capsys: pytest.CaptureFixture[str]
):
    shown = said(capsys, "inspect", imagenet_run.folder, "--top", 3).splitlines()
    assert shown[0].startswith("1000 elites: median ")
    assert any(line.split()[:2] == ["dogs", "118"] for line in shown)
    assert any(line.split()[:2] == ["cats", "5"] for line in shown)
    assert shown[-1].strip() == "and 994 between these"
    every = said(capsys, "inspect", imagenet_run.folder, "--all", "--sort", "class").splitlines()
    assert [int(line.split()[0]) for line in every[1:]] == list(range(1000))
    assert main(["inspect", str(imagenet_run.folder), "--top", "0"]) == 2


def test_inspect_json_of_a_group_holds_all_of_it(
    imagenet_run: Run, capsys: pytest.CaptureFixture[str]
):
    folder = imagenet_run.folder
    content = json.loads(said(capsys, "inspect", folder, "--group", "dogs", "--json"))
    assert [elite["class_index"] for elite in content["elites"]] == list(range(151, 269))
    assert {elite["group"] for elite in content["elites"]} == {"dogs"}
    assert [group["group"] for group in content["groups"]] == ["dogs"]
    assert content["summary"]["median_confidence"] == content["groups"][0]["median_confidence"]
    content = json.loads(said(capsys, "inspect", folder, "--class", "starfish", "--json"))
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
    assert len(said(capsys, "compare", *runs).splitlines()) == 5  # two of them the heading
    lines = json.loads(said(capsys, "compare", *runs, "--json"))
    assert [line["seed"] for line in lines] == [0, 1, 5]
    assert [line["classes"] for line in lines] == [10, 10, 3]


def test_render_draws_at_the_size_asked_for(
    cppn_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "seven.png"
    said(capsys, "render", cppn_run.folder, "--class", 7, "--size", 100, "--out", out)
    with Image.open(out) as image:
        assert (image.size, image.mode) == ((100, 100), "L")


def test_render_at_the_native_size_is_the_image_that_was_scored(
    cppn_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "seven.png"
    said(capsys, "render", cppn_run.folder, "--class", 7, "--size", 28, "--out", out)
    with Image.open(out) as image:
        np.testing.assert_array_equal(np.asarray(image), cppn_run["7"].image()[..., 0])


def test_gallery_writes_a_sheet(cppn_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    one, both = tmp_path / "one.png", tmp_path / "both.jpg"
    said(capsys, "gallery", cppn_run.folder, "--out", one, "--run-index", 1)
    said(capsys, "gallery", cppn_run.folder, "--out", both)
    with Image.open(one) as first, Image.open(both) as second:
        assert first.width == second.width
        assert first.height < second.height


def test_gallery_writes_a_file_per_page(
    imagenet_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    dogs = ["gallery", imagenet_run.folder, "--group", "dogs", "--per-page", 60]
    shown = said(capsys, *dogs, "--out", tmp_path / "dogs.jpg").split()
    assert [Path(path).name for path in shown] == ["dogs-01.jpg", "dogs-02.jpg"]
    assert said(capsys, *dogs, "--out", tmp_path / "one.png", "--page", 2).split() == [
        str(tmp_path / "one.png")
    ]
    two = ["--class", "starfish", "n02119789"]
    said(capsys, "gallery", imagenet_run.folder, *two, "--out", tmp_path / "two.png")
    with Image.open(tmp_path / "one.png") as many, Image.open(tmp_path / "two.png") as few:
        assert few.width < many.width


def test_the_gallery_of_a_finished_run_is_one_page(imagenet_run: Run):
    with Image.open(imagenet_run.folder / "gallery.png") as image:
        assert image.height < 3000


def test_verify_passes_on_the_machine_that_made_the_run(
    direct_run: Run, capsys: pytest.CaptureFixture[str]
):
    assert "verified" in said(capsys, "verify", direct_run.folder)
    content = json.loads(said(capsys, "verify", direct_run.folder, "--json"))
    assert content["passed"]
    assert content["is_same_platform"]
    assert content["elites"] == 3


def test_quiz_and_export_say_where_things_are(
    direct_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    shown = said(capsys, "quiz", direct_run.folder, "--out", tmp_path / "quiz")
    assert str(tmp_path / "quiz/sheet.png") in shown
    assert "not a classifier of 28x28 digits" in shown
    assert "name one with --judge" in shown
    shown = said(capsys, "export", direct_run.folder, "--out", tmp_path / "elites")
    assert shown.startswith("3 images in ")


def test_doctor_forecasts_and_tests(capsys: pytest.CaptureFixture[str]):
    small = ["--classifier", "mock:10", "--encoding", "direct", "--batch-size", 20]
    shown = said(capsys, "doctor", *small)
    assert "evaluations/s" in shown
    assert "ok: mock:10 tells images apart" in shown


def test_doctor_fails_when_the_classifier_cannot_be_loaded(capsys: pytest.CaptureFixture[str]):
    assert main(["doctor", "--classifier", "mock:1", "--json"]) == 1
    content = json.loads(capsys.readouterr().out)
    assert not content["passed"]
    assert content["forecast"] is None
    assert "expected mock:CLASSES" in content["checks"][0]["detail"]
