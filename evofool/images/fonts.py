"""Text in images, whatever its script: each letter in a font that has it, never a box.

Pillow's own font has little more than ASCII. A text with other letters is drawn in the font that
has most of them: DejaVu Sans, which comes with matplotlib (Latin, Greek, Cyrillic, Hebrew, Arabic
and more), or one of those that are installed. Letters that it lacks are drawn in another font, and
those that no font has are written as their codes, U+732B, which is said once.
"""

import itertools
import logging
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from PIL import ImageDraw, ImageFont

from evofool.support import printable

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

# draw a sign or nothing for every letter that there is
_PRETENDERS = ("lastresort", "adobeblank", "notdef")
# styles that are not taken where the same script is there in an upright, regular one
_STYLES = ("bold", "black", "heavy", "light", "thin", "italic", "oblique", "mono", "serif")


_said: set[str] = set()  # scripts


class Piece(NamedTuple):
    """Neighbouring letters of a text that are drawn in one font."""

    text: str
    font: Font


def draw_text(
    draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, *, size: int, fill: str
) -> None:
    """Draws a line of text; `place` is its upper left corner, `size` the letters' in pixels."""
    x, y = place
    # fonts share a baseline, not an upper edge
    baseline = y + max((_ascent(piece.font) for piece in pieces(text, size)), default=0)
    for piece in pieces(text, size):
        draw.text((x, baseline), piece.text, fill=fill, font=piece.font, anchor="ls")
        x += piece.font.getlength(piece.text)


def text_width(text: str, *, size: int) -> float:
    """Returns the width of a line of text in pixels."""
    return sum(piece.font.getlength(piece.text) for piece in pieces(text, size))


def pieces(text: str, size: int) -> list[Piece]:
    """Cuts `drawable(text)` where the font changes."""
    shown = drawable(text)
    runs = itertools.groupby(shown, key=lambda letter: _font_of(letter, shown))
    return [Piece("".join(letters), _load(path, size)) for path, letters in runs]


def drawable(text: str) -> str:
    """Returns the text with the letters that no font has written as their codes."""
    text = printable(text)
    if _is_plain(text):
        return text
    text = unicodedata.normalize("NFC", text)
    missing = _missing(text)
    if not missing:
        return text
    coded = "".join(_code(letter) if letter in missing else letter for letter in text)
    return " ".join(coded.split())


def legible(label: str, index: int) -> str:
    """Returns the label of a class for an image; with its index where no font has its letters."""
    return f"class {index} ({label})" if _missing(unicodedata.normalize("NFC", label)) else label


def families(text: str) -> list[str]:
    """Returns the font families in which matplotlib finds all letters of `drawable(text)`."""
    from matplotlib.font_manager import fontManager, get_font

    names = {get_font(_dejavu()).family_name: None}
    for path in {_font_of(letter, text) for letter in set(text) if not _is_plain(letter)}:
        if path is not None:
            fontManager.addfont(path)
            names[get_font(path).family_name] = None
    return [*names]


def _code(letter: str) -> str:
    """Returns the code of a letter that no font has, and says so; nothing for an invisible one."""
    if unicodedata.category(letter) == "Cf" or letter in "\ufe0e\ufe0f":  # joiners, variants
        return ""
    _say(unicodedata.name(letter, "unnamed").split()[0], letter)
    return f" U+{ord(letter):04X} "


def _missing(text: str) -> frozenset[str]:
    """Returns the letters of a text that no font has."""
    return frozenset(c for c in text if not _is_plain(c) and _font_of(c, text) is None)


def _say(script: str, letter: str) -> None:
    """Says that the letters of a script are written as codes, once in a process."""
    if script not in _said:
        _said.add(script)
        logging.getLogger(__name__).warning(
            f"no font that is installed has {script} letters ({letter}): in images they are "
            "written as codes; install one that has them, for instance a Noto font"
        )


def _is_plain(text: str) -> bool:
    return text.replace("…", "").isascii()  # what Pillow's own font has


def _font_of(letter: str, text: str) -> Path | None:
    """Returns the font in which a letter of a text is drawn.

    None is Pillow's own, for a text in ASCII; for another letter, that no font has it.
    """
    if _is_plain(text):
        return None
    best = _best(frozenset(text))
    if letter.isspace() or _draws(best, letter):
        return best
    return next((path for path in (_dejavu(), *_installed()) if _draws(path, letter)), None)


@cache
def _best(letters: frozenset[str]) -> Path:
    """Returns the first of the fonts that have the most of some letters."""
    wanted = [letter for letter in letters if not letter.isspace()]
    first = _dejavu()
    if all(_draws(first, letter) for letter in wanted):
        return first
    candidates: Sequence[Path] = (first, *_installed())
    return max(candidates, key=lambda path: sum(_draws(path, letter) for letter in wanted))


@cache
def _load(path: Path | None, size: int) -> Font:
    return ImageFont.load_default(size) if path is None else ImageFont.truetype(str(path), size)


def _ascent(font: Font) -> float:
    return font.getmetrics()[0] if isinstance(font, ImageFont.FreeTypeFont) else 0


@cache
def _draws(path: Path, letter: str) -> bool:
    """Whether a font has a letter, and ink for it (fonts of coloured emoji may have none)."""
    if ord(letter) not in _letters_of(path):
        return False
    is_mark = unicodedata.category(letter) in ("Cf", "Mn", "Me")
    return is_mark or _load(path, 16).getmask(letter).getbbox() is not None


@cache
def _letters_of(path: Path) -> frozenset[int]:
    """Returns the code points that a font file has; none of a file that cannot be used."""
    from matplotlib.ft2font import FT2Font

    try:
        _load(path, 16)  # bitmap fonts have a few sizes only
        return frozenset(FT2Font(str(path)).get_charmap())
    except (OSError, RuntimeError, ValueError):  # not FreeType's, or damaged
        return frozenset()


def _dejavu() -> Path:
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"


@cache
def _installed() -> tuple[Path, ...]:
    """Returns the fonts that are installed, those in a regular style first."""
    from matplotlib.font_manager import findSystemFonts

    paths = [path for path in map(Path, findSystemFonts()) if not _is(_PRETENDERS, path)]
    return tuple(sorted(paths, key=lambda path: (_is(_STYLES, path), path)))


def _is(words: Sequence[str], path: Path) -> bool:
    return any(word in path.stem.lower().replace("sans", "") for word in words)
