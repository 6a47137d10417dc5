"""What the libraries themselves read is in tests/compare/test_layouts.py."""

import json

import numpy as np
import pytest
from PIL import Image

import evofool
from evofool import UserError
from evofool.runs import layouts


def test_only_the_elites_that_are_asked_for_are_written(cppn_run, tmp_path):
    chosen = [elite for elite in cppn_run.all_elites() if elite.confidence >= 0.9]
    assert 0 < len(chosen) < 20
    for layout in ("imagefolder", "pytorch-ood", "openood", "huggingface"):
        paths = evofool.publish(cppn_run, tmp_path / layout, layout=layout, least=0.9)
        assert len(paths) == len(chosen)
        for elite, path in zip(chosen, paths, strict=True):
            image = np.asarray(Image.open(path)).reshape(elite.image().shape)
            np.testing.assert_array_equal(image, elite.image())
    two = evofool.publish(cppn_run, tmp_path / "two", layout="openood", classes=["7"])
    assert [path.name.split("_")[0] for path in two] == ["7", "7"]


def test_openood_has_a_line_for_every_image(cppn_run, tmp_path):
    paths = evofool.publish(cppn_run, tmp_path / "out", layout="openood")
    lines = (tmp_path / "out/fooling.txt").read_text(encoding="utf-8").splitlines()
    assert lines == [f"fooling/{path.name} -1" for path in paths]


def test_hugging_face_is_told_what_is_known_of_every_image(cppn_run, tmp_path):
    paths = evofool.publish(cppn_run, tmp_path / "out", layout="huggingface")
    text = (tmp_path / "out/train/metadata.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["file_name"] for line in lines] == [path.name for path in paths]
    assert {line["seed"] for line in lines} == {0, 1}
    assert "20 images of" in (tmp_path / "out/README.md").read_text(encoding="utf-8")


def test_what_a_killed_export_has_left_is_not_mixed_with_other_elites(
    direct_run, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(layouts, "_write_text", interrupt)
        with pytest.raises(KeyboardInterrupt):
            evofool.publish(direct_run, tmp_path / "out", layout="openood")
    with pytest.raises(UserError, match="is not empty"):
        evofool.publish(direct_run, tmp_path / "out", layout="openood", classes=["3"])
    assert len(evofool.publish(direct_run, tmp_path / "out", layout="openood")) == 3


def interrupt(*arguments):
    raise KeyboardInterrupt


def test_the_data_card_says_how_many_images_there_are(direct_run):
    elites = direct_run.all_elites()
    for number, category in ((999, "n<1K"), (9_999, "1K<n<10K"), (10_000, "10K<n<100K")):
        card = layouts._data_card(direct_run, elites[:1] * number)
        assert f"size_categories: [{category}]" in card


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"least": 1.0}, r"no elite of confidence 1\.0 or more among"),
        ({"least": 2.0}, r"expected a confidence in \[0, 1\]"),
        ({"classes": ["12"]}, "unknown class '12'"),
    ],
)
def test_what_leaves_nothing_is_refused(options, message, cppn_run, tmp_path):
    with pytest.raises(UserError, match=message):
        evofool.publish(cppn_run, tmp_path / "out", layout="openood", **options)
    assert not (tmp_path / "out").exists()
