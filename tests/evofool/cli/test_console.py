import re
from io import StringIO
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from evofool.cli import progress
from evofool.cli.console import half_blocks, make_table
from evofool.cli.progress import counting


def printed(thing: object, *, width: int = 200) -> list[str]:
    console = Console(file=StringIO(), width=width)
    console.print(thing)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_labels_with_markup_are_printed_as_they_are():
    assert "[bold]x" in printed(make_table(["a"], [["[bold]x"]]))[1]


def test_nothing_is_a_dash():
    assert printed(make_table(["a", "b"], [[1, None]]))[1].split() == ["1", "-"]


def test_a_table_may_have_no_rows():
    assert printed(make_table(["a", "b"], []))[0].split() == ["a", "b"]


@pytest.mark.parametrize("size", [(4, 4), (5, 7)])
def test_half_blocks_show_every_pixel(size: tuple[int, int]):
    height, width = size
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    text = half_blocks(image, columns=width)
    shown = np.zeros((height + height % 2, width, 3), np.uint8)
    for span in text.spans:
        row, column = divmod(span.start, width + 1)
        colors = [part[4:-1].split(",") for part in str(span.style).split(" on ")]
        shown[2 * row : 2 * row + 2, column] = np.array(colors, np.uint8)
    np.testing.assert_array_equal(shown[:height], image)
    assert {len(line) for line in text.plain.splitlines()} == {width}


def test_half_blocks_fit_the_columns():
    wide = half_blocks(np.zeros((28, 28, 1), np.uint8), columns=70).plain.splitlines()
    assert (len(wide), len(wide[0])) == (28, 56)  # twice, since 70 / 28 is 2.5
    narrow = half_blocks(np.zeros((256, 256, 3), np.uint8), columns=40).plain.splitlines()
    assert (len(narrow), len(narrow[0])) == (20, 40)


def test_a_count_in_a_pipe_is_a_line_every_few_seconds(monkeypatch: pytest.MonkeyPatch):
    times = iter([0.0, 1.0, 4.0, 4.0, 5.0, 8.0, 8.0])
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: next(times)))
    console = Console(file=StringIO(), force_terminal=False, width=10)
    with counting("pgd", console) as report:
        for done in (1, 1000, 1500, 2000):
            report(done, 2000)
    assert console.file.getvalue() == "pgd  1,000/2,000\npgd  2,000/2,000\n"


@pytest.mark.parametrize("width", [80, 60, 40])
def test_a_count_in_a_terminal_keeps_bar_counts_and_time_left(width: int):
    console = Console(file=StringIO(), force_terminal=True, width=width, color_system=None)
    with counting("finite-differences", console) as report:
        report(15_000, 20_000)
    lines = re.findall(r"finite[^\r\n\x1b]*", console.file.getvalue())
    assert re.fullmatch(r"finite-differences ━+\S* *15000/20000 +-+:--", lines[-1].rstrip()), lines
    assert len(lines[-1]) <= width
