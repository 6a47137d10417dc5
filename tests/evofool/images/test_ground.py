import numpy as np
import pytest

from evofool import load_mnist
from evofool.images import is_faint, is_negative
from tests.evofool.real_data import data_folder


def figure(ground: int, ink: int) -> np.ndarray:
    """A bar that does not reach the border of an image."""
    image = np.full((28, 28, 1), ground, np.uint8)
    image[4:24, 12:16] = ink
    return image


@pytest.mark.parametrize(
    ("ground", "ink", "background", "expected"),
    [
        (0, 255, 0, False),
        (255, 0, 0, True),
        (120, 30, 0, True),  # badly lit paper
        (120, 230, 0, False),  # bright on grey
        (40, 0, 0, False),  # noise around black is no paper
        (255, 0, 255, False),
        (0, 255, 255, True),
        (255, 255, 0, False),  # nothing on it
    ],
)
def test_a_figure_is_negative_if_it_stands_out_the_wrong_way(
    ground: int, ink: int, background: int, expected: bool
):
    assert is_negative(figure(ground, ink), background) == expected


def test_a_figure_that_touches_the_border_leaves_its_ground_there():
    image = 255 - figure(0, 255)
    image[:, 12:16] = 0
    assert is_negative(image, 0)
    assert not is_negative(255 - image, 0)


@pytest.mark.parametrize("ink", [40, 255])
def test_faint_is_what_has_no_contrast(ink: int):
    assert is_faint(figure(0, ink)) == (ink == 40)


@pytest.mark.data
def test_of_mnist_no_digit_is_negative_and_every_inverted_one_is():
    images = load_mnist(data_folder()).test_images
    assert sum(is_negative(image, 0) for image in images) == 0
    assert sum(is_negative(255 - image, 0) for image in images) == len(images) == 10_000
