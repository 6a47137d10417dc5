"""render and descent as commands."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evofool import Run
from evofool.cli import main
from evofool.runs import genome_json
from tests.evofool.cli.running import output_of


def test_render_draws_at_the_size_asked_for(
    cppn_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "seven.png"
    output_of(capsys, "render", cppn_run.folder, "--class", 7, "--size", 100, "--out", out)
    with Image.open(out) as image:
        assert (image.size, image.mode) == ((100, 100), "L")


def test_render_at_the_native_size_is_the_image_that_was_scored(
    cppn_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "seven.png"
    output_of(capsys, "render", cppn_run.folder, "--class", 7, "--size", 28, "--out", out)
    with Image.open(out) as image:
        np.testing.assert_array_equal(np.asarray(image), cppn_run["7"].image()[..., 0])


def test_render_takes_width_and_height(
    cppn_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "seven.png"
    output_of(capsys, "render", cppn_run.folder, "--class", 7, "--size", "60x20", "--out", out)
    with Image.open(out) as image:
        assert image.size == (60, 20)


@pytest.mark.parametrize("size", ["10x", "x", "1_0", "٣", "9x9x9", "-5", "1e3", "", "0", "5x0"])
def test_a_size_that_is_none_is_refused(
    size: str, cppn_run: Run, in_tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    flags = ["--class", "7", f"--size={size}", "--out", "seven.png"]
    with pytest.raises(SystemExit) as refused:
        main(["render", str(cppn_run.folder), *flags])
    assert refused.value.code == 2
    assert "or two as WIDTHxHEIGHT" in " ".join(capsys.readouterr().err.split())
    assert not Path("seven.png").exists()


def test_several_elites_get_files_by_class_that_say_what_they_show(
    cppn_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    flags = ["--size", 20, "--dpi", 300, "--zoom", 2, "--center", -0.5, 0.25]
    out = tmp_path / "print.png"
    output_of(capsys, "render", cppn_run.folder, "--class", 3, 7, *flags, "--out", out)
    names = [path.name for path in sorted(tmp_path.iterdir())]
    assert names == ["print-3_class-3-seed0.png", "print-7_class-7-seed0.png"]
    with Image.open(tmp_path / names[1]) as image:
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.01)
        facts = json.loads(image.info["evofool"])
    elite = cppn_run["7"]
    assert (facts["class"], facts["seed"], facts["born"]) == ("class 7", 0, list(elite.born))
    assert facts["drawing"]["center"] == [-0.5, 0.25]
    text = json.dumps(genome_json(elite), sort_keys=True, separators=(",", ":"))
    assert facts["genome_sha256"] == hashlib.sha256(text.encode()).hexdigest()


def test_favourites_are_drawn_whatever_run_they_are_of(
    cppn_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    elites = [cppn_run.elite("3", 1), cppn_run.elite("7", 0)]
    entries = [
        {"run": "a", "seed": e.seed, "run_index": e.run_index, "class_index": e.class_index}
        | {"label": e.label, "born": list(e.born)}
        for e in elites
    ]
    stranger = {**entries[0], "seed": 99}
    content = {"format": "evofool-favourites", "version": 1, "favourites": [stranger, *entries]}
    file = tmp_path / "favourites.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    out = tmp_path / "drawn" / "a.png"
    flags = ["--favourites", file, "--size", 28, "--out", out]
    output_of(capsys, "render", cppn_run.folder, *flags)
    assert [path.stem for path in sorted(out.parent.iterdir())] == [
        "a-3_class-3-seed1",
        "a-7_class-7-seed0",
    ]
    with Image.open(out.parent / "a-3_class-3-seed1.png") as image:
        np.testing.assert_array_equal(np.asarray(image), elites[0].image()[..., 0])
    file.write_text(json.dumps({**content, "favourites": [stranger]}), encoding="utf-8")
    assert main(["render", str(cppn_run.folder), *map(str, flags)]) == 2
    assert "none of its 1 favourites is an elite" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "give --class or --favourites"),
        (["--class", "7", "--transparent", "--out", "x.jpg"], "x.jpg cannot hold a transparent"),
        (["--class", "7", "nine"], "unknown class 'nine'"),
    ],
)
def test_what_cannot_be_drawn_is_refused_and_nothing_is_written(
    flags: list[str], message: str, cppn_run: Run, in_tmp_path: Path, capsys
):
    given = [] if "--out" in flags else ["--out", "x.png"]
    assert main(["render", str(cppn_run.folder), *flags, *given]) == 2
    assert message in capsys.readouterr().err
    assert not list(Path().iterdir())
