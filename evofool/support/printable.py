"""Text from files and models, made harmless for terminals, markup and spreadsheets.

Labels, file names and messages of other people's code may hold control characters that move the
cursor, change the title of a terminal or hide text, and cells that a spreadsheet would run.
"""

import re
import unicodedata

# What a spreadsheet takes for a formula when a cell begins with it (OWASP, "CSV injection"); the
# last four are = + - @ in full width.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
# letters that reorder their neighbours, so that text reads as something else (CVE-2021-42574)
_REORDERING = {chr(c) for c in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}


def printable(text: str, *, keep: str = "") -> str:
    r"""Returns the text with control characters written as their escapes, `\x1b`.

    Args:
        text: of any origin.
        keep: control characters that stay, for instance "\n".
    """
    if text.isprintable():
        return text if not _REORDERING & set(text) else _escaped(text, keep)
    return _escaped(text, keep)


def shortened(text: str, most: int) -> str:
    """Returns the text, or of a longer one its beginning and its end.

    Args:
        text: of any length.
        most: letters that are left, three dots between them included.
    """
    if len(text) <= most:
        return text
    end = (most - 5) // 2
    return f"{text[: most - 5 - end]} ... {text[-end:]}"


def in_markdown(text: str) -> str:
    r"""Returns the text as Markdown shows it: nothing in it is markup, a link or HTML.

    A `|` stays: tables escape those of their cells themselves.

    Example:
        >>> in_markdown("![a](http://b) <script> *c*")
        '!\\[a\\](http\\://b) \\<script\\> \\*c\\*'
    """
    return re.sub(r"([\\`*_\[\]<>~&#]|:(?=//)|(?<=www)\.|@)", r"\\\1", printable(text))


def csv_cell(text: str) -> str:
    """Returns the text of a cell so that no spreadsheet runs it: with ' before a formula.

    Numbers stay numbers: `-1.5` is no formula.
    """
    text = printable(text)
    is_formula = text.lstrip("'").startswith(_FORMULA) and not _is_number(text)
    return f"'{text}" if is_formula else text


def from_csv_cell(cell: str) -> str:
    """Returns the text of a cell that `csv_cell` wrote, without the ' before a formula."""
    is_formula = cell.startswith("'") and cell.lstrip("'").startswith(_FORMULA)
    return cell[1:] if is_formula else cell


def _escaped(text: str, keep: str) -> str:
    def letter(c: str) -> str:
        is_control = unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in _REORDERING
        return c.encode("unicode_escape").decode() if is_control and c not in keep else c

    return "".join(map(letter, text))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text
