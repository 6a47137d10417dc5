"""Functions that `jax.export` has written, as classifiers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

from evofool.classifiers.loading import load_classifier
from evofool.support.errors import UserError

WEIGHTS = np.random.default_rng(0).standard_normal((3 * 8 * 6, 4)).astype(np.float32)


def outputs(images):
    return images.reshape(images.shape[0], -1) @ WEIGHTS


def write(path, batch: str):
    (size,) = export.symbolic_shape(batch)
    shape = jax.ShapeDtypeStruct((size, 3, 8, 6), jnp.float32)
    path.write_bytes(export.export(jax.jit(outputs))(shape).serialize(vjp_order=1))
    return path


@pytest.mark.parametrize("batch", ["n", "2"])
def test_any_number_of_images_is_taken(batch, tmp_path):
    path = write(tmp_path / "net.jaxexport", batch)
    classifier = load_classifier(f"jaxexport:{path}?range=255&labels={_labels(tmp_path)}&bgr")
    images = np.random.default_rng(1).random((5, 8, 6, 3), np.float32)
    expected = outputs(255 * images[..., ::-1].transpose(0, 3, 1, 2))
    found = classifier.apply(classifier.params, images)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-2)
    card = classifier.card
    assert (card.layout, card.labels, card.guessed) == ("NCHW", ("a", "b", "c", "d"), ())
    assert len(card.sha256) == 64


def _labels(folder):
    (folder / "names.txt").write_text("a\nb\nc\nd\n")
    return folder / "names.txt"


def test_what_is_no_export_is_refused(tmp_path):
    (tmp_path / "net.jaxexport").write_bytes(b"nothing of use")
    with pytest.raises(UserError, match="is no usable export of JAX"):
        load_classifier(f"jaxexport:{tmp_path / 'net.jaxexport'}")
    with pytest.raises(UserError, match=r"cannot read .*: No such file"):
        load_classifier(f"jaxexport:{tmp_path / 'missing'}")
