import jax
import jax.numpy as jnp
import numpy as np
import pytest

from evofool.config import make_config
from evofool.evolution.direct_waves import add_wave
from evofool.evolution.encodings import compiled_vary, make_encoding, make_rates

SHAPE = (24, 16, 3)


def added(u: list[float]) -> np.ndarray:
    """What a wave adds to a grey image, in levels."""
    genes = jnp.full(24 * 16 * 3, 128, jnp.uint8)
    changed = np.asarray(add_wave(jnp.array(u, jnp.float32), genes, SHAPE), int)
    return (changed - 128).reshape(SHAPE)


def test_a_wave_has_its_length_direction_strength_and_colour():
    half = np.log(0.5 / 0.02) / np.log(100)  # half the height: 12 pixels
    wave = added([half, 0, 0, 0.75, 0.999, 0.5, 0])  # from left to right; red up, blue down
    red, green, blue = wave[0, 0]
    assert red == pytest.approx(4 * 32**0.75, abs=1)
    assert green == 0
    assert blue == pytest.approx(-red, abs=1)
    assert (wave == wave[:1]).all()
    assert np.abs(wave[0, 12] - wave[0, 0]).max() <= 1
    assert np.abs(wave[0, 6] + wave[0, 0]).max() <= 1


def test_every_child_gets_a_wave_of_its_own_and_neighbours_change_nothing():
    config = make_config(encoding="direct", direct={"mutation": "waves"})
    encoding = make_encoding(config, SHAPE)
    keys = jax.random.split(jax.random.key(2), 16)
    parents = encoding.init(keys)
    vary, rates = compiled_vary(encoding), make_rates(config)
    children, had_room = vary(keys, (parents,), rates, np.int32(5))
    assert had_room.all()
    differences = np.asarray(children, int) - np.asarray(parents, int)
    assert len(np.unique(differences, axis=0)) == 16
    backwards, _ = vary(keys[::-1], (parents[::-1],), rates, np.int32(5))
    np.testing.assert_array_equal(backwards[::-1], children)
