import dataclasses
import functools

import jax.numpy as jnp
import numpy as np
import pytest

from evofool import Card, Classifier, UserError, load_classifier, load_mnist, recognize
from evofool.attacks import patch as attack
from evofool.attacks.patch import Placement, add_patch, cover
from tests.evofool.attacks.networks import levels, linear, outside
from tests.evofool.real_data import data_folder

SHAPE = (12, 10, 3)
IMAGES = np.random.default_rng(2).integers(60, 200, (40, *SHAPE)).astype(np.uint8)
BRIGHT, RED, BLUE = 0, 1, 2


@functools.cache
def colours() -> Classifier:
    """Sees how much of an image is bright, red or blue, wherever that is."""

    def apply(scale, images):
        red, green, blue = (images[..., i] for i in range(3))
        shares = [(red + green + blue) / 3, red - green, blue - (red + green) / 2]
        return scale * jnp.stack([jnp.mean(share, axis=(1, 2)) for share in shares], axis=1)

    card = Card(name="colours", input_shape=SHAPE, outputs=3, labels=("bright", "red", "blue"))
    return Classifier(card=card, params=jnp.float32(20), apply=apply)


def box_of(image: np.ndarray, original: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(np.any(image != original, axis=-1))
    return rows.min(), rows.max() + 1, columns.min(), columns.max() + 1


def test_a_patch_gives_its_class_to_images_and_places_that_it_was_not_made_with():
    sizes, labels = [0.3, 0.9], recognize(colours(), IMAGES).classes
    assert (labels == BRIGHT).all()
    found = attack(colours(), IMAGES, labels, target=RED, size=sizes, steps=60, rate=0.2)
    assert found.is_held_out.tolist() == [False, True] * 20
    assert found.image.shape == (9, 9, 3)
    assert found.path[-5:].mean() > found.path[:5].mean() + 1
    small, large = found.attack.success[:, found.is_held_out].mean(axis=1)
    assert small < 0.2 < 0.9 < large
    np.testing.assert_array_equal(found.attack.success, found.attack.label == RED)
    seen = recognize(colours(), found.attack.images[1])
    np.testing.assert_array_equal(seen.classes, found.attack.label[1])  # judged as saved
    red, green = found.image[..., 0].mean(), found.image[..., 1].mean()
    assert red > green + 150
    shuffled = np.random.default_rng(0).permutation(found.image.flatten()).reshape(9, 9, 3)
    chance = add_patch(colours(), IMAGES, labels, shuffled, target=RED, size=0.9)
    assert not chance.success.any()


def test_it_lies_at_random_places_inside_the_image():
    white = np.full((4, 4, 3), 255, np.uint8)
    options = {"size": [0.2, 0.4], "target": RED}
    made = add_patch(colours(), IMAGES, BRIGHT, white, **options).images
    for side, of_size in zip((2, 4), made, strict=True):
        boxes = np.array([box_of(*pair) for pair in zip(of_size, IMAGES, strict=True)])
        assert (boxes[:, 1] - boxes[:, 0] == side).all()
        assert (boxes[:, 3] - boxes[:, 2] == side).all()
        for start, length in ((0, 12), (2, 10)):
            assert boxes[:, start].min() == 0
            assert boxes[:, start].max() == length - side
            assert len(np.unique(boxes[:, start])) > (length - side) / 2
        for image, (top, bottom, left, right) in zip(of_size, boxes, strict=True):
            assert (image[top:bottom, left:right] == 255).all()
    again = add_patch(colours(), IMAGES, BRIGHT, white, **options).images
    np.testing.assert_array_equal(again, made)
    other = add_patch(colours(), IMAGES, BRIGHT, white, seed=1, **options).images
    assert not np.array_equal(other, made)
    # the place of an image does not depend on how many there are
    few = add_patch(colours(), IMAGES[:3], BRIGHT, white, **options).images
    np.testing.assert_array_equal(few, made[:, :3])


def test_a_patch_at_its_own_size_stays_and_at_others_is_an_average():
    square = np.random.default_rng(0).uniform(0, 255, (6, 6, 3)).astype(np.float32)
    image = IMAGES[0].astype(np.float32)
    place = Placement(*map(jnp.int32, (6, 3, 2)))
    covered = np.array(cover(jnp.asarray(square), jnp.asarray(image), place))
    np.testing.assert_allclose(covered[3:9, 2:8], square, atol=1e-4)
    covered[3:9, 2:8] = image[3:9, 2:8]
    np.testing.assert_array_equal(covered, image)
    smaller = np.asarray(
        cover(jnp.asarray(square), jnp.asarray(image), place._replace(side=jnp.int32(3)))
    )
    # a triangle of twice two pixels around each place, which lies between two pixels
    weights = np.array([[3, 3, 1, 0, 0, 0], [0, 1, 3, 3, 1, 0], [0, 0, 0, 1, 3, 3]])
    weights = weights / weights.sum(axis=1, keepdims=True)
    expected = np.einsum("ij,jkc,lk->ilc", weights, square, weights)
    np.testing.assert_allclose(smaller[3:6, 2:5], expected, atol=1e-3)


def test_it_goes_on_from_the_file_with_the_same_bits(tmp_path):
    file, options = tmp_path / "patch.npz", {"target": RED, "size": 0.5, "steps": 60}

    def interrupt(done, total):
        assert total == 60
        if done == 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attack(colours(), IMAGES, BRIGHT, save=file, report=interrupt, **options)
    reports = []
    resumed = attack(
        colours(), IMAGES, BRIGHT, save=file, report=lambda *x: reports.append(x), **options
    )
    assert reports == [(60, 60)]
    whole = attack(colours(), IMAGES, BRIGHT, **options)
    np.testing.assert_array_equal(resumed.image, whole.image)
    np.testing.assert_array_equal(resumed.path, whole.path)
    assert whole.attack.success.shape == (40,)
    with pytest.raises(UserError, match="made for other options"):
        attack(colours(), IMAGES, BRIGHT, save=file, **options | {"seed": 1})


def test_images_held_out_do_not_shape_it():
    options = {"target": RED, "size": 0.5, "steps": 5}
    changed = IMAGES.copy()
    changed[1::2] = 255 - changed[1::2]
    first, second = (attack(colours(), x, BRIGHT, **options) for x in (IMAGES, changed))
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.path, second.path)
    all_ = attack(colours(), IMAGES, BRIGHT, hold_out=False, **options)
    assert not all_.is_held_out.any()
    assert not np.array_equal(all_.path, first.path)
    single = attack(colours(), IMAGES[:1], BRIGHT, **options)
    assert single.is_held_out.tolist() == [False]


@pytest.mark.slow
def test_any_number_of_images_may_fit_the_caches():
    # 200704 values are 16 images of 12544 values, or 7 of 28672, which is no divisor of 16
    card = dataclasses.replace(colours().card, input_shape=(128, 75, 3))
    images = np.full((2, 128, 75, 3), 100, np.uint8)
    classifier = dataclasses.replace(colours(), card=card)
    found = attack(classifier, images, BRIGHT, target=BLUE, size=1.0, steps=30, rate=0.3)
    assert found.attack.success.all()
    assert found.image.shape == (75, 75, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0.05}, "size is 0.05; expected a share"),
        ({"size": [0.3, 1.2]}, "size is 1.2"),
        ({"size": float("nan")}, "size is nan"),
        ({"size": []}, "size is empty"),
        ({"steps": 0}, "steps is 0; expected 1 or more"),
        ({"rate": 0.0}, "rate is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"target": 0}, "target of image 0 is its own class"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(UserError, match=message):
        attack(colours(), IMAGES, BRIGHT, **{"target": RED} | options)


def test_a_patch_of_another_shape_is_refused():
    for wrong in (
        np.zeros((3, 3, 1), np.uint8),
        np.zeros((3, 4, 3), np.uint8),
        np.zeros((3, 3, 3)),
    ):
        with pytest.raises(
            UserError, match=r"the patch is .*; expected 8-bit levels, uint8 of shape"
        ):
            add_patch(colours(), IMAGES, BRIGHT, wrong)


def test_it_needs_gradients_to_be_made_and_none_to_be_put_in():
    with pytest.raises(UserError, match="patch needs gradients"):
        attack(outside(), levels(), 0, target=1)
    black = np.zeros((3, 3, 3), np.uint8)
    there = add_patch(outside(), levels(), 0, black, size=0.6)
    here = add_patch(linear(), levels(), 0, black, size=0.6)
    np.testing.assert_array_equal(there.images, here.images)
    np.testing.assert_array_equal(there.label, here.label)


@pytest.mark.slow
@pytest.mark.data
def test_other_digits_are_taken_for_the_patch():
    digits, lenet = load_mnist(data_folder()), load_classifier("lenet")
    others = digits.test_labels[:1000] != 8
    images, labels = digits.test_images[:1000][others], digits.test_labels[:1000][others]
    options = {"target": 8, "size": [0.3, 0.5]}
    made = attack(lenet, images, labels.astype(int), steps=200, **options)
    small, large = made.attack.success[:, made.is_held_out].mean(axis=1)
    assert small < 0.2
    assert large > 0.5
    elsewhere = add_patch(lenet, images, labels.astype(int), made.image, seed=1, **options)
    assert elsewhere.success[1].mean() == pytest.approx(large, abs=0.1)
