import jax
import jax.numpy as jnp
import numpy as np
import pytest

from evofool.support import memory
from evofool.support.errors import UserError
from evofool.training import loop
from evofool.training.loop import (
    Batch,
    Examples,
    TrainConfig,
    cross_entropy,
    measure_accuracy,
    train,
)


def linear(params, images):
    return images.reshape(len(images), -1) @ params["kernel"] + params["bias"][None]


def zeros(outputs: int) -> dict:
    return {"kernel": jnp.zeros((36, outputs)), "bias": jnp.zeros(outputs)}


def corners(number: int) -> Examples:
    """Images of 6x6 whose class is which of the corners is bright: linearly separable."""
    rng = np.random.default_rng(number)
    images = rng.integers(0, 100, (number, 6, 6, 1), np.uint8)
    labels = rng.integers(0, 3, number)
    images[np.arange(number), 5 * (labels // 2), 5 * (labels % 2)] = 255
    return Examples(images, labels, np.ones(number, np.float32))


def run(examples: Examples, seed: int = 0, start=None, **config) -> tuple[dict, list]:
    epochs = []
    params = train(
        jax.random.key(seed),
        zeros(3) if start is None else start,
        cross_entropy(linear),
        examples,
        TrainConfig(**{"epochs": 4, "batch_size": 16, "learning_rate": 0.05} | config),
        test=lambda params: measure_accuracy(linear, params, examples.images, examples.labels),
        on_epoch=epochs.append,
    )
    return params, epochs


def assert_same(first, second):
    jax.tree.map(np.testing.assert_array_equal, first, second)


def test_any_function_of_parameters_and_images_can_be_trained():
    _, epochs = run(corners(90))
    assert [epoch.number for epoch in epochs] == [1, 2, 3, 4]
    losses = [epoch.loss for epoch in epochs]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.7 * np.log(3)
    assert epochs[-1].test_accuracy == 1.0


def test_the_seed_determines_the_result():
    (first, told), (again, retold), (other, _) = (run(corners(90), seed) for seed in (1, 1, 2))
    assert_same(first, again)
    assert [e._replace(seconds=0) for e in told] == [e._replace(seconds=0) for e in retold]
    assert not np.array_equal(first["kernel"], other["kernel"])


def test_training_goes_on_from_given_parameters_and_leaves_them_alone():
    trained, _ = run(corners(90))
    kept = jax.tree.map(np.array, trained)
    _, (epoch,) = run(corners(90), start=trained, epochs=1)
    assert epoch.loss < 0.7 * np.log(3)
    assert_same(trained, kept)


def test_a_first_step_is_adamw_on_the_mean_cross_entropy():
    examples = corners(12)  # fewer than a batch: the rest is filled up without weight
    found, (epoch,) = run(examples, epochs=1, weight_decay=0.0)
    one_hot = np.eye(3)[examples.labels]
    inputs = examples.images.reshape(12, -1) / 255
    gradient = inputs.T @ (1 / 3 - one_hot) / 12
    np.testing.assert_allclose(epoch.loss, np.log(3), rtol=1e-6)
    expected = -0.05 * gradient / (np.abs(gradient) + 1e-8)  # Adam's first step
    np.testing.assert_allclose(found["kernel"], expected, atol=1e-5)


def batch(examples: Examples) -> Batch:
    images, *others = map(jnp.asarray, examples)
    return Batch(images.astype(jnp.float32) / 255, *others)


@pytest.mark.slow
def test_weights_count_like_repetitions():
    images, labels, _ = corners(8)
    weighted = Examples(images, labels, np.float32([1, 1, 1, 1, 1, 1, 1, 3]))
    repeated = Examples(*(np.concatenate([part, part[-1:], part[-1:]]) for part in corners(8)))
    slope = jax.value_and_grad(cross_entropy(linear), argnums=1)
    first, second = (slope(jax.random.key(0), zeros(3), batch(e)) for e in (weighted, repeated))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), first, second)


def test_examples_of_weight_zero_teach_nothing():
    images, labels, weights = corners(24)
    extra = Examples(images[:4] + 3, np.full(4, 2), np.zeros(4, np.float32))
    silent = Examples(*map(np.concatenate, zip((images, labels, weights), extra, strict=True)))
    params, (epoch,) = run(silent, epochs=1, batch_size=28)
    assert epoch.loss == pytest.approx(np.log(3))
    alone, _ = run(corners(24), epochs=1, batch_size=28)
    np.testing.assert_allclose(params["kernel"], alone["kernel"], atol=1e-5)
    nothing, (epoch,) = run(silent._replace(weights=np.zeros(28, np.float32)), epochs=1)
    assert epoch.loss == 0.0
    assert_same(nothing, zeros(3))


def test_every_example_is_seen_once_per_epoch():
    seen = jnp.zeros(70)

    def count(key, params, batch):
        """Its gradient is minus how often each label occurs, padding left out."""
        return -jnp.sum(params[batch.labels] * batch.weights)

    def record(gradient, state, params):
        return jnp.zeros_like(gradient), state - gradient

    counter = loop.optax.GradientTransformation(lambda params: seen, record)
    examples = Examples(np.zeros((70, 1, 1, 1), np.uint8), np.arange(70), np.ones(70, np.float32))
    _, state, _ = loop._epoch(
        jax.random.key(0), seen, seen + 0, examples, loss=count, optimizer=counter, batch_size=16
    )
    np.testing.assert_array_equal(state, np.ones(70))


def test_a_new_seed_or_learning_task_of_the_same_size_compiles_nothing(monkeypatch):
    run(corners(40), epochs=1)
    compiled = loop._compiled_epoch.cache_info().misses
    run(corners(40)._replace(weights=np.full(40, 2, np.float32)), seed=5, epochs=1)
    assert loop._compiled_epoch.cache_info().misses == compiled


def test_a_loss_that_is_not_finite_stops_training():
    with pytest.raises(UserError, match="the loss became nan in epoch 1; try a learning_rate"):
        run(corners(32)._replace(weights=np.full(32, np.nan, np.float32)))


def test_the_learning_rate_rises_to_its_height_and_falls_to_zero():
    config = TrainConfig(epochs=1, learning_rate=0.3, weight_decay=0.0, warmup=0.25)
    optimizer = loop._optimizer(config, 16)
    state, position, rates = optimizer.init(jnp.zeros(())), jnp.zeros(()), []
    for _ in range(16):  # of a constant gradient, Adam's steps are the learning rate
        step, state = optimizer.update(jnp.ones(()), state, position)
        rates.append(-float(step))
    expected = [0.3 * (count + 1) / 5 for count in range(4)]
    expected += [0.15 * (1 + np.cos(np.pi * count / 12)) for count in range(12)]
    np.testing.assert_allclose(rates, expected, rtol=1e-4)


def test_a_warmup_of_nearly_all_steps_leaves_one():
    config = TrainConfig(warmup=0.9, weight_decay=0.0)
    for steps in (1, 3):
        loop._optimizer(config, steps)  # optax refuses a cosine of no steps


@pytest.mark.parametrize("warmup", [0.0, 0.25])
def test_with_a_decay_the_learning_rate_falls_with_the_steps_alone(warmup):
    config = TrainConfig(learning_rate=0.2, decay=0.5, warmup=warmup, weight_decay=0.0)
    optimizer, rising = loop._optimizer(config, 8), round(8 * warmup)
    state, rates = optimizer.init(jnp.zeros(())), []
    for _ in range(8):
        step, state = optimizer.update(jnp.ones(()), state, jnp.zeros(()))
        rates.append(-float(step))
    expected = [0.2 * (count + 1) / (rising + 1) for count in range(rising)]
    expected += [0.2 / (1 + 0.5 * count) for count in range(8 - rising)]
    np.testing.assert_allclose(rates, expected, rtol=1e-4)


def test_with_a_decay_more_epochs_go_on_from_fewer():
    found = []

    def keep(params):
        found.append(jax.tree.map(np.array, params))
        return 0.0

    examples, config = corners(40), {"batch_size": 16, "learning_rate": 0.05, "decay": 0.01}
    for epochs in (2, 3):
        train(
            jax.random.key(0),
            zeros(3),
            cross_entropy(linear),
            examples,
            TrainConfig(epochs=epochs, **config),
            test=keep,
            on_epoch=lambda epoch: None,
        )
    assert_same(found[:2], found[2:4])
    assert not np.array_equal(found[3]["kernel"], found[4]["kernel"])


def test_a_network_with_dropout_is_given_a_key_of_the_step():
    def noisy(params, images, key):
        return linear(params, images * jax.random.bernoulli(key, 0.5, images.shape))

    loss, one = cross_entropy(noisy, has_dropout=True), batch(corners(8))
    params = {"kernel": jnp.linspace(-1, 1, 108).reshape(36, 3), "bias": jnp.zeros(3)}
    first, again, other = (float(loss(jax.random.key(seed), params, one)) for seed in (0, 0, 1))
    assert first == again != other


def test_images_are_augmented_with_the_key_of_the_step():
    def darker(key, images):
        return images * jax.random.uniform(key)

    key, one = jax.random.key(3), batch(corners(8))
    params = {"kernel": jnp.linspace(-1, 1, 108).reshape(36, 3), "bias": jnp.zeros(3)}
    found = cross_entropy(linear, augment=darker)(key, params, one)
    changed = one._replace(images=one.images * jax.random.uniform(key))
    assert found == cross_entropy(linear)(key, params, changed)
    assert found != cross_entropy(linear)(key, params, one)


@pytest.mark.parametrize("setting", [{"epochs": 0}, {"batch_size": -1}, {"learning_rate": 0.0}])
def test_settings_out_of_range_are_refused(setting):
    with pytest.raises(UserError, match=f"{next(iter(setting))} is .*; expected more than 0"):
        TrainConfig(**setting)


def test_a_learning_rate_that_grows_for_ever_is_refused():
    with pytest.raises(UserError, match=r"decay is -0\.1; expected 0 or more, or None"):
        TrainConfig(decay=-0.1)


@pytest.mark.parametrize("warmup", [-0.1, 1.0])
def test_a_warmup_that_leaves_no_steps_is_refused(warmup):
    with pytest.raises(UserError, match=r"warmup is .*; expected a share of the steps"):
        TrainConfig(warmup=warmup)


def test_an_epoch_reads_well():
    text = str(loop.Epoch(3, 10, 0.01234, 0.9921, 14.26))
    assert text == "epoch 3/10: loss 0.0123, test accuracy 0.9921, 14.3 s"


def test_accuracy_counts_every_image_whatever_the_batches():
    images, labels, _ = corners(loop.TEST_BATCH + 7)
    params = zeros(3) | {"bias": jnp.array([0.0, 1.0, 0.0])}
    assert measure_accuracy(linear, params, images, labels) == np.mean(labels == 1)


def test_training_that_memory_does_not_suffice_for_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 10**6)
    examples, config = corners(60), TrainConfig(epochs=1, batch_size=10**6)
    with pytest.raises(UserError, match=r"training with batch_size 1000000 would take about"):
        train(jax.random.key(0), zeros(3), cross_entropy(linear), examples, config, test=len)
