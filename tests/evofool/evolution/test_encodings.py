import jax
import numpy as np
import pytest

import cppn
from evofool.config import make_config
from evofool.evolution.encodings import make_encoding


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
