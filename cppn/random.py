"""Random words and keys, fast on CPU: the same bits as `jax.random`, without its rolled loop.

On CPU, JAX 0.10 lowers its Threefry hash as a loop of small kernels over the whole array (14 ns a
word, measured); written out it fuses with its consumers and costs about 1.5 ns a word.

References:
    Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011 (Threefry-2x32-20).
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))


def bits(key: PRNGKeyArray, num: int) -> UInt[Array, " num"]:
    """Returns `jax.random.bits(key, (num,))` for a Threefry key, bit for bit.

    Word `i` depends on the key and on `i` alone, so the first words do not change with `num`.

    Raises:
        ValueError: the key is not a typed Threefry key.
    """
    first, second = _threefry(key, jnp.arange(num, dtype=jnp.uint32))
    return first ^ second


def fold_in(key: PRNGKeyArray, data: Int[Array, ""] | int) -> PRNGKeyArray:
    """Returns `jax.random.fold_in(key, data)` for a Threefry key, bit for bit.

    Raises:
        ValueError: the key is not a typed Threefry key.
    """
    pair = jnp.stack(_threefry(key, jnp.asarray(data).astype(jnp.uint32)), axis=-1)
    return jax.random.wrap_key_data(pair, impl="threefry2x32")


def uniform(words: UInt[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Turns random words into float32 in [0, 1), multiples of 2**-24."""
    return (words >> 8).astype(jnp.float32) * np.float32(2**-24)


def normal(words: UInt[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Turns random words into normal float32 numbers; none is infinite."""
    between = jnp.minimum(uniform(words) + 2.0**-25, 1 - 2.0**-24)  # the largest word rounds to 1
    return jax.scipy.special.ndtri(between)


def _threefry(
    key: PRNGKeyArray, counter: UInt[Array, "*shape"]
) -> tuple[UInt[Array, "*shape"], UInt[Array, "*shape"]]:
    """Hashes 64-bit counters, given by their low words, to pairs of words."""
    if str(jax.random.key_impl(key)) != "threefry2x32":
        raise ValueError(
            f"expected a threefry2x32 key, got {jax.random.key_impl(key)}; "
            "make it with jax.random.key(seed, impl='threefry2x32')"
        )
    return _hash(*jax.random.key_data(key), counter)


# Traced once for each shape: these are 120 operations, of which a generation would trace thousands.
@jax.jit(inline=True)
def _hash(
    first: UInt[Array, ""], second: UInt[Array, ""], counter: UInt[Array, "*shape"]
) -> tuple[UInt[Array, "*shape"], UInt[Array, "*shape"]]:
    """Hashes counters with the two words of a key."""
    schedule = (first, second, first ^ second ^ np.uint32(0x1BD11BDA))
    high = jnp.zeros_like(counter) + schedule[0]
    low = counter + schedule[1]
    for block in range(5):
        for distance in _ROTATIONS[block % 2]:
            high = high + low
            low = ((low << distance) | (low >> (32 - distance))) ^ high
        high = high + schedule[(block + 1) % 3]
        low = low + schedule[(block + 2) % 3] + np.uint32(block + 1)
    return high, low
