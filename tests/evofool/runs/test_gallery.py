from dataclasses import replace

import numpy as np
import pytest

from evofool import Run, UserError, gallery
from evofool.classifiers.labels import groups_of
from evofool.images.sheets import CELL, MARGIN
from evofool.runs.gallery import _caption, _usual


def shown(sheet, place: int, factor: int) -> np.ndarray:
    """The pixels of an image on the first row."""
    x = MARGIN + place * (CELL + MARGIN)
    return np.asarray(sheet)[MARGIN : MARGIN + CELL : factor, x : x + CELL : factor]


def test_the_gallery_holds_every_elite_unsmoothed(cppn_run: Run):
    (sheet,) = gallery(cppn_run)
    for place, elite in enumerate(cppn_run.elites(0)):
        np.testing.assert_array_equal(shown(sheet, place, 4)[..., :1], elite.image())


def test_the_gallery_of_a_few_classes_is_narrow(direct_run: Run):
    (sheet,) = gallery(direct_run)
    assert sheet.width == 3 * (CELL + MARGIN) + MARGIN


def test_a_confidence_that_most_have_is_said_once(cppn_run: Run):
    elites = [replace(elite, fitness=20.0 + elite.cell) for elite in cppn_run.elites(0)[:4]]
    usual = _usual(elites)
    assert usual == "> 99.9999 %"
    assert [_caption(elite, usual)[1:] for elite in elites] == [["seed 0"]] * 4
    other = replace(elites[0], fitness=1.0)
    assert _caption(other, usual)[1:] == ["73.1059 %", "seed 0"]
    assert _usual([*elites[1:3], other, replace(other, fitness=2.0)]) is None
    assert _usual(elites[:2]) is None


def test_a_gallery_for_slides(cppn_run: Run):
    (plain,) = gallery(cppn_run, run_index=0, columns=5)
    (slide,) = gallery(cppn_run, run_index=0, columns=5, scale=2, dark=True, title="Digits")
    assert slide.width == 2 * plain.width
    assert slide.height > 2 * plain.height
    assert slide.getpixel((0, 0)) == (17, 17, 17)
    with pytest.raises(UserError, match=r"columns is 0; expected 1\.\.1000"):
        gallery(cppn_run, columns=0)
    with pytest.raises(UserError, match=r"scale is 11; expected 1\.\.10"):
        gallery(cppn_run, scale=11)


def test_a_thousand_elites_fill_ten_pages_the_most_certain_first(imagenet_run: Run):
    elites = sorted(imagenet_run.elites(), key=lambda elite: -elite.fitness)
    pages = [gallery(imagenet_run, page=page)[0] for page in (1, 10)]
    for page, first in zip(pages, (0, 900), strict=True):
        for place in range(10):
            expected = elites[first + place].image()
            np.testing.assert_array_equal(shown(page, place, 7), expected)
    with pytest.raises(UserError, match=r"page is 11; expected 1\.\.10 \(1000 elites, 100 on each"):
        gallery(imagenet_run, page=11)


def test_all_pages_are_drawn_unless_one_is_asked_for(imagenet_run: Run):
    assert len(gallery(imagenet_run, group="dogs", per_page=50)) == 3
    assert len(gallery(imagenet_run, classes=("starfish", "n02119789"))) == 1
    with pytest.raises(UserError, match="per_page is 0"):
        gallery(imagenet_run, per_page=0)


def test_groups_have_headings_also_on_the_page_where_they_go_on(imagenet_run: Run):
    by_class = gallery(imagenet_run, group="dogs", sort="class", per_page=60)
    by_group = gallery(imagenet_run, group="dogs", sort="group", per_page=60)
    assert all(a.height < b.height for a, b in zip(by_class, by_group, strict=True))
    # amphibians, arachnids, ... : the first page of all holds several groups, each a new row
    (first,) = gallery(imagenet_run, sort="group", page=1)
    names = sorted(groups_of(imagenet_run.card))[:100]
    rows = sum(-(-names.count(name) // 10) for name in set(names))
    assert rows > 10
    assert first.height > rows * CELL
