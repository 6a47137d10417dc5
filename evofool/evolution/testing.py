"""Contracts: what an encoding, a fitness or cells of one's own must keep, as functions for tests.

Each passes in silence, or raises an AssertionError that says which promise is broken.

    def test_my_encoding():
        evofool.testing.check_encoding(Fourier((28, 28, 1)))
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from evofool.classifiers import Card
from evofool.evolution.encodings import Encoding, Genomes
from evofool.evolution.objective import CellsFunction, FitnessFunction

CHILDREN = 6


def check_encoding(encoding: Encoding, *, rates: object = ()) -> None:
    """Checks what evolution, resuming, lines of descent and polishing rely on.

    Args:
        encoding: whose images are of any shape.
        rates: what its `vary` takes for rates.

    Raises:
        AssertionError: says what is broken.
    """
    _need(isinstance(encoding, Encoding), "it lacks a member of evofool.Encoding")
    try:
        hash(encoding)
    except TypeError as error:
        raise AssertionError(
            f"it cannot be hashed ({error}): make it a frozen dataclass of values that can be"
        ) from error
    keys = jax.random.split(jax.random.key(1), CHILDREN)
    genomes = jax.jit(encoding.init)(keys)
    _need(_same(encoding.init(keys), genomes), "init gives other genomes compiled than not")
    _need(
        _same(encoding.init(keys[2:3]), _rows(genomes, slice(2, 3))),
        "a genome of init depends on more than its key: on the others of its batch",
    )
    for leaf in jax.tree.leaves(genomes):
        _need(len(leaf) == CHILDREN, "a leaf of genomes does not lead with the axis of the batch")
    _check_images(encoding, genomes)
    _check_children(encoding, genomes, rates)
    host = jax.device_get(genomes)
    fault = encoding.fault_of(host)
    _need(not fault, f"fault_of refuses genomes of init: {fault}")
    _need(_same(encoding.trim(host), encoding.trim(encoding.trim(host))), "trim is not final")
    grown = jax.tree.map(jnp.asarray, encoding.grow(host))
    _need(
        _equal(encoding.grown().render(grown), encoding.render(genomes)),
        "images of genomes that have grown are others",
    )


def _check_images(encoding: Encoding, genomes: Genomes) -> None:
    images = np.asarray(jax.jit(encoding.render)(genomes))
    _need(images.ndim == 4 and len(images) == CHILDREN, f"render gives shape {images.shape}")
    _need(images.dtype == np.float32, f"render gives {images.dtype}; expected float32")
    _need(bool(((images >= 0) & (images <= 1)).all()), "render gives values outside [0, 1]")
    levels = np.rint(images * 255) / np.float32(255)
    _need(bool(np.abs(images - levels).max() < 1e-6), "render gives values off the 1/255 grid")
    one = np.asarray(encoding.render(_rows(genomes, slice(3, 4))))
    _need(
        bool(np.abs(one[0] - images[3]).max() <= 1 / 255 + 1e-6),
        "an image depends on the others of its batch",
    )


def _check_children(encoding: Encoding, genomes: Genomes, rates: object) -> None:
    keys = jax.random.split(jax.random.key(2), CHILDREN)
    parents = (genomes,) * encoding.num_parents
    vary = jax.jit(encoding.vary)
    children, had_room = vary(keys, parents, rates, jnp.int32(3))
    again, _ = vary(keys, parents, rates, jnp.int32(3))
    _need(_same(children, again), "vary gives other children from the same keys")
    _need(
        jax.tree.map(_shape, children) == jax.tree.map(_shape, genomes),
        "children have other arrays than their parents",
    )
    _need(had_room.shape == (CHILDREN,) and had_room.dtype == bool, "vary gives no bool per child")
    others, _ = vary(jax.random.split(jax.random.key(4), CHILDREN), parents, rates, jnp.int32(3))
    _need(not _same(children, others), "vary does not depend on its keys: nothing ever changes")


def check_fitness(function: FitnessFunction, *, classes: int = 10) -> None:
    """Checks that a fitness is a finite JAX function of log-probabilities, image by image.

    Args:
        function: as `register_fitness` takes it.
        classes: number of them.

    Raises:
        AssertionError: says what is broken.
    """
    logits = jax.random.normal(jax.random.key(0), (CHILDREN, classes)) * 4
    known = jax.nn.log_softmax(logits)
    scores = jax.jit(function)(known)
    _need(
        scores.shape in ((CHILDREN,), known.shape),
        f"it gives shape {scores.shape} for {known.shape}; expected {known.shape} or one per image",
    )
    _need(bool(jnp.isfinite(scores).all()), "it gives NaN or infinity")
    _need(_equal(function(known[2:3]), scores[2:3]), "a fitness depends on the other images")


def check_cells(make: CellsFunction, card: Card) -> None:
    """Checks that cells are named, and are a JAX function of outputs and images, image by image.

    Args:
        make: as `register_cells` takes it.
        card: of a classifier.

    Raises:
        AssertionError: says what is broken.
    """
    cells = make(card)
    images = jax.random.uniform(jax.random.key(1), (CHILDREN, *card.input_shape))
    known = jax.nn.log_softmax(jax.random.normal(jax.random.key(0), (CHILDREN, card.classes)) * 4)
    competes = jax.jit(cells.place)(known, images)
    expected = (CHILDREN, len(cells.names))
    _need(
        competes.shape == expected and competes.dtype == bool,
        f"place gives {competes.dtype} {competes.shape}; expected bool {expected}",
    )
    alone = cells.place(known[2:3], images[2:3])
    _need(_same(alone, competes[2:3]), "the cells of an image depend on the other images")
    _need(not cells.classes or max(cells.classes) < card.classes, "a cell is of a class too high")


def _need(promise: bool, broken: str) -> None:
    if not promise:
        raise AssertionError(broken)


def _rows(genomes: Genomes, rows: slice) -> Genomes:
    return jax.tree.map(lambda leaf: leaf[rows], genomes)


def _shape(leaf: Array) -> tuple[object, ...]:
    return (leaf.shape, leaf.dtype)


def _same(a: Genomes, b: Genomes) -> bool:
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(np.array_equal(np.asarray(x), np.asarray(y)) for x, y in pairs)


def _equal(a: Array, b: Array) -> bool:
    return bool(np.allclose(np.asarray(a), np.asarray(b), atol=1e-5))
