import numpy as np
import pytest
from PIL import Image

from evofool.images.sheets import CELL, MARGIN, Look, Section, draw_sheet, thumbnail


@pytest.mark.parametrize(
    ("side", "shown"),
    [(8, 112), (28, 112), (32, 128), (64, 128), (96, 112), (128, 128), (192, 112), (256, 128)],
)
def test_thumbnails_are_large_enough_and_whole_factors_where_possible(side: int, shown: int):
    image = np.zeros((side, side, 3), np.uint8)
    assert thumbnail(image).size == (shown, shown)
    assert shown >= CELL


def sections(*counts: int) -> list[Section]:
    """Sections of black images, with as many as said."""
    black = Image.new("RGB", (CELL, CELL))
    return [
        Section(f"part {place}", [black] * count, [["name", "1 %"]] * count)
        for place, count in enumerate(counts)
    ]


def black_cells(sheet: Image.Image) -> int:
    """Counts images by their area; letters are too few to matter."""
    return round(float(np.sum(np.asarray(sheet.convert("L")) == 0)) / CELL**2)


@pytest.mark.parametrize("counts", [(3,), (10, 1), (11, 3, 12)])
def test_every_image_of_every_section_is_there(counts: tuple[int, ...]):
    assert black_cells(draw_sheet(sections(*counts))) == sum(counts)


def test_a_section_begins_a_row_under_its_heading():
    sheet = draw_sheet(sections(3, 2))
    assert sheet.width == 3 * (CELL + MARGIN) + MARGIN
    is_black = np.asarray(sheet.convert("L")) == 0
    rows = is_black[:, MARGIN : MARGIN + CELL].all(axis=1)
    assert np.sum(rows[1:] & ~rows[:-1]) == 2, "two rows of images"
    first = int(np.argmax(rows))
    assert is_black[:first].any(), "a heading above the first"


def test_without_a_heading_the_images_begin_at_the_top():
    (section,) = sections(2)
    bare = draw_sheet([section._replace(heading="")])
    assert bare.getpixel((MARGIN, MARGIN)) == (0, 0, 0)
    assert bare.height < draw_sheet([section]).height


def test_a_long_name_takes_two_lines_and_never_leaves_its_cell():
    (section,) = sections(1)
    names = ("soft-coated wheaten terrier", "Llanfairpwllgwyngyllgogerychwyrndrobwll")
    for name in names:
        sheet = draw_sheet([section._replace(captions=[[name, "1 %"]])])
        beyond = np.asarray(sheet.convert("L"))[:, MARGIN + CELL + 1 :]
        assert (beyond == 255).all()
    two_lines = draw_sheet([section._replace(captions=[[names[0], "1 %"]])])
    assert two_lines.height > draw_sheet([section]).height


def test_a_larger_sheet_has_the_same_lines():
    small = draw_sheet(sections(3))
    black = Image.new("RGB", (2 * CELL, 2 * CELL))
    (section,) = sections(3)
    large = draw_sheet([section._replace(images=[black] * 3)], look=Look(scale=2))
    assert large.size == (2 * small.width, 2 * small.height)


def test_a_dark_sheet_has_light_letters_a_title_and_a_note():
    plain = draw_sheet(sections(3))
    sheet = draw_sheet(sections(3), look=Look(columns=2, dark=True, title="Above", note="Below"))
    assert sheet.width < plain.width
    levels = np.asarray(sheet.convert("L"))
    assert np.median(levels) < 32
    first = int(np.argmax((levels == 0)[:, MARGIN + 5]))  # of the images
    assert (levels[:first] > 200).any(), "the title"
    assert (levels[-2 * MARGIN :] > 100).any(), "the note"
