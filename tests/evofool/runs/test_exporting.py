import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import cppn
from evofool import Run, UserError, export, publish


def levels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_every_image_is_exact(cppn_run: Run, direct_run: Run, tmp_path: Path):
    for name, run in (("cppn", cppn_run), ("direct", direct_run)):
        elites = [elite for index in range(run.config.runs) for elite in run.elites(index)]
        paths = export(run, tmp_path / name)
        for elite, path in zip(elites, paths, strict=True):
            np.testing.assert_array_equal(levels(path), elite.image()[..., 0])


def test_a_genome_as_json_draws_its_image_again(cppn_run: Run, tmp_path: Path):
    path = export(cppn_run, tmp_path)[0]
    content = json.loads(path.with_suffix(".json").read_text())
    genome, spec, style = cppn.from_json(content["genome"])
    drawn = cppn.render(genome, spec=spec, height=28, width=28, style=style)
    np.testing.assert_array_equal(np.asarray(cppn.to_bytes(drawn))[..., 0], levels(path))


def test_class_and_confidence_are_in_the_names(direct_run: Run, tmp_path: Path):
    paths = export(direct_run, tmp_path)
    assert [path.parent.name for path in paths] == ["3_class-3", "7_class-7", "9_class-9"]
    for elite, path in zip(direct_run.elites(), paths, strict=True):
        assert path.name == f"{path.parent.name}_{elite.confidence:.6f}_seed5.png"


def test_folders_sort_by_class_and_hold_all_runs(cppn_run: Run, tmp_path: Path):
    export(cppn_run, tmp_path)
    folders = sorted((tmp_path / "images").iterdir())
    assert [int(folder.name.split("_")[0]) for folder in folders] == list(range(10))
    assert all(len(list(folder.glob("*.png"))) == 2 for folder in folders)


def test_the_table_has_a_line_per_image(cppn_run: Run, tmp_path: Path):
    paths = export(cppn_run, tmp_path)
    with (tmp_path / "elites.csv").open(newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert [tmp_path / line["file"] for line in lines] == paths
    assert [line["seed"] for line in lines] == ["0"] * 10 + ["1"] * 10
    assert [float(line["confidence"]) for line in lines[:10]] == [
        elite.confidence for elite in cppn_run.elites()
    ]


def test_a_folder_with_something_in_it_is_not_touched(direct_run: Run, tmp_path: Path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="is not empty; choose another --out"):
        export(direct_run, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_folder_that_cannot_be_made_is_an_error_of_the_user(direct_run: Run, tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        export(direct_run, tmp_path / "file/folder")


def test_classes_of_imagenet_have_folders_named_by_their_ids(imagenet_run: Run, tmp_path: Path):
    paths = export(imagenet_run, tmp_path)
    ids = [path.parent.name for path in paths]
    assert ids == list(imagenet_run.card.ids)
    kit = imagenet_run["carpenter's kit"]
    assert paths[477].name == f"477_carpenter-s-kit_{kit.confidence:.6f}_seed0.png"
    np.testing.assert_array_equal(levels(paths[477]), kit.image())
    with (tmp_path / "elites.csv").open(newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert [line["id"] for line in lines] == ids
    assert lines[207]["group"] == "dogs"
    assert lines[477]["label"] == "carpenter's kit, tool kit"


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("../../etc/passwd", "3_etc-passwd"),
        ("a/b\\c:d*e?f", "3_a-b-c-d-e-f"),
        ("???", "3"),
        ("x" * 500, "3_" + "x" * 60),
    ],
)
def test_no_label_can_leave_the_folder(direct_run: Run, tmp_path: Path, label: str, name: str):
    run = Run(direct_run.folder)
    labels = list(run.card.labels)
    labels[3] = label
    ids = tuple(f"../{index}" for index in range(10))  # no WordNet ids: not used
    run.card = dataclasses.replace(run.card, labels=tuple(labels), ids=ids)
    path = export(run, tmp_path / "out")[0]
    assert path.parent == tmp_path / "out/images" / name
    assert path.exists()


def test_a_run_without_any_elite_is_refused_and_leaves_nothing(direct_run: Run, tmp_path: Path):
    run = Run(direct_run.folder)
    fitness = run.table["archive.fitness"]
    run.__dict__["table"] = run.table | {"archive.fitness": fitness * float("nan")}
    with pytest.raises(UserError, match="has no elites: no image has got a score"):
        export(run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_networks_are_exported_as_shaders_and_graphs(cppn_run: Run, tmp_path: Path):
    paths = export(cppn_run, tmp_path, elites=cppn_run.elites(0)[:2], formats=("glsl", "svg"))
    assert [path.suffix for path in paths] == [".glsl"] * 2
    shader = paths[1].read_text(encoding="utf-8")
    assert shader.startswith("// class 1, ")
    assert "void mainImage(out vec4 fragColor, in vec2 fragCoord)" in shader
    assert paths[1].with_suffix(".svg").read_text(encoding="utf-8").startswith("<svg")
    suffixes = {path.suffix for path in (tmp_path / "images").rglob("*.*")}
    assert suffixes == {".glsl", ".svg"}


def test_what_is_no_network_has_no_shader(direct_run: Run, cppn_run: Run, tmp_path: Path):
    with pytest.raises(UserError, match=r"format is svg, which is of networks"):
        export(direct_run, tmp_path / "a", formats=("png", "svg"))
    with pytest.raises(UserError, match="unknown format ''"):
        export(cppn_run, tmp_path / "a", formats=())
    with pytest.raises(UserError, match="formats has no effect on the layout openood"):
        publish(cppn_run, tmp_path / "a", layout="openood", formats=("glsl",))
    assert not list(tmp_path.iterdir())
