from pathlib import Path

import numpy as np
import pytest

from evofool import UserError
from evofool.images import colored, read_palette


def test_a_file_of_colours_is_blended_from_dark_to_light(tmp_path: Path):
    file = tmp_path / "mine.txt"
    file.write_text("#000000\n\n#ff0000\n#FFFF00\n", encoding="utf-8")
    palette = read_palette(str(file))
    assert palette.shape == (256, 3)
    assert palette[[0, 255]].tolist() == [[0, 0, 0], [255, 255, 0]]
    assert palette[64].tolist() == [128, 0, 0]


def test_colour_maps_of_matplotlib_have_names():
    assert read_palette("gray").tolist() == [[level] * 3 for level in range(256)]
    with pytest.raises(UserError, match="did you mean 'viridis'"):
        read_palette("virids")


@pytest.mark.parametrize("text", ["#000000", "red\nblue\n", "#12345\n#000000\n"])
def test_a_file_of_something_else_is_refused(text: str, tmp_path: Path):
    (tmp_path / "mine.txt").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"mine\.txt"):
        read_palette(str(tmp_path / "mine.txt"))


@pytest.mark.parametrize("channels", [1, 3])
def test_on_black_a_transparent_image_looks_as_it_did(channels: int):
    image = np.random.default_rng(0).integers(0, 256, (20, 20, channels)).astype(np.uint8)
    image[0] = 0
    shown = colored(image, None, transparent=True).astype(float)
    assert shown.shape == (20, 20, channels + 1)
    on_black = shown[..., :-1] * shown[..., -1:] / 255
    assert np.abs(on_black - image).max() <= 1
    assert (shown[0, :, -1] == 0).all()


def test_a_palette_colours_the_lightness():
    palette = read_palette("magma")
    image = np.array([[[255, 0, 0], [0, 255, 0]]], np.uint8)
    expected = [[*palette[level].tolist(), level] for level in (76, 150)]  # 0.299, 0.587 of 255
    assert colored(image, palette, transparent=True)[0].tolist() == expected
