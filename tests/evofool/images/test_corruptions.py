import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from evofool import UserError
from evofool.images.corruptions import blur, exchange_tiles, mirror_tiles, recolor, shuffle_pixels

HEIGHT, WIDTH = 11, 13


def numbered(count: int = 3, channels: int = 3) -> np.ndarray:
    """Images in which no two pixels are equal."""
    pixels = np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(1, HEIGHT, WIDTH, 1)
    brightness = np.array([0, 50, 100], np.uint8)[:channels]
    return np.repeat(pixels, count, axis=0) + brightness


def windows(image: np.ndarray, side: int) -> list[np.ndarray]:
    return [
        image[top : top + side, left : left + side]
        for top in range(0, image.shape[0], side)
        for left in range(0, image.shape[1], side)
    ]


def pixels(image: np.ndarray) -> list[tuple[int, ...]]:
    return sorted(map(tuple, image.reshape(-1, image.shape[-1]).tolist()))


@pytest.mark.slow
@given(window=st.integers(1, WIDTH), rows_only=st.booleans(), channels=st.sampled_from([1, 3]))
def test_shuffling_keeps_the_pixels_of_every_window(window: int, rows_only: bool, channels: int):
    images = numbered(channels=channels)
    shuffled = shuffle_pixels(images, window=window, rows_only=rows_only)
    for before, after in zip(images, shuffled, strict=True):
        for old, new in zip(windows(before, window), windows(after, window), strict=True):
            assert pixels(old) == pixels(new)
            if rows_only:
                assert sorted(old.tolist()) == sorted(new.tolist()), "rows stay whole"


@pytest.mark.slow
@given(tile=st.integers(1, WIDTH))
def test_exchanging_keeps_every_tile_whole(tile: int):
    images = numbered()
    for before, after in zip(images, exchange_tiles(images, tile=tile), strict=True):
        old, new = ([one.tolist() for one in windows(image, tile)] for image in (before, after))
        assert sorted(map(str, old)) == sorted(map(str, new))


@given(tile=st.integers(1, WIDTH))
def test_every_second_tile_is_mirrored_in_its_place(tile: int):
    images = numbered()
    mirrored = mirror_tiles(images, tile=tile)
    for before, after in zip(images, mirrored, strict=True):
        for top in range(0, HEIGHT, tile):
            for left in range(0, WIDTH, tile):
                place = (slice(top, top + tile), slice(left, left + tile))
                is_odd = (top // tile + left // tile) % 2
                wanted = before[place][:, ::-1] if is_odd else before[place]
                np.testing.assert_array_equal(after[place], wanted)


def test_windows_and_tiles_that_change_nothing():
    images = numbered()
    for same in (
        shuffle_pixels(images, window=1),
        exchange_tiles(images, tile=WIDTH),
        blur(images, sigma=0.0),
        recolor(images, np.arange(256, dtype=np.uint8)),
    ):
        np.testing.assert_array_equal(same, images)


def test_smaller_tiles_at_the_edges_change_places_among_themselves():
    is_moved = exchange_tiles(numbered(40), tile=4) != numbered(40)
    assert not is_moved[:, 8:, 12:].any(), "the corner is the only tile of its shape"
    assert is_moved[:, 8:, :12].any()
    assert is_moved[:, :8, 12:].any()


@pytest.mark.parametrize("rows_only", [False, True])
def test_every_order_is_as_likely_as_any_other(rows_only: bool):
    """3 rows in 6 orders, or 4 pixels in 24: chi-squared of 2400 windows below its 99.9 %."""
    side, orders, limit = (3, 6, 20.5) if rows_only else (2, 24, 49.7)
    images = np.broadcast_to(
        np.arange(side * side, dtype=np.uint8).reshape(1, side, side, 1), (2400, side, side, 1)
    )
    shuffled = shuffle_pixels(images, window=side, rows_only=rows_only).reshape(2400, -1)
    _, counts = np.unique(shuffled, axis=0, return_counts=True)
    assert len(counts) == orders
    assert np.sum((counts - 2400 / orders) ** 2) / (2400 / orders) < limit


def test_windows_and_images_are_shuffled_each_in_its_own_way():
    image = np.tile(np.arange(49, dtype=np.uint8).reshape(7, 7), (4, 4))[None, ..., None]
    shuffled = shuffle_pixels(np.repeat(image, 5, axis=0), window=7)
    ways = [one.tobytes() for levels in shuffled for one in windows(levels, 7)]
    assert len(set(ways)) == 5 * 16


@pytest.mark.parametrize("corrupt", [shuffle_pixels, exchange_tiles])
def test_what_happens_to_a_image_does_not_depend_on_its_batch(corrupt):
    side = {"window": 5} if corrupt is shuffle_pixels else {"tile": 5}
    images = np.random.default_rng(0).integers(0, 256, (70, 10, 10, 3), np.uint8)
    whole = corrupt(images, **side, seed=3)
    parts = [corrupt(images[at : at + 33], **side, seed=3, first=at) for at in (0, 33, 66)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    assert not np.array_equal(whole, corrupt(images, **side, seed=4))


def test_rows_only_does_what_the_article_does():
    """numpy.random.permutation of a two-dimensional window: whole rows."""
    image = numbered(1, 1)[0, :9, :9]
    wanted = {
        np.random.default_rng(seed).permutation(window[..., 0]).tobytes()
        for seed in range(60)
        for window in windows(image, 3)
    }
    found = shuffle_pixels(np.repeat(image[None], 60, 0), window=3, rows_only=True)
    assert {one[..., 0].tobytes() for levels in found for one in windows(levels, 3)} == wanted


def test_blur_is_gaussian_in_the_plane_only():
    images = np.zeros((2, 21, 21, 2), np.uint8)
    images[1, 10, 10, 1] = 255
    blurred = blur(images, sigma=0.8)
    assert not blurred[0].any()
    assert not blurred[..., 0].any()
    wanted = ndimage.gaussian_filter(images[1, ..., 1].astype(float), 0.8)
    np.testing.assert_array_equal(blurred[1, ..., 1], np.rint(wanted))


def test_recolouring_looks_every_level_up():
    table = np.random.default_rng(0).permutation(256).astype(np.uint8)
    images = numbered()
    recolored = recolor(images, table)
    assert recolored.dtype == np.uint8
    np.testing.assert_array_equal(recolored, np.vectorize(table.__getitem__)(images))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: shuffle_pixels(numbered(), window=0), r"window is 0; expected 1\.\.13 pixels"),
        (lambda: exchange_tiles(numbered(), tile=14), r"tile is 14; .*images are 11x13"),
        (lambda: mirror_tiles(numbered(), tile=0), "tile is 0; expected"),
        (lambda: blur(numbered(), sigma=-1.0), "sigma is -1.0; expected"),
        (lambda: blur(numbered(), sigma=float("nan")), "sigma is nan; expected"),
    ],
)
def test_impossible_sizes_are_refused(call, message: str):
    with pytest.raises(UserError, match=message):
        call()
