import numpy as np
import pytest

from evofool.audits.nothing import NOTHINGS


@pytest.mark.parametrize("shape", [(28, 28, 1), (12, 30, 3)])
@pytest.mark.parametrize("name", NOTHINGS)
def test_images_have_the_shape_and_follow_the_seed(name: str, shape: tuple[int, int, int]):
    one, two, other = (NOTHINGS[name](shape, 7, seed=seed) for seed in (1, 1, 2))
    assert (one.shape, one.dtype) == ((7, *shape), np.uint8)
    np.testing.assert_array_equal(one, two)
    assert len(np.unique(one.reshape(7, -1), axis=0)) == 7
    if name != "constant" or shape[2] == 3:
        assert (one != other).any()


def test_constants_are_of_one_colour_and_ramps_go_from_one_to_another():
    constants = NOTHINGS["constant"]((9, 9, 3), 20, seed=0)
    assert (constants == constants[:, :1, :1]).all()
    ramps = NOTHINGS["ramp"]((9, 9, 3), 20, seed=0).astype(int)
    corners = ramps[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert (corners.max(axis=1) == ramps.max(axis=(1, 2))).all()
