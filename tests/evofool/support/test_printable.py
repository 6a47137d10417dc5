import pytest

from evofool.support.printable import csv_cell, from_csv_cell, in_markdown, printable, shortened


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tiger cat", "tiger cat"),
        ("größer 猫 قطة", "größer 猫 قطة"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("two\nlines\r", r"two\nlines\r"),
        ("\x9b31m", r"\x9b31m"),
        ("a\u202eb", r"a\u202eb"),
        ("line\u2028end", r"line\u2028end"),
        ("\ud800", r"\ud800"),
        ("a\x00b", r"a\x00b"),
    ],
)
def test_control_characters_are_written_as_escapes(text, expected):
    assert printable(text) == expected


def test_some_may_stay():
    assert printable("one\n\x1btwo", keep="\n") == "one\n\\x1btwo"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("=cmd|' /C calc'!A1", "'=cmd|' /C calc'!A1"),
        ("+1+1", "'+1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-1.5", "-1.5"),
        ("+3", "+3"),
        ("\t=1", r"\t=1"),
        ("tabby, tabby cat", "tabby, tabby cat"),
        ("'tis", "'tis"),
        ("'=1", "''=1"),
        ("\uff1d1", "'\uff1d1"),
    ],
)
def test_no_spreadsheet_runs_a_cell(text, expected):
    assert csv_cell(text) == expected
    assert from_csv_cell(expected) == printable(text)


def test_of_a_long_text_both_ends_are_shown():
    assert shortened("abcdefghijkl", 12) == "abcdefghijkl"
    assert shortened("abcdefghijklm", 11) == "abc ... klm"
    assert len(shortened("x" * 10**6, 100)) == 100


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("great white shark", "great white shark"),
        ("St. Bernard (dog)", "St. Bernard (dog)"),
        ("![x](http://a.b/c)", r"!\[x\](http\://a.b/c)"),
        ("<img src=x>", r"\<img src=x\>"),
        ("**bold** `code`", r"\*\*bold\*\* \`code\`"),
        ("a|b", "a|b"),  # tables escape it
        ("two\nlines", r"two\\nlines"),
    ],
)
def test_nothing_is_markup_in_markdown(text, expected):
    assert in_markdown(text) == expected
