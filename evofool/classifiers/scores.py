"""From a classifier's outputs to log-odds, which evolution maximises, confidence and accuracy."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Integer

from evofool.classifiers.blaming import ClassifierError
from evofool.classifiers.card import Card

ABSENT = -1e30  # log-odds with which an image does not compete; finite, as scores are
SUM_TOLERANCE = 1e-3  # of the sum of an image's probabilities


def check_outputs(outputs: np.ndarray, card: Card, kind: str, *, images: int) -> None:
    """Checks what a classifier returned: its type and shape, and whether probabilities are such.

    A model outside JAX may return anything at any time, so that this is asked of every batch.
    NaN passes: such an image has no score.

    Args:
        outputs: of one forward pass.
        card: of the classifier.
        kind: `Classifier.kind`.
        images: number of images that it was given.

    Raises:
        ClassifierError: says what came, and what was expected.
    """
    who, expected = f"classifier {card.name!r}", (images, card.outputs)
    if outputs.shape != expected:
        raise ClassifierError(
            f"{who} returned shape {outputs.shape} for {images} images; expected {expected}: its "
            f"card says {card.outputs} outputs"
        )
    is_number = jnp.issubdtype(outputs.dtype, jnp.floating) or outputs.dtype.kind in "iu"
    if not is_number:
        raise ClassifierError(f"{who} returned outputs of type {outputs.dtype}; expected float32")
    if kind == "probabilities":
        known = outputs[~np.isnan(outputs).any(axis=1)].astype(np.float64)
        low = known.min(initial=0.0)
        worst = np.abs(known.sum(axis=1) - 1.0).max(initial=0.0)
        if low < 0.0 or worst > SUM_TOLERANCE:
            raise ClassifierError(
                f"{who} says it returns probabilities, but the smallest value is {low:.3g} and a "
                f"row's sum differs from 1 by up to {worst:.3g}; return softmax probabilities"
            )


def fitness_of(outputs: Float[Array, "*lead outputs"], kind: str) -> Float[Array, "*lead outputs"]:
    """Returns the log-odds of every output, whatever kind of outputs the classifier has.

    Args:
        outputs: of `evaluate`, or of the classifier's `apply` within JAX.
        kind: `Classifier.kind`.
    """
    return outputs if kind == "log_odds" else log_odds(outputs)


compiled_fitness_of = jax.jit(fitness_of, static_argnames="kind")
"""`fitness_of` as one program, for outputs on the host: its operations compile one by one else."""


def log_odds(outputs: Float[Array, "*lead outputs"]) -> Float[Array, "*lead outputs"]:
    """Returns log(p / (1 - p)) of every output's softmax probability p, without saturating.

    A float32 softmax is exactly 1.0 from about 17 nats on, where evolution on p would come to a
    halt; the log-odds `z_c - logsumexp(z_j, j != c)` have the same order and keep rising.

    Args:
        outputs: logits, or log-probabilities (any constant may be added to a row).
    """
    is_top = _is_first_highest(outputs)
    highest = jnp.max(outputs, axis=-1, keepdims=True)
    weights = jnp.exp(outputs - highest)
    # Below the top, 1 - p_c is (1 + the other weights) / total: nothing cancels. The rivals of the
    # top are summed relative to the strongest of them, so that their sum does not underflow.
    rivals = jnp.where(is_top, -jnp.inf, outputs)
    highest_rival = jnp.max(rivals, axis=-1, keepdims=True)
    rival_sum = jnp.sum(jnp.exp(rivals - highest_rival), axis=-1, keepdims=True)
    others = jnp.where(is_top, 0.0, weights)
    others_but_c = jnp.sum(others, axis=-1, keepdims=True) - others
    below_top = outputs - highest - jnp.log1p(others_but_c)
    of_top = highest - highest_rival - jnp.log(rival_sum)
    return jnp.where(is_top, of_top, below_top)


def as_probabilities(log_odds: Float[Array, "*lead"]) -> Float[Array, "*lead"]:
    """Rounds log-odds to those of float32 probabilities.

    Log-odds whose probabilities are the same float32 number become equal, and all lie between
    -87 and 16.6 nats, next to 0 and 1. This is the fitness when evolution maximises a probability.
    """
    least, most = jnp.finfo(jnp.float32).tiny, jnp.float32(1 - 2**-24)
    probability = jnp.clip(jax.nn.sigmoid(log_odds), least, most)
    return jnp.log(probability) - jnp.log1p(-probability)


def confidence(fitness: Float[Array, "*lead"] | np.ndarray | float) -> np.ndarray:
    """Returns the softmax probabilities in [0, 1] of log-odds (float64, host); 0 for `-inf`."""
    return np.asarray(np.exp(-np.logaddexp(0.0, -np.asarray(fitness, np.float64))))


def two_best(outputs: Float[Array, "*lead outputs"]) -> Int[Array, "*lead 2"]:
    """Returns the indices of the two largest outputs; of equal ones the first counts as larger."""
    others = jnp.where(_is_first_highest(outputs), -jnp.inf, outputs)
    best = [jnp.argmax(outputs, axis=-1), jnp.argmax(others, axis=-1)]
    return jnp.stack(best, axis=-1).astype(jnp.int32)


def accuracy_of(
    predictions: Integer[np.ndarray, " images"] | Integer[np.ndarray, "images guesses"],
    labels: Integer[np.ndarray, " images"],
) -> float:
    """Returns the share in [0, 1] of images that are classified correctly.

    Args:
        predictions: the index that is predicted for each image; or several, for instance the five
            likeliest, one of which must be right.
        labels: the right indices; both count outputs, or both count classes.
    """
    hits = np.reshape(predictions, (len(labels), -1)) == np.asarray(labels)[:, None]
    return float(np.mean(hits.any(axis=1)))


def _is_first_highest(outputs: Float[Array, "*lead outputs"]) -> Bool[Array, "*lead outputs"]:
    return jax.nn.one_hot(jnp.argmax(outputs, axis=-1), outputs.shape[-1], dtype=bool)
