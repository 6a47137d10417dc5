import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.spatial.distance import cdist

from evofool import Run, UserError, poster
from evofool.runs.poster import colourfulness, contrast, most_different, striking


def test_a_poster_has_every_image_large_and_a_page_of_all(cppn_run: Run, tmp_path: Path):
    out = tmp_path / "wall"
    paths = poster(cppn_run, out, count=7, size=96, least=0.0)
    assert [path.name[:2] for path in paths] == [f"{number:02d}" for number in range(1, 8)]
    for path in paths:
        with Image.open(path) as image:
            assert image.size == (96, 96)
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
    with Image.open(path) as image:
        drawn = np.asarray(image)
    images = [e.image()[..., 0] for index in range(2) for e in cppn_run.elites(index)]
    assert any(np.array_equal(drawn, evolved) for evolved in images)


def test_a_poster_that_was_stopped_goes_on(cppn_run: Run, tmp_path: Path):
    paths = poster(cppn_run, tmp_path, count=3, size=40, least=0.0)
    paths[1].unlink()
    (tmp_path / "index.html").unlink()
    before = paths[0].stat().st_mtime_ns
    assert poster(cppn_run, tmp_path, count=3, size=40, least=0.0) == paths
    assert paths[1].is_file()
    assert (tmp_path / "index.html").is_file()
    assert paths[0].stat().st_mtime_ns == before


def test_a_poster_of_other_seeds_is_another_one(cppn_run: Run, tmp_path: Path):
    def of_run(run_index: int) -> list[Path]:
        elite = cppn_run.elite("7", run_index)
        entry = {
            **{"run": cppn_run.folder.name, "seed": elite.seed, "run_index": run_index},
            **{"class_index": 7, "label": elite.label, "born": list(elite.born)},
        }
        content = {"format": "evofool-favourites", "version": 1, "favourites": [entry]}
        (tmp_path / "chosen.json").write_text(json.dumps(content), encoding="utf-8")
        return poster(cppn_run, tmp_path / "out", size=30, favourites=tmp_path / "chosen.json")

    of_run(0)
    with pytest.raises(UserError, match="is not empty"):
        of_run(1)


def test_a_folder_with_something_else_is_left_alone(cppn_run: Run, tmp_path: Path):
    poster(cppn_run, tmp_path / "small", count=2, size=30, least=0.0)
    with pytest.raises(UserError, match="is not empty"):
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


def test_only_certain_elites_are_chosen_each_once(cppn_run: Run):
    every = [elite.confidence for index in range(2) for elite in cppn_run.elites(index)]
    bar = float(np.median(every))
    chosen = striking(cppn_run, count=10, least=bar)
    assert len({(elite.run_index, elite.class_index) for elite in chosen}) == 10
    assert all(elite.confidence >= bar for elite in chosen)


def test_the_more_contrasty_half_is_chosen_from(cppn_run: Run):
    # grey images are all without colour, so that contrast alone decides
    elites = [elite for index in range(2) for elite in cppn_run.elites(index)]
    found = sorted((contrast(elite.image()) for elite in elites), reverse=True)
    chosen = striking(cppn_run, count=5, least=0.0)
    assert contrast(chosen[0].image()) == found[0]
    assert all(contrast(elite.image()) >= found[9] for elite in chosen)


def test_the_choice_is_the_same_again(cppn_run: Run):
    first, again = (striking(cppn_run, count=6, least=0.0) for _ in range(2))
    assert [(e.run_index, e.cell) for e in first] == [(e.run_index, e.cell) for e in again]


def test_too_few_certain_elites_are_said(direct_run: Run):
    with pytest.raises(UserError, match=r"count is 24, but \d of the 3 elites .* 0\.99 or more"):
        striking(direct_run)
    with pytest.raises(UserError, match="count is 0; expected at least 1"):
        striking(direct_run, count=0)


@pytest.mark.parametrize(
    ("left", "right", "value"),
    [
        ((90, 90, 90), (10, 10, 10), 0.0),
        # one plane red: rg = 255, yb = 127.5, without spread
        ((255, 0, 0), (255, 0, 0), 0.3 * np.hypot(255, 127.5)),
        # half red, half cyan: rg = +-255 and yb = +-127.5, without mean
        ((255, 0, 0), (0, 255, 255), np.hypot(255, 127.5)),
    ],
    ids=["grey", "red", "red and cyan"],
)
def test_colourfulness_is_that_of_hasler_and_suesstrunk(left, right, value: float):
    image = np.array([[left, right]] * 2, np.uint8)
    assert colourfulness(image) == pytest.approx(value)


def test_contrast_is_the_spread_of_luma():
    image = np.zeros((2, 2, 3), np.uint8)
    image[0] = 255
    assert contrast(image) == pytest.approx(127.5)
    assert contrast(image[..., :1]) == pytest.approx(127.5)
    assert contrast(image * 0 + 7) == 0


@given(st.lists(st.tuples(*[st.integers(-9, 9)] * 2), min_size=2, max_size=12), st.data())
def test_every_next_point_is_the_farthest_from_those_before(points, data):
    points = np.array(points, float)
    count = data.draw(st.integers(1, len(points)))
    chosen = most_different(points, count)
    assert chosen[0] == 0
    assert len(set(chosen)) == count
    distance = cdist(points, points)
    for place in range(1, count):
        before, rest = chosen[:place], [i for i in range(len(points)) if i not in chosen[:place]]
        nearest = distance[before].min(axis=0)
        assert nearest[chosen[place]] == nearest[rest].max()
