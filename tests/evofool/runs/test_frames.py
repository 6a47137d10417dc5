"""What of a network's plane drawings show."""

import jax
import numpy as np
import pytest

import cppn
from evofool import Drawing, UserError
from evofool.config import CppnConfig
from evofool.runs import frames
from evofool.runs.frames import draw_frame, frame_of

EVOLVED = (28, 28, 1)
SPEC = cppn.GenomeSpec()


@pytest.fixture(scope="module")
def genome() -> cppn.Genome:
    return jax.device_get(cppn.init(jax.random.key(3), SPEC))


def drawn(genome: cppn.Genome, size: frames.Size = 40, **drawing) -> np.ndarray:
    image = draw_frame(genome, size, CppnConfig(), EVOLVED, Drawing(**drawing))
    return image.astype(int)


def differ(a: np.ndarray, b: np.ndarray) -> float:
    return float((np.abs(a - b) > 1).mean())


@pytest.mark.parametrize("coordinates", ["centered", "pixels"])
def test_bands_join_to_what_is_drawn_at_once(genome, coordinates, monkeypatch):
    monkeypatch.setattr(frames, "_BAND", 41 * 6)
    config = CppnConfig(coordinates=coordinates)
    banded = draw_frame(genome, (41, 20), config, EVOLVED)  # three bands of six rows, one overlaps
    whole = cppn.render(
        genome,
        spec=SPEC,
        height=20,
        width=41,
        style=cppn.Style(coordinates=coordinates),
        drawn_at=EVOLVED[:2],
        extent=frame_of((41, 20), EVOLVED).extent,
    )
    np.testing.assert_array_equal(banded, cppn.to_bytes(whole))


def test_magnified_around_a_point(genome):
    quarter = drawn(genome, 40, zoom=79 / 39, center=(40 / 79, -40 / 79))
    assert differ(quarter, drawn(genome, 80)[:40, 40:]) < 0.01, "the upper right one"


def test_turned_clockwise(genome):
    plain = drawn(genome)
    assert differ(drawn(genome, rotate=90), np.rot90(plain, -1)) < 0.01
    assert differ(drawn(genome, rotate=-180), plain[::-1, ::-1]) < 0.01


def test_other_proportions(genome):
    plain = drawn(genome)
    fit = drawn(genome, (60, 40), aspect="fit")
    np.testing.assert_array_equal(fit[:, 10:50], plain)
    assert not fit[:, :10].any()
    assert not fit[:, 50:].any()
    stretched = drawn(genome, (79, 40), aspect="stretch")
    assert differ(stretched[:, ::2], plain) < 0.01
    margin = drawn(genome, (60, 40), aspect="fit", palette="magma_r", transparent=True)[0, 0]
    assert margin.tolist() == [252, 253, 191, 0], "the colour of black, unseen"


def test_tiles_are_mirrored(genome):
    one, many = drawn(genome, (20, 20)), drawn(genome, (60, 40), tile=(3, 2))
    np.testing.assert_array_equal(many[:20, :20], one)
    np.testing.assert_array_equal(many[:20, 20:40], one[:, ::-1])
    np.testing.assert_array_equal(many[20:, 40:], one[::-1])


@pytest.mark.parametrize(
    ("drawing", "message"),
    [
        ({"zoom": 0.0}, "zoom is 0.0; expected more than 0"),
        ({"zoom": float("nan")}, "zoom is nan"),
        ({"center": (0.0, float("inf"))}, "expected finite numbers"),
        ({"aspect": "fill"}, "aspect is 'fill'; expected extend, fit, stretch"),
        ({"tile": (0, 1)}, "expected two numbers from 1"),
        ({"tile": (3, 1)}, "choose a size of 42x40"),
        ({"zoom": 1e7, "center": (1.0, 0.0)}, r"expected at most \d+"),
        ({"palette": "nothing"}, "unknown palette"),
        ({"dpi": 0}, "dpi is 0"),
    ],
)
def test_drawings_that_cannot_be_are_refused(genome, drawing, message):
    with pytest.raises(UserError, match=message):
        drawn(genome, **drawing)
