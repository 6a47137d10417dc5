import string

import pytest

from evofool.experiments.report import note, notes
from evofool.experiments.report.prose import TEMPLATES

FILES = sorted(path.name for path in TEMPLATES.iterdir())


def test_paragraphs_are_filled_in_and_unwrapped():
    paragraphs = notes("single-class", "both", values=6, seeds=2, classes=3)
    assert len(paragraphs) == 4
    assert "6 values each (2 seed(s) x 3 classes)" in paragraphs[2]
    assert not any("\n" in paragraph for paragraph in paragraphs)


def test_a_missing_field_is_an_error():
    with pytest.raises(KeyError, match="rho"):
        note("regular", "two seeds", n=3, p=1)


@pytest.mark.parametrize("file", FILES)
def test_templates_name_every_field(file):
    text = TEMPLATES.joinpath(file).read_text("utf-8")
    assert text.startswith("# ")
    assert all(field != "" for _, field, *_ in string.Formatter().parse(text))
