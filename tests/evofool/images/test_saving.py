from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evofool import Run, UserError, render
from evofool.images.saving import resized, save_image, save_pages


def test_render_takes_a_folder_and_a_label(cppn_run: Run):
    assert render(cppn_run.folder, "class 7", size=50, run_index=1).size == (50, 50)


def test_colour_is_kept_and_large_images_shrink():
    red = np.zeros((448, 224, 3), np.uint8)
    red[..., 0] = 255
    image = resized(red, 112)
    assert (image.size, image.mode) == ((56, 112), "RGB")
    assert image.getpixel((5, 5)) == (255, 0, 0)


def test_a_whole_factor_makes_squares_of_pixels():
    levels = np.random.default_rng(0).integers(0, 256, (5, 3, 3), np.uint8)
    expected = levels.repeat(4, axis=0).repeat(4, axis=1)
    np.testing.assert_array_equal(np.asarray(resized(levels, 20)), expected)


def test_an_unknown_format_is_an_error_of_the_user(tmp_path: Path):
    for name in ("image.xyz", "image.psd", "image"):  # Pillow reads .psd, and writes none
        with pytest.raises(UserError, match=r"no known image format in its name; use .*\.png"):
            save_image(Image.new("L", (1, 1)), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_one_page_keeps_the_name_and_several_are_numbered(tmp_path: Path):
    pages = [Image.new("RGB", (2, 2), (0, 0, level)) for level in range(101)]
    assert save_pages(pages[:1], tmp_path / "a.png") == [tmp_path / "a.png"]
    assert [path.name for path in save_pages(pages[:2], tmp_path / "b.png")] == [
        "b-01.png",
        "b-02.png",
    ]
    paths = save_pages(pages, tmp_path / "c.png")
    assert paths[0].name == "c-001.png"
    with Image.open(paths[100]) as last:
        assert last.getpixel((0, 0)) == (0, 0, 100)


def test_a_name_in_jpg_gives_a_small_file(tmp_path: Path):
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    for name in ("noise.jpg", "noise.png"):
        save_image(Image.fromarray(noise), tmp_path / name)
    with Image.open(tmp_path / "noise.jpg") as image:
        assert image.format == "JPEG"
    sizes = [(tmp_path / name).stat().st_size for name in ("noise.jpg", "noise.png")]
    assert sizes[0] < 0.6 * sizes[1]
