from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evofool.attacks.strips import StripRow, draw_strip, magnify, write_curve


@pytest.mark.parametrize("largest", [1, 20, 255])
def test_the_largest_change_is_as_dark_or_bright_as_can_be(largest: int):
    change = np.zeros((2, 2, 3), int)
    change[0, 0], change[1, 1, 2] = -largest, largest
    shown, factor = magnify(change)
    assert shown[0, 0].tolist() == [1, 1, 1]
    assert shown[1, 1].tolist() == [128, 128, 255]
    assert factor == pytest.approx(127 / largest)


def test_no_change_is_grey():
    shown, factor = magnify(np.zeros((2, 2, 1), int))
    assert set(shown.flatten()) == {128}
    assert factor == 1.0


def test_original_change_and_result_stand_side_by_side():
    original = np.full((112, 112, 3), 50, np.uint8)
    row = StripRow("epsilon 0.1", original + np.uint8(10), ("dog", "90 %"))
    one, two = (draw_strip(original, ("cat", "80 %"), [row] * count) for count in (1, 2))
    assert two.height > 1.8 * one.height
    middle = one.height // 2 + 10
    colors = [one.getpixel((x, middle)) for x in (12 + 56, 12 + 124 + 56, 12 + 248 + 56)]
    assert colors == [(50, 50, 50), (255, 255, 255), (60, 60, 60)]


def test_the_curve_is_a_image(tmp_path: Path):
    path = tmp_path / "curve.png"
    of = {"cat": [0.9, 0.1], "dog": [0.05, 0.8]}
    write_curve(path, [0.0, 0.1], axis="epsilon", best=[0.9, 0.8], names=["cat", "dog"], of=of)
    with Image.open(path) as image:
        assert image.size == (1100, 748)
