import io

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

import cppn
from evofool.images import corruptions
from evofool.images.wear import WEAR, chance_of, wear, wear_named
from evofool.support.errors import UserError
from tests.tiers import few_quick

SHAPE = (37, 30, 3)


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    """A smooth pattern with an edge, on the grid, away from black and white."""
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]] / 30
    planes = [np.sin(4 * rows + channel) * np.cos(5 * columns) for channel in range(3)]
    levels = 128 + 60 * np.stack(planes, axis=-1) + 30 * (columns > 0.5)[..., None]
    return (np.rint(levels) / 255).astype(np.float32)


def worn(name: str, image: np.ndarray, percent: float, seed: int = 0) -> np.ndarray:
    words = jax.random.bits(jax.random.key(seed), (6,))
    share = jnp.float32(percent / 100)
    return np.asarray(jax.jit(lambda x: wear(WEAR[name], x, share, chance_of(words)))(image))


def levels_apart(first: np.ndarray, second: np.ndarray) -> float:
    return float(255 * np.abs(first - second).mean())


@pytest.mark.parametrize("name", few_quick(WEAR, "shift", "resize", "jpeg", "brightness"))
def test_wear_of_nothing_changes_nothing_and_more_wear_changes_more(name, image):
    assert levels_apart(worn(name, image, 0), image) <= (0.6 if name == "jpeg" else 0)
    kind = WEAR[name]
    apart = [levels_apart(worn(name, image, amount), image) for amount in kind.amounts]
    assert apart == sorted(apart)
    assert apart[-1] > 1
    assert kind.amounts[0] < kind.most < kind.amounts[-1]  # stronger amounts are held out


@pytest.mark.parametrize("name", WEAR)
def test_worn_images_are_8_bit_and_of_one_kind_with_grey_ones(name, image):
    for given in (image, image[..., :1]):
        result = worn(name, given, WEAR[name].most)
        assert result.shape == given.shape
        assert (result == np.rint(result * 255).astype(np.float32) / np.float32(255)).all()


@pytest.mark.parametrize("name", WEAR)
def test_gradients_pass_through_wear(name, image):
    chance = chance_of(jax.random.bits(jax.random.key(1), (6,)))

    def total(x):
        return jnp.sum(wear(WEAR[name], x, jnp.float32(WEAR[name].most / 100), chance))

    gradient = np.asarray(jax.jit(jax.grad(total))(image))
    assert np.isfinite(gradient).all()
    # a brighter image stays brighter, by about as much
    assert 0.5 < gradient.mean() < 1.5


@pytest.mark.parametrize(
    "name", few_quick(["shift", "crop", "noise", "brightness", "print"], "shift", "noise")
)
def test_another_seed_wears_otherwise(name, image):
    seen = {worn(name, image, WEAR[name].most, seed).tobytes() for seed in range(12)}
    assert len(seen) > 1


def test_a_shift_of_whole_pixels_moves_pixels(image):
    square = np.zeros((20, 20, 1), np.float32)
    square[8:12, 8:12] = 1
    moved = worn("shift", square, 20)
    place = np.argwhere(moved[..., 0] > 0.5).mean(axis=0)
    assert abs(np.hypot(*(place - 9.5)) - 4) < 0.3


@pytest.mark.parametrize("quality", [10, 50, 75, 90])
@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_that_of_pillow(quality, channels, image):
    given = image[..., :channels]
    stream = io.BytesIO()
    levels = np.rint(255 * given).astype(np.uint8)
    Image.fromarray(levels[..., 0] if channels == 1 else levels).save(
        stream, "JPEG", quality=quality, subsampling=0
    )
    read = np.asarray(Image.open(stream)).reshape(given.shape) / 255
    mine = worn("jpeg", given, 100 - quality)
    assert levels_apart(mine, read) < 0.8
    assert levels_apart(mine, read) < levels_apart(mine, given)


def test_blur_is_that_of_corruptions(image):
    square = image[:30]
    levels = np.rint(255 * square).astype(np.uint8)
    expected = corruptions.blur(levels[None], sigma=0.03 * 30)[0] / 255
    assert np.abs(worn("blur", square, 3) - expected).max() < 1.5 / 255


def test_an_unknown_wear_offers_the_nearest():
    with pytest.raises(UserError, match="unknown wear 'shfit'; did you mean 'shift'"):
        wear_named("shfit")


def test_no_noise_is_infinite(image, monkeypatch):
    """The largest random word was rounded up to 1, whose normal number is infinite."""
    monkeypatch.setattr(cppn, "random_bits", lambda key, num: jnp.full(num, 2**32 - 1, jnp.uint32))
    chance = chance_of(jnp.zeros(6, jnp.uint32))
    assert (
        np.asarray(wear(WEAR["noise"], jnp.asarray(image), jnp.float32(0.05), chance)) <= 1
    ).all()
