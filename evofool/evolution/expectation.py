"""Fitness over worn copies of an image: what is to survive is asked for while it evolves.

A child is shown several times, each time worn by another kind and amount (`images.wear`), and its
fitness is that of the mean log-probability of the copies, or of the least. Copy k is worn by kind k
modulo the number of kinds, so that each kind has its share; amounts and directions are drawn from
(run seed, generation, child): an elite's score can be made again from its id.

References:
    Athalye et al., "Synthesizing robust adversarial examples", ICML 2018, arXiv:1707.07397,
    section 2 (expectation over transformation).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, Key, UInt

import cppn
from evofool.classifiers import Classifier
from evofool.config import EvolveConfig
from evofool.evaluation import evaluate_log_odds
from evofool.images import WEAR, WORDS, chance_of, wear
from evofool.support import jit

_WEAR = 3  # what a child's key is folded with; see `generation`
KEPT = 4  # compiled functions that stay in memory

Images = Float[Array, "batch height width channels"]
LogOdds = Float[Array, "batch outputs"]


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """How worn copies are made of images, and what their scores come to.

    Attributes:
        kinds: names in `images.WEAR`.
        copies: of each image; no fewer than there are kinds.
        by: whether the mean or the least log-probability counts.
    """

    kinds: tuple[str, ...]
    copies: int
    by: Literal["mean", "least"]

    def log_odds(
        self, look: Callable[[Images], LogOdds], images: Images, keys: Key[Array, " batch"]
    ) -> LogOdds:
        """Returns the log-odds of the copies' log-probabilities, together.

        Args:
            look: images -> log-odds; sees the worn copies, one of every image at a time.
            images: in [0, 1].
            keys: of the images: those of children, folded with nothing yet.
        """
        words = self._words(keys)
        each = lax.map(lambda copy: look(self._worn(images, *copy)), words)
        return self.together(each)

    def copies_of(
        self, images: Images, keys: Key[Array, " batch"]
    ) -> Float[Array, "copies batch height width channels"]:
        """Returns the worn copies that `log_odds` looks at."""
        return lax.map(lambda copy: self._worn(images, *copy), self._words(keys))

    def together(self, each: Float[Array, "copies *batch outputs"]) -> LogOdds:
        """Combines the log-odds of copies (first axis)."""
        log_probability = -jax.nn.softplus(-each)
        reduce = jnp.mean if self.by == "mean" else jnp.min
        # a probability of 1 has no log-odds: the largest float32 below it has
        combined = jnp.minimum(reduce(log_probability, axis=0), -jnp.finfo(jnp.float32).tiny)
        return combined - jnp.log(-jnp.expm1(combined))

    def _words(
        self, keys: Key[Array, " batch"]
    ) -> tuple[Int[Array, " copies"], UInt[Array, "copies batch words"]]:
        """Draws the random words of all copies at once, and says which kind each copy has."""

        def draw(key: Array) -> Array:
            return cppn.random_bits(cppn.fold_in(key, _WEAR), self.copies * WORDS)

        words = jax.vmap(draw)(keys).reshape(len(keys), self.copies, WORDS)
        return jnp.arange(self.copies) % len(self.kinds), words.swapaxes(0, 1)

    def _worn(
        self, images: Images, kind: Int[Array, ""], words: UInt[Array, "batch words"]
    ) -> Images:
        def by(name: str, image: Array, words: Array) -> Array:
            chance = chance_of(words)
            return wear(WEAR[name], image, chance.amount * WEAR[name].most / 100, chance)

        branches = [jax.vmap(partial(by, name)) for name in self.kinds]
        return lax.switch(kind, branches, images, words)


def expectation_of(config: EvolveConfig) -> Expectation | None:
    """Returns what a run's settings ask for; None where images are looked at as they are."""
    if not config.wear:
        return None
    return Expectation(kinds=config.wear, copies=config.looks, by=config.expect_by)


def expected_log_odds(
    classifier: Classifier,
    expectation: Expectation,
    images: Float[np.ndarray, "batch height width channels"],
    keys: Key[Array, " batch"],
    micro_batch: int,
) -> Float[np.ndarray, "batch outputs"]:
    """Scores worn copies of images as evolution does, on the host.

    Args:
        classifier: inside JAX or outside.
        expectation: of the run.
        images: in [0, 1]; no more than may be in memory with all their copies.
        keys: of the children that the images are.
        micro_batch: images in a forward pass.
    """
    copies = np.asarray(_compiled_copies(expectation)(images, keys))
    shape = copies.shape
    odds = evaluate_log_odds(classifier, copies.reshape(-1, *shape[2:]), micro_batch)
    return np.asarray(expectation.together(jnp.asarray(odds.reshape(*shape[:2], -1))))


@lru_cache(maxsize=KEPT)
def _compiled_copies(expectation: Expectation) -> Callable[..., Array]:
    return jit(expectation.copies_of)
