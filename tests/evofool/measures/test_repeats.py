"""Copies that were planted are found, and nothing where nothing is repeated."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from evofool.images.levels import to_levels
from evofool.measures.repeats import find_repeats
from evofool.support.errors import UserError
from tests.evofool.textures import plant, smooth, texture

SIDE = 96


SIZES, COPIES, NOISE = (12, 16, 20, 24), (2, 5), (0.0, 0.05)


def is_found(image: np.ndarray, corners: np.ndarray, size: int) -> bool:
    """Whether every planted copy was found, to two pixels, and nothing else."""
    found = find_repeats(image)
    if found is None:
        return False
    distance = np.abs((found.corners + found.size / 2)[:, None] - (corners + size / 2)[None])
    is_near = distance.max(axis=2) <= 2
    return bool(is_near.any(axis=0).all() and is_near.any(axis=1).all())


@settings(max_examples=15)
@given(
    seed=st.integers(0, 10_000),
    size=st.sampled_from(SIZES),
    copies=st.integers(*COPIES),
    noise=st.sampled_from(NOISE),
)
def test_copies_planted_in_a_texture_are_all_found(seed, size, copies, noise):
    generator = np.random.default_rng(seed)
    image, corners = plant(
        generator, texture(generator, SIDE), size=size, copies=copies, noise=noise
    )
    assert is_found(image, corners, size)


@pytest.mark.slow
def test_copies_planted_in_smooth_images_are_nearly_always_found():
    """A patch that happens to be flat is like its surroundings: 4 of 133 images lose a copy."""
    generator, hits = np.random.default_rng(0), 0
    for _ in range(30):
        size, copies = int(generator.choice(SIZES)), int(generator.integers(2, 6))
        noise = float(generator.choice(NOISE))
        image, corners = plant(
            generator, smooth(generator, SIDE), size=size, copies=copies, noise=noise
        )
        hits += is_found(image, corners, size)
    assert hits >= 28


def test_copies_are_apart_inside_the_image_and_sorted_by_similarity():
    generator = np.random.default_rng(3)
    image, _ = plant(generator, texture(generator, SIDE), size=16, copies=5, noise=0.03)
    found = find_repeats(image)
    assert found is not None
    gaps = np.abs(found.corners[:, None] - found.corners[None]).max(axis=2)
    assert (gaps[~np.eye(len(gaps), dtype=bool)] >= found.size).all()
    assert found.corners.min() >= 1
    assert found.corners.max() + found.size <= SIDE - 1
    assert found.similarity[0] == pytest.approx(1)
    assert (np.diff(found.similarity) <= 0).all()
    assert found.similarity[-1] >= 0.8


def test_images_without_repetition_give_no_false_alarm():
    alarms = [find_repeats(to_levels(texture(np.random.default_rng(s), SIDE))) for s in range(10)]
    assert alarms == [None] * 10


@pytest.mark.parametrize("angle", [0, 30, 90])
def test_stripes_have_no_element(angle):
    rows, columns = np.mgrid[:SIDE, :SIDE]
    along = np.cos(np.deg2rad(angle)) * rows + np.sin(np.deg2rad(angle)) * columns
    stripes = 0.5 + 0.4 * np.sin(along * 0.7)
    assert find_repeats(to_levels(stripes[..., None])) is None


def test_a_lattice_of_dots_is_found_dot_by_dot():
    image = np.zeros((SIDE, SIDE, 1))
    image[16::24, 16::24] = 1
    image = ndimage.gaussian_filter(image, (2, 2, 0))
    found = find_repeats(to_levels(image / image.max()))
    assert found is not None
    assert len(found.corners) == 16
    steps = found.corners - found.corners[0]
    assert (steps % 24 == 0).all()


def test_too_few_copies_are_none():
    generator = np.random.default_rng(0)
    image, _ = plant(generator, texture(generator, SIDE), size=16, copies=3)
    assert find_repeats(image, least_copies=3) is not None
    assert find_repeats(image, least_copies=4) is None


def test_an_even_image_has_no_element():
    assert find_repeats(np.full((32, 32, 3), 77, np.uint8)) is None


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((17, 40, 1), {}, "image is 40x17; expected at least 18 pixels"),
        ((40, 40, 1), {"least_copies": 1}, "least_copies is 1; expected at least 2"),
        (
            (40, 40, 1),
            {"least_similarity": 1.0},
            r"least_similarity is 1.0; expected .* in \(0, 1\)",
        ),
    ],
)
def test_what_cannot_be_searched_is_said(shape, options, message):
    with pytest.raises(UserError, match=message):
        find_repeats(np.zeros(shape, np.uint8), **options)
