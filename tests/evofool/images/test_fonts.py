import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from PIL import Image, ImageDraw

from evofool.images import Section, chart, draw_sheet, fonts
from evofool.images.fonts import draw_text, drawable, legible, pieces, text_width

NAMES = ["cat", "größer", "Straße", "кошка", "γάτα", "חתול", "قطة", "ñandú", "n\u0303", "café…"]
CACHED = (fonts._best, fonts._draws, fonts._letters_of)


@pytest.fixture(autouse=True)
def no_other_fonts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine with no fonts but those of the packages."""
    monkeypatch.setattr(fonts, "_installed", lambda: ())
    monkeypatch.setattr(fonts, "_said", set())
    for function in CACHED:
        function.cache_clear()
    yield
    for function in CACHED:
        function.cache_clear()


def install(monkeypatch: pytest.MonkeyPatch, *paths: Path) -> None:
    monkeypatch.setattr(fonts, "_installed", lambda: paths)


def make_font(path: Path, letters: str, *, has_ink: bool = True) -> Path:
    """Writes a font in which every letter is a filled square."""
    pen, empty = TTGlyphPen(None), TTGlyphPen(None).glyph()
    pen.moveTo((100, 0))
    for corner in ((100, 700), (800, 700), (800, 0)):
        pen.lineTo(corner)
    pen.closePath()
    square = pen.glyph() if has_ink else empty
    names = {ord(letter): f"letter{number}" for number, letter in enumerate(letters)}
    glyphs = [".notdef", *names.values()]
    builder = FontBuilder(1000)
    builder.setupGlyphOrder(glyphs)
    builder.setupCharacterMap(names)
    builder.setupGlyf({name: empty if name == ".notdef" else square for name in glyphs})
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (900, 100)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": path.stem, "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800, usWinAscent=800, usWinDescent=200)
    builder.setupPost()
    builder.save(path)
    return path


def drawn(text: str) -> np.ndarray:
    image = Image.new("L", (260, 40))
    draw_text(ImageDraw.Draw(image), (5, 5), text, size=20, fill="white")
    return np.asarray(image)


def boxes(text: str) -> int:
    """Counts the letters that a font draws as its sign for letters it lacks."""
    return sum(
        piece.font.getmask(letter).getbbox() is not None
        and bytes(piece.font.getmask(letter)) == bytes(piece.font.getmask("\uffff"))
        for piece in pieces(text, 20)
        for letter in piece.text
    )


@pytest.mark.parametrize("name", NAMES)
def test_letters_are_drawn_and_no_boxes(name: str):
    assert boxes(name) == 0
    assert "U+" not in drawable(name)
    assert drawn(name).any()
    assert 0 < text_width(name, size=20) < 200


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("猫 ab", "U+732B ab"),
        ("日本", "U+65E5 U+672C"),
        ("größe 猫", "größe U+732B"),
        ("a\U000e0041b", "ab"),  # a tag shows nothing
        ("a\x1b[1m\n", "a\\x1b[1m\\n"),
    ],
)
def test_a_letter_that_no_font_has_is_written_as_its_code(name: str, shown: str):
    assert drawable(name) == drawable(shown) == shown
    assert boxes(name) == 0


def test_letters_that_no_font_has_are_said_once_for_a_script(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        for label in ("猫", "犬", "größer", "ไทย"):
            drawable(label)
    assert len(caplog.messages) == 2
    assert caplog.messages[0].startswith("no font that is installed has CJK letters (猫)")
    assert "THAI" in caplog.messages[1]


def test_a_class_whose_label_cannot_be_drawn_has_its_index():
    assert legible("猫", 3) == "class 3 (猫)"
    assert legible("größer", 3) == "größer"


def test_an_installed_font_draws_what_others_lack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "damaged.ttf").write_bytes(b"no font")
    blank = make_font(tmp_path / "blank.ttf", "猫犬", has_ink=False)
    cats = make_font(tmp_path / "cats.ttf", "猫")
    dogs = make_font(tmp_path / "dogs.ttf", "犬")
    install(monkeypatch, tmp_path / "damaged.ttf", tmp_path / "gone.ttf", blank, cats, dogs)
    assert drawable("größe 猫犬") == "größe 猫犬"
    assert [piece.text for piece in pieces("größe 猫犬", 20)] == ["größe ", "猫", "犬"]
    assert (drawn("猫") == 255).sum() > 100, "a square of 14 pixels"
    assert legible("猫犬", 1) == "猫犬"


def test_regular_styles_come_first_and_fonts_that_pretend_not_at_all(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.undo()
    fonts._installed.cache_clear()
    files = ["LastResort.otf", "NotoSansCJK-Bold.ttc", "NotoSansCJK-Regular.ttc", "A-Italic.ttf"]
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", lambda: files)
    names = [path.name for path in fonts._installed()]
    fonts._installed.cache_clear()
    assert names == ["NotoSansCJK-Regular.ttc", "A-Italic.ttf", "NotoSansCJK-Bold.ttc"]


def test_captions_of_a_sheet_are_drawn_in_any_script():
    black = Image.new("RGB", (112, 112))

    def sheet(label: str) -> np.ndarray:
        return np.asarray(draw_sheet([Section("", [black], [[label, "1 %"]])]))

    assert (sheet("größer") != sheet("gr er")).any()
    assert sheet("日本語" * 9).shape == sheet("many words " * 4).shape
    assert (sheet("日本語" * 9)[:, 112 + 13 :] == 255).all(), "captions stay below their images"


@pytest.mark.filterwarnings("error")
def test_charts_draw_labels_in_any_script_and_take_none_for_markup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    install(monkeypatch, make_font(tmp_path / "cats.ttf", "猫"))
    images = []
    for label in ("猫", "犬", "$a_b", "$", "größer"):
        with chart(tmp_path / "chart.png", size=(3, 2)) as axes:
            axes.plot([0, 1], label=label)
            axes.set_yticks([0, 1], [label, "b"])
            axes.annotate(label, (0.5, 0.5))
            axes.legend()
        images.append(np.asarray(Image.open(tmp_path / "chart.png")).tobytes())
    assert len(set(images)) == 5
