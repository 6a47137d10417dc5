import numpy as np
import pytest
from PIL import Image

from evofool import UserError
from evofool.images.charts import chart, write_matrix


def read(path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def test_chart_writes_what_was_drawn(tmp_path):
    for name, height in (("flat", 0.0), ("high", 1.0)):
        with chart(tmp_path / f"{name}.png", size=(2, 1)) as axes:
            axes.plot([0, 1], [0, height])
    flat, high = read(tmp_path / "flat.png"), read(tmp_path / "high.png")
    assert flat.shape == high.shape == (220, 440, 3)
    assert (flat != high).any()


@pytest.mark.parametrize(("ending", "start"), [("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_the_ending_decides_the_format(tmp_path, ending, start):
    with chart(path := tmp_path / f"a.{ending}") as axes:
        axes.plot([0, 1])
    assert path.read_bytes().startswith(start)


def test_other_endings_are_refused(tmp_path):
    with (
        pytest.raises(UserError, match=r"b\.bmp: a chart cannot be written as '\.bmp'; expected"),
        chart(tmp_path / "b.bmp"),
    ):
        pass


def test_chart_has_as_many_panels_as_asked_for(tmp_path):
    with chart(tmp_path / "two.png", panels=2) as (left, right):
        left.plot([0, 1])
        right.plot([1, 0])
    assert (tmp_path / "two.png").exists()


def test_legends_stand_beside_the_data(tmp_path):
    with chart(tmp_path / "two.png", panels=2) as both:
        for axes in both:
            axes.plot([0, 1], label="a line")
            axes.legend(loc="center")
    places = [axes.get_legend().get_window_extent() for axes in both]
    assert not any(place.overlaps(axes.bbox) for place in places for axes in both)
    assert places[1].x1 <= both[1].figure.bbox.x1


def test_chart_leaves_nothing_behind_when_drawing_fails(tmp_path):
    with pytest.raises(ZeroDivisionError), chart(tmp_path / "broken.png"):
        _ = 1 / 0
    assert list(tmp_path.iterdir()) == []


def test_matrix_is_darker_where_values_are_greater(tmp_path):
    images = []
    for value in (0.0, 0.5, 1.0):
        write_matrix(np.full((2, 3), value), tmp_path / "m.png", rows="ab", columns="xyz")
        images.append(read(tmp_path / "m.png").mean())
    assert images[0] > images[1] > images[2]


def test_matrix_shows_texts_and_squares_without_a_value(tmp_path):
    values = np.array([[0.1, np.nan], [0.9, 0.2]])
    texts = [["1", ""], ["9", "2"]]
    write_matrix(values, tmp_path / "bare.png", rows="ab", columns="xy")
    write_matrix(values, tmp_path / "text.png", rows="ab", columns="xy", texts=texts)
    bare, text = read(tmp_path / "bare.png"), read(tmp_path / "text.png")
    assert (bare != text).any()
    assert (bare == 0xDD).all(axis=-1).any()  # the grey of what is no number


def test_numbers_of_a_logarithmic_axis_are_formulas_and_names_are_not(tmp_path):
    with chart(tmp_path / "log.png") as axes:
        axes.plot([1, 1000], [0, 1], label="$a$")
        axes.set_xscale("log")
        axes.set_yticks([0, 1], ["$b$", "c"])
        axes.legend()
    numbers, names = axes.get_xticklabels(), axes.get_yticklabels()
    assert any("10^" in number.get_text() for number in numbers)
    assert all(number.get_parse_math() for number in numbers)
    assert names[0].get_text() == "$b$"
    assert not any(name.get_parse_math() for name in [*names, *axes.get_legend().get_texts()])
