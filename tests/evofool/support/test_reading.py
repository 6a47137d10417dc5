import os

import pytest

from evofool.support.errors import UserError
from evofool.support.reading import parse_json, parse_toml, read_text


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfgr\xc3\xb6\xc3\x9fer")
    assert read_text(path) == "größer"


def test_what_cannot_be_read_is_said(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "latin").write_bytes(b"gr\xf6sser")
    (tmp_path / "large").write_bytes(b"x" * 101)
    for name, words in (
        ("pipe", "no regular file"),
        ("", "a folder"),
        ("gone", "No such file"),
        ("latin", "not UTF-8 text .at byte 2"),
        ("large", "101 bytes; expected at most 100"),
        ("x" * 300, "name too long"),
    ):
        with pytest.raises(UserError, match=words):
            read_text(tmp_path / name, most_bytes=100)


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 200_000, "[", "nope", "9" * 5000])
def test_json_that_cannot_be_used_is_said(text):
    with pytest.raises(UserError, match=r"settings\.json is not"):
        parse_json(text, "settings.json")


@pytest.mark.parametrize("text", ["a = " + "[" * 200_000, "a = {", "a = 1\na = 2"])
def test_toml_that_cannot_be_used_is_said(text):
    with pytest.raises(UserError, match=r"x.toml is not"):
        parse_toml(text, "x.toml")


def test_what_is_right_is_parsed():
    assert parse_json('{"a": [1, 2]}', "x") == {"a": [1, 2]}
    assert parse_toml("a = 1\r\n[b]\nc = 'd'\r\n", "x") == {"a": 1, "b": {"c": "d"}}
