from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import entropy

from evofool import load_mnist
from evofool.classifiers.architectures.mlp import mlp_card
from evofool.classifiers.classifier import make_network
from evofool.training.adversarial import divergence, virtual_perturbation, with_fgsm, with_vat
from evofool.training.loop import Batch, TrainConfig, cross_entropy
from evofool.training.recipes import train_classifier
from tests.evofool.real_data import data_folder

KEY = jax.random.key(0)
SIDE = 6


def linear(params, images):
    return images.reshape(len(images), -1) @ params


def curved(params, images):
    return jnp.sin(3 * linear(params, images))


def noisy(params, images, key):
    kept = jax.random.bernoulli(key, 0.5, images.shape)
    return curved(params, images * kept)


@pytest.fixture
def params() -> jax.Array:
    return jax.random.normal(jax.random.key(1), (SIDE * SIDE, 3)) / SIDE


def batch(number: int) -> Batch:
    keys = jax.random.split(jax.random.key(2), 2)
    images = jax.random.uniform(keys[0], (number, SIDE, SIDE, 1))
    return Batch(images, jax.random.randint(keys[1], (number,), 0, 3), jnp.ones(number))


def norms(images: jax.Array) -> np.ndarray:
    return np.linalg.norm(np.asarray(images).reshape(len(images), -1), axis=1)


def random_perturbation(images: jax.Array, epsilon: float) -> np.ndarray:
    drawn = np.random.default_rng(0).normal(size=images.shape).astype(np.float32)
    return epsilon * drawn / norms(drawn).reshape(-1, 1, 1, 1)


@partial(jax.jit, static_argnums=0)
def change_of(logits, images, perturbation):
    return divergence(logits(images), logits(images + perturbation))


def test_divergence_is_that_of_kullback_and_leibler():
    first, second = jax.random.normal(KEY, (2, 5, 4))
    expected = entropy(jax.nn.softmax(first), jax.nn.softmax(second), axis=1)
    np.testing.assert_allclose(divergence(first, second), expected, rtol=1e-4)


def test_fgsm_training_averages_the_loss_of_images_and_of_their_worst_neighbours(params):
    one = batch(8)
    loss = cross_entropy(linear)
    # of a linear network the gradient is known: W (p - y)
    p = np.asarray(jax.nn.softmax(linear(params, one.images)))
    slope = (p - np.eye(3)[one.labels]) @ np.asarray(params).T
    moved = np.clip(one.images + 0.1 * np.sign(slope).reshape(one.images.shape), 0, 1)
    neighbours = one._replace(images=jnp.asarray(moved, jnp.float32))
    expected = (loss(KEY, params, one) + loss(KEY, params, neighbours)) / 2
    found = with_fgsm(loss, epsilon=0.1)(KEY, params, one)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert found > loss(KEY, params, one)


def test_the_worst_neighbours_count_as_constants_in_fgsm_training(params):
    one = batch(8)
    loss = cross_entropy(curved)
    slope = jax.grad(lambda images: loss(KEY, params, one._replace(images=images)))(one.images)
    moved = one._replace(images=jnp.clip(one.images + 0.1 * jnp.sign(slope), 0, 1))

    def fixed(params):
        return (loss(KEY, params, one) + loss(KEY, params, moved)) / 2

    found = jax.grad(with_fgsm(loss, epsilon=0.1), argnums=1)(KEY, params, one)
    np.testing.assert_allclose(found, jax.grad(fixed)(params), rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_a_virtual_perturbation_changes_outputs_more_than_random_ones_of_its_length(params):
    images, logits = batch(20).images, partial(curved, params)
    found = virtual_perturbation(KEY, logits, images, epsilon=0.3)
    np.testing.assert_allclose(norms(found), 0.3, rtol=1e-5)
    change = change_of(logits, images, found)
    random = change_of(logits, images, random_perturbation(images, 0.3))
    assert np.mean(change > random) > 0.9
    assert change.mean() > 3 * random.mean()


@pytest.mark.slow
def test_a_virtual_perturbation_finds_the_top_direction_of_a_network_that_has_one():
    only = np.zeros((SIDE * SIDE, 2), np.float32)
    only[7, 0] = 1.0  # the outputs depend on one pixel
    images = batch(4).images
    found = virtual_perturbation(KEY, partial(linear, only), images, epsilon=2.0)
    expected = np.zeros((4, SIDE * SIDE))
    expected[:, 7] = 2.0
    np.testing.assert_allclose(np.abs(found).reshape(4, -1), expected, atol=1e-4)


@pytest.mark.slow
def test_outputs_that_nothing_changes_leave_images_as_they_are():
    found = virtual_perturbation(
        KEY, partial(linear, jnp.zeros((SIDE * SIDE, 2))), batch(2).images, epsilon=1.0
    )
    assert not np.any(found)


def test_vat_adds_the_change_of_the_outputs_and_leaves_fillers_out(params):
    one = batch(8)
    plain = cross_entropy(curved)
    loss = with_vat(plain, curved, epsilon=0.3)
    found = loss(KEY, params, one)
    assert found > plain(KEY, params, one)
    weights = jnp.where(jnp.arange(8) < 5, 1.0, 0.0)
    odd = jnp.where(weights[:, None, None, None] > 0, one.images, 1 - one.images)
    fewer = (one._replace(images=images, weights=weights) for images in (one.images, odd))
    first, second = (loss(KEY, params, batch) for batch in fewer)
    assert first == second
    assert first != found


@pytest.mark.parametrize("seed", [0, 1])
def test_dropout_is_the_same_in_both_terms_of_the_divergence(seed, params):
    plain = cross_entropy(noisy, has_dropout=True)
    loss = with_vat(plain, noisy, epsilon=1e-6, has_dropout=True)
    key = jax.random.key(seed)
    added = loss(key, params, batch(8)) - plain(jax.random.split(key, 3)[0], params, batch(8))
    assert abs(added) < 1e-5


@pytest.mark.slow
def test_a_real_network_changes_more_in_the_virtual_direction_than_at_random():
    network = make_network(mlp_card())
    logits = partial(network.apply, network.init(KEY))
    images = jax.random.uniform(KEY, (10, 28, 28, 1))
    found = virtual_perturbation(KEY, logits, images, epsilon=2.1)
    random = change_of(logits, images, random_perturbation(images, 2.1))
    assert change_of(logits, images, found).mean() > 3 * random.mean()


@pytest.fixture(scope="module")
def right(tmp_path_factory):
    """Shares of digits, changed by FGSM, that LeNets trained in each way recognise."""
    digits, folder = load_mnist(data_folder()), tmp_path_factory.mktemp("hardened")
    images = jnp.asarray(digits.test_images[:300], jnp.float32) / 255
    labels = jnp.asarray(digits.test_labels[:300])
    shares = {}
    for how in ("none", "fgsm", "vat"):
        made = train_classifier(
            "lenet",
            folder / f"{how}.safetensors",
            data=data_folder(),
            config=TrainConfig(epochs=2, batch_size=64),
            examples=2500,
            adversarial=how,
        )

        def loss(images, made=made):
            one = Batch(images, labels.astype(int), jnp.ones(len(images)))
            return cross_entropy(made.apply)(KEY, made.params, one)

        moved = jnp.clip(images + 0.1 * jnp.sign(jax.grad(loss)(images)), 0, 1)
        shares[how] = float(jnp.mean(made.apply(made.params, moved).argmax(1) == labels))
    return shares


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("adversarial", ["fgsm", "vat"])
def test_a_hardened_lenet_resists_fgsm_better(right, adversarial):
    assert right[adversarial] > right["none"] + 0.1, right
