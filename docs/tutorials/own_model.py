"""Train a small network on circles, squares and crosses, and fool it."""

# %% A data set that needs no download: three shapes, at random places and sizes
import jax
import jax.numpy as jnp
import numpy as np
import optax

import evofool

SIZE, LABELS = 20, ("circle", "square", "cross")


def draw(key, label):
    """Draws one shape, values in [0, 1], `[20, 20, 1]`."""
    of_place, of_size, of_noise = jax.random.split(key, 3)
    y, x = jnp.mgrid[:SIZE, :SIZE] - jax.random.uniform(of_place, (2, 1, 1), minval=7, maxval=12)
    radius = jax.random.uniform(of_size, minval=3, maxval=6)
    far, near = jnp.maximum(abs(x), abs(y)), jnp.minimum(abs(x), abs(y))
    ring = jnp.stack(
        [abs(jnp.hypot(x, y) - radius), abs(far - radius), jnp.where(far < radius, near, 9)]
    )
    ink = jnp.exp(-(ring[label] ** 2))
    return jnp.clip(ink + 0.1 * jax.random.normal(of_noise, ink.shape), 0, 1)[..., None]


def batch(key, count):
    """Draws images with their labels."""
    labels = jnp.arange(count) % len(LABELS)
    return jax.vmap(draw)(jax.random.split(key, count), labels), labels


# %% A network: two layers, trained for a few seconds
def apply(params, images):
    """Gives the logits `[batch, 3]`."""
    hidden = jax.nn.relu(images.reshape(len(images), -1) @ params["in"])
    return hidden @ params["out"]


def train(steps=400):
    """Trains the network from noise, on new images in every step."""
    keys = jax.random.split(jax.random.key(0), 3)
    params = {
        "in": 0.05 * jax.random.normal(keys[0], (SIZE * SIZE, 64)),
        "out": 0.1 * jax.random.normal(keys[1], (64, len(LABELS))),
    }
    optimiser = optax.adam(1e-3)

    def loss(params, key):
        images, labels = batch(key, 120)
        return optax.softmax_cross_entropy_with_integer_labels(apply(params, images), labels).mean()

    def step(state, key):
        params, memory = state
        changes, memory = optimiser.update(jax.grad(loss)(params, key), memory)
        return (optax.apply_updates(params, changes), memory), None

    start = (params, optimiser.init(params))
    (params, _), _ = jax.lax.scan(step, start, jax.random.split(keys[2], steps))
    return params


# %% What evofool needs to know: a card and a function; `--classifier own_model.py:make` names it
def make():
    """Returns the classifier."""
    card = evofool.Card(name="shapes", input_shape=(SIZE, SIZE, 1), outputs=3, labels=LABELS)
    return evofool.Classifier(card=card, params=train(), apply=apply)


if __name__ == "__main__":
    shapes = make()
    images, labels = batch(jax.random.key(9), 600)
    found = evofool.recognize(shapes, np.asarray(jnp.rint(images * 255), np.uint8))
    print(f"recognises {np.mean(found.classes == np.asarray(labels)):.1%} of new shapes")

    # %% Fool it. Images that show nothing get more confidence than most real shapes
    run = evofool.evolve(shapes, generations=60, batch_size=60, out="runs/shapes", quiet=True)
    for elite in run:
        below = np.sum(found.confidence < elite.confidence)
        print(f"{elite.label}: {elite.confidence:.6%}, more than {below} of 600 real shapes")

    # %% Look at them: runs/shapes/gallery.png. The confidence of all three over the generations:
    evofool.plots.convergence(run).figure.savefig("shapes.png")
