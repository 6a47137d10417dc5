"""Fonts that have the letters of a text, whatever its script.

Pillow's own font has little more than ASCII and draws a box for anything else. Labels come from
anywhere: they are drawn in the first font that has all of their letters, among Pillow's own,
DejaVu Sans (which comes with matplotlib: Latin, Greek, Cyrillic, Hebrew, Arabic and more), and the
fonts that are installed. A letter that none of them has is written as its code, U+732B.
"""

from functools import cache
from pathlib import Path

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def font_for(text: str, size: int) -> Font:
    """Returns a font of `size` pixels that has the letters of `drawable(text)`."""
    if text.isascii():
        return ImageFont.load_default(size)
    return _load(_best(frozenset(text)), size)


def drawable(text: str) -> str:
    """Returns the text with the letters that no font has written as their codes."""
    if text.isascii():
        return text
    has = _letters_of(_best(frozenset(text)))
    return "".join(c if ord(c) in has or c.isspace() else f"U+{ord(c):04X}" for c in text)


@cache
def _best(letters: frozenset[str]) -> Path:
    """Returns the first of the fonts that have the most of some letters."""
    wanted = {ord(letter) for letter in letters if not letter.isspace()}
    first = _dejavu()
    if wanted <= _letters_of(first):
        return first
    return max((first, *_installed()), key=lambda path: len(wanted & _letters_of(path)))


@cache
def _load(path: Path, size: int) -> Font:
    return ImageFont.truetype(str(path), size)


@cache
def _letters_of(path: Path) -> frozenset[int]:
    """Returns the code points that a font file has; none of a file that cannot be read."""
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(str(path)).get_charmap())
    except (OSError, RuntimeError):  # not FreeType's, or damaged
        return frozenset()


def _dejavu() -> Path:
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"


@cache
def _installed() -> tuple[Path, ...]:
    from matplotlib.font_manager import findSystemFonts

    return tuple(sorted(map(Path, findSystemFonts())))
