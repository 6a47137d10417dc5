import jax
import numpy as np
import pytest

import cppn
from evofool.config import EvolveConfig, make_config
from evofool.evolution.encodings import compiled_vary, make_encoding, make_rates


def drawn(color: str, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Random direct genomes and their images."""
    config = make_config(encoding="direct", direct={"color": color})
    encoding = make_encoding(config, (6, 5, channels))
    genomes = encoding.init(jax.random.split(jax.random.key(0), 4))
    return np.asarray(genomes), np.asarray(encoding.render(genomes))


def test_a_direct_genome_is_the_images_rows_one_after_the_other():
    genomes, images = drawn("rgb", 3)
    assert genomes.shape == (4, 90)
    assert (np.rint(images * 255) == genomes.reshape(4, 6, 5, 3)).all()


@pytest.mark.parametrize("color", ["hsv", "hls"])
def test_direct_genes_may_be_other_colors(color):
    genomes, images = drawn(color, 3)
    levels = cppn.from_bytes(genomes.reshape(4, 6, 5, 3))
    assert (images == np.asarray(cppn.to_rgb(levels, color))).all()


def test_a_grey_image_has_no_color():
    assert (drawn("hsv", 1)[1] == drawn("rgb", 1)[1]).all()


def test_fine_steps_begin_at_their_generation_and_need_no_new_program():
    keys = jax.random.split(jax.random.key(0), 64)
    plain, fine, later = (
        make_config(cppn={"fine_rate": rate, "fine_after": after})
        for rate, after in ((0.0, 0), (0.5, 0), (0.5, 8))
    )
    encoding = make_encoding(plain, (6, 5, 1))
    assert {make_encoding(config, (6, 5, 1)) for config in (fine, later)} == {encoding}
    parents = encoding.init(keys)
    vary = compiled_vary(encoding)

    def children(config: EvolveConfig) -> cppn.Genome:
        genomes, had_room = vary(keys, (parents,), make_rates(config), np.int32(7))
        assert had_room.all()
        return jax.device_get(genomes)

    mutated, both = children(plain), children(fine)
    assert all(map(np.array_equal, mutated, children(later)))
    is_mutated = (both.weight == mutated.weight).all(axis=1)
    assert 20 <= is_mutated.sum() <= 44  # of 64
    stepped = jax.tree.map(lambda leaf: leaf[~is_mutated], both._replace(weight=parents.weight))
    start = jax.tree.map(lambda leaf: np.asarray(leaf)[~is_mutated], parents)
    assert all(map(np.array_equal, stepped, start))
