import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evofool import Run, UserError, poster


def test_a_poster_has_every_picture_large_and_a_page_of_all(cppn_run: Run, tmp_path: Path):
    out = tmp_path / "wall"
    paths = poster(cppn_run, out, count=7, size=96, least=0.0)
    assert [path.name[:2] for path in paths] == [f"{number:02d}" for number in range(1, 8)]
    for path in paths:
        with Image.open(path) as picture:
            assert picture.size == (96, 96)
    page = (out / "index.html").read_text(encoding="utf-8")
    linked = re.findall(r'href="([^"]+)"', page)
    assert linked == [path.name for path in paths]
    shown = re.findall(r'src="([^"]+)"', page)
    assert all((out / name).is_file() for name in shown)
    assert len(shown) == 7
    with Image.open(out / "poster.jpg") as sheet:  # six columns, two rows
        assert sheet.width > 6 * 200 > sheet.width - 200
        assert 2 * 200 < sheet.height < 3 * 200


def test_a_poster_shows_what_was_evolved(cppn_run: Run, tmp_path: Path):
    side = cppn_run.card.input_shape[0]
    (path,) = poster(cppn_run, tmp_path, count=1, size=side, least=0.0)
    with Image.open(path) as picture:
        drawn = np.asarray(picture)
    pictures = [e.picture()[..., 0] for index in range(2) for e in cppn_run.elites(index)]
    assert any(np.array_equal(drawn, evolved) for evolved in pictures)


def test_a_poster_that_was_stopped_goes_on(cppn_run: Run, tmp_path: Path):
    paths = poster(cppn_run, tmp_path, count=3, size=40, least=0.0)
    paths[1].unlink()
    (tmp_path / "index.html").unlink()
    before = paths[0].stat().st_mtime_ns
    assert poster(cppn_run, tmp_path, count=3, size=40, least=0.0) == paths
    assert paths[1].is_file()
    assert (tmp_path / "index.html").is_file()
    assert paths[0].stat().st_mtime_ns == before


def test_a_folder_with_something_else_is_left_alone(cppn_run: Run, tmp_path: Path):
    poster(cppn_run, tmp_path / "small", count=2, size=30, least=0.0)
    with pytest.raises(UserError, match="holds another poster"):
        poster(cppn_run, tmp_path / "small", count=2, size=31, least=0.0)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(UserError, match="is not empty"):
        poster(cppn_run, tmp_path / "mine", count=2, size=30, least=0.0)


def test_what_cannot_be_drawn_large_is_refused_before_anything_is_written(
    cppn_run: Run, direct_run: Run, tmp_path: Path
):
    with pytest.raises(UserError, match="directly encoded"):
        poster(direct_run, tmp_path / "out", count=1, least=0.0)
    with pytest.raises(UserError, match="size is 0"):
        poster(cppn_run, tmp_path / "out", count=1, size=0, least=0.0)
    assert not list(tmp_path.iterdir())
