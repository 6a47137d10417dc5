import numpy as np
import pytest

from evofool.measures.patch_ablation import ablate, places_elsewhere, remove_patches
from evofool.measures.repeats import Repeats, find_repeats
from evofool.support.errors import UserError
from tests.evofool.textures import plant, smooth, texture

SIDE = 64
RAMP = np.linspace(0, 200, SIDE * SIDE, dtype=np.uint8).reshape(SIDE, SIDE, 1)


def overlap(first, second, size):
    return np.abs(np.asarray(first)[:, None] - np.asarray(second)[None]).max(axis=2) < size


@pytest.fixture(scope="module")
def planted():
    """An image with four planted copies of 12x12 pixels."""
    generator = np.random.default_rng(7)
    image, corners = plant(generator, smooth(generator, SIDE), size=12, copies=4)
    return image, Repeats(12, corners, np.ones(4))


def test_patches_go_one_after_the_other_and_all_else_stays(planted):
    image, repeats = planted
    series = remove_patches(image, repeats.corners, repeats.size)
    assert len(series) == 5
    np.testing.assert_array_equal(series[0], image)
    for step, (row, column) in enumerate(repeats.corners):
        changed = (series[step + 1] != series[step]).any(axis=2)
        inside = np.zeros_like(changed)
        inside[row : row + 12, column : column + 12] = True
        assert changed[inside].mean() > 0.9
        assert not changed[~inside].any()


def test_membrane_is_the_mean_of_its_neighbours_everywhere(planted):
    image, repeats = planted
    corner = repeats.corners[:1]
    filled = remove_patches(image, corner, 12)[1].astype(float)
    row, column = corner[0]
    rows, columns = slice(row, row + 12), slice(column, column + 12)
    neighbours = [
        np.roll(filled, shift, axis)[rows, columns] for shift in (-1, 1) for axis in (0, 1)
    ]
    # Both sides are rounded to levels: half a level each.
    assert np.abs(filled[rows, columns] - np.mean(neighbours, axis=0)).max() <= 1


def test_membrane_closes_a_hole_in_a_slope_without_trace():
    rows, columns = np.mgrid[:SIDE, :SIDE]
    slope = (40 + 2 * rows + columns).astype(np.uint8)[..., None]
    series = remove_patches(slope, np.array([[5, 9], [30, 30]]), 16)
    np.testing.assert_array_equal(series[-1], slope)


def test_mean_is_the_mean_of_the_pixels_around():
    image = RAMP.copy()
    image[19, 20:28] = image[28, 20:28] = 10
    image[20:28, 19] = image[20:28, 28] = 30
    filled = remove_patches(image, np.array([[20, 20]]), 8, fill="mean")[1]
    assert (filled[20:28, 20:28] == 20).all()


@pytest.mark.parametrize("alike", [False, True])
def test_places_elsewhere_overlap_neither_copies_nor_each_other(planted, alike):
    image, repeats = planted
    for seed in range(5):
        places = places_elsewhere(np.random.default_rng(seed), image, repeats, alike=alike)
        assert not overlap(places, repeats.corners, 12).any()
        assert not overlap(places, places, 12)[~np.eye(len(places), dtype=bool)].any()
        assert places.min() >= 1
        assert places.max() + 12 < SIDE


def test_places_alike_have_more_nearly_the_contrast_of_the_copies():
    generator = np.random.default_rng(0)
    ground = smooth(generator, 128)
    ground[:, 64:] = texture(generator, 128)[:, 64:]  # flat on the left, rough on the right
    image, corners = plant(generator, ground, size=12, copies=3)
    repeats = Repeats(12, corners, np.ones(3))

    def contrast(places):
        patches = [image[r : r + 12, c : c + 12] / 255 for r, c in places]
        return np.array([patch.std(axis=(0, 1)).mean() for patch in patches])

    off = {
        alike: [
            np.abs(contrast(places_elsewhere(generator, image, repeats, alike=alike)) - copies)
            for copies in [contrast(corners)] * 20
        ]
        for alike in (False, True)
    }
    assert np.mean(off[True]) < 0.7 * np.mean(off[False])


def test_no_place_is_drawn_where_there_is_no_room():
    corners = np.array([[r, c] for r in (1, 20, 39) for c in (1, 20, 39)])
    repeats = Repeats(19, corners, np.ones(9))
    assert len(places_elsewhere(np.random.default_rng(0), RAMP, repeats, alike=False)) == 0


def test_ablation_tells_copies_from_patches_elsewhere():
    """A "network" that counts white dots loses them with the copies, and only with these."""
    image = np.full((SIDE, SIDE, 1), 90, np.uint8)
    dots = np.array([[10, 10], [10, 40], [40, 10]])
    for row, column in dots:
        image[row : row + 4, column : column + 4] = 255
    repeats = find_repeats(image, least_copies=3)
    assert repeats is not None

    def count(images):
        return (images > 200).sum(axis=(1, 2, 3)) / 16

    found = ablate(image, repeats, count)
    assert found.whole == 3
    np.testing.assert_array_equal(found.copies, [2, 1, 0])
    np.testing.assert_array_equal(found.anywhere, [3, 3, 3])
    np.testing.assert_array_equal(found.alike, [3, 3, 3])


def test_ablation_is_the_same_for_the_same_seed_only(planted):
    image, repeats = planted

    def score(images):
        return images[:, ::3, ::5].astype(float).mean(axis=(1, 2, 3))

    first, same, other = (ablate(image, repeats, score, seed=seed) for seed in (1, 1, 2))
    for name in ("copies", "anywhere", "alike"):
        np.testing.assert_array_equal(getattr(first, name), getattr(same, name))
    np.testing.assert_array_equal(first.copies, other.copies)
    assert (first.anywhere != other.anywhere).any()


def test_ablation_has_no_number_where_nothing_else_can_be_removed():
    corners = np.array([[r, c] for r in (1, 20, 39) for c in (1, 20, 39)])
    found = ablate(RAMP, Repeats(19, corners, np.ones(9)), lambda p: np.ones(len(p)))
    assert np.isnan(found.anywhere).all()
    assert not np.isnan(found.copies).any()


@pytest.mark.parametrize(
    ("corner", "options", "message"),
    [
        ([0, 5], {}, "patch of 8 pixels at row 0, column 5 is not inside an image of 64x64"),
        ([5, 56], {}, "at row 5, column 56"),
        ([5, 5], {"fill": "means"}, "unknown fill 'means'; did you mean 'mean'"),
    ],
)
def test_what_cannot_be_removed_is_said(corner, options, message):
    with pytest.raises(UserError, match=message):
        remove_patches(RAMP, np.array([corner]), 8, **options)
