import numpy as np
import pytest
from PIL import Image, ImageDraw

from evofool.images import fonts
from evofool.images.fonts import drawable, font_for

NAMES = ["cat", "größer", "Straße", "кошка", "γάτα", "חתול", "قطة", "ñandú"]


def drawn(text: str, font) -> np.ndarray:
    image = Image.new("L", (200, 40))
    ImageDraw.Draw(image).text((5, 5), text, fill=255, font=font)
    return np.asarray(image)


@pytest.mark.parametrize("name", NAMES)
def test_letters_are_drawn_and_no_boxes(name):
    font = font_for(name, 20)
    box = drawn("\uffff", font)  # a code point that no font has
    assert drawable(name) == name
    for letter in set(name):
        assert not np.array_equal(drawn(letter, font), box), letter


def test_a_letter_that_no_font_has_is_written_as_its_code(monkeypatch):
    monkeypatch.setattr(fonts, "_installed", lambda: ())
    fonts._best.cache_clear()
    assert drawable("猫 ab") == "U+732B ab"
    box = drawn("\uffff", font_for("猫", 20))
    assert not np.array_equal(drawn(drawable("猫"), font_for("猫", 20)), box)
    fonts._best.cache_clear()


def test_an_installed_font_is_used_if_it_has_more(tmp_path, monkeypatch):
    monkeypatch.setattr(fonts, "_installed", lambda: (tmp_path / "damaged.ttf", tmp_path / "cjk"))
    (tmp_path / "damaged.ttf").write_bytes(b"no font")
    letters_of = fonts._letters_of

    def with_cat(path):
        return frozenset(map(ord, "猫")) if path.name == "cjk" else letters_of(path)

    monkeypatch.setattr(fonts, "_letters_of", with_cat)
    fonts._best.cache_clear()
    assert fonts._best(frozenset("猫")) == tmp_path / "cjk"
    fonts._best.cache_clear()
