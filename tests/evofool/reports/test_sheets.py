from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evofool import Run, UserError, gallery, render
from evofool.reports.images import enlarge, save_image
from evofool.reports.sheets import CELL, MARGIN, percent, quiz_sheet


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0000 %"),
        (0.5, "50.0000 %"),
        (0.9999871, "99.9987 %"),
        (0.9999994, "99.9999 %"),
        (0.9999996, "> 99.9999 %"),
        (1.0, "> 99.9999 %"),
    ],
)
def test_percent_never_rounds_up_to_certainty(value: float, text: str):
    assert percent(value) == text


def test_the_gallery_holds_every_elite_unsmoothed(cppn_run: Run):
    sheet = np.asarray(gallery(cppn_run).convert("L"))
    for place, elite in enumerate(cppn_run.elites(0)):
        x = MARGIN + place * (CELL + MARGIN)
        shown = sheet[MARGIN : MARGIN + CELL : 4, x : x + CELL : 4]
        np.testing.assert_array_equal(shown, elite.picture()[..., 0])


def test_the_gallery_of_a_few_classes_is_narrow(direct_run: Run):
    assert gallery(direct_run).width == 3 * (CELL + MARGIN) + MARGIN


def test_render_takes_a_folder_and_a_label(cppn_run: Run):
    assert render(cppn_run.folder, "class 7", size=50, run_index=1).size == (50, 50)


def test_a_quiz_of_a_thousand_classes_does_not_list_them():
    pictures = np.zeros((3, 8, 8, 3), np.uint8)
    few = quiz_sheet(pictures, [str(i) for i in range(10)])
    many = quiz_sheet(pictures, [f"some long label {i}" for i in range(1000)])
    assert many.height <= few.height


def test_colour_is_kept_and_large_pictures_shrink():
    red = np.zeros((448, 224, 3), np.uint8)
    red[..., 0] = 255
    image = enlarge(red, CELL)
    assert (image.size, image.mode) == ((CELL // 2, CELL), "RGB")
    assert image.getpixel((5, 5)) == (255, 0, 0)


def test_an_unknown_format_is_an_error_of_the_user(tmp_path: Path):
    with pytest.raises(UserError, match=r"no known picture format in its name; use .*\.png"):
        save_image(Image.new("L", (1, 1)), tmp_path / "picture.xyz")
    assert not list(tmp_path.iterdir())
