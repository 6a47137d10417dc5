"""Networks to test with, made by mutation."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import cppn

GREY = cppn.GenomeSpec(outputs=1)
COLORED = cppn.GenomeSpec(outputs=3, activations=tuple(cppn.ACTIVATIONS))
ROOM = {"max_nodes": 40, "max_connections": 96}


@partial(jax.jit, static_argnames="spec")
def evolve(
    key: jax.Array, rates: cppn.MutationRates, spec: cppn.GenomeSpec
) -> tuple[cppn.Genome, jax.Array]:
    """A line of descent: a thousand genomes, each a mutation of the one before.

    Also says which had room; a child that had none is given up.
    """

    def step(genome, key):
        child, had_room = cppn.mutate(key, genome, rates, spec)
        child = jax.tree.map(lambda new, old: jnp.where(had_room, new, old), child, genome)
        return child, (genome, had_room)

    key_init, key_steps = jax.random.split(key)
    first = cppn.init(key_init, spec, **ROOM)
    return jax.lax.scan(step, first, jax.random.split(key_steps, 1000))[1]


def host(genomes: cppn.Genome) -> list[cppn.Genome]:
    """Takes a batch apart; NumPy arrays."""
    arrays = jax.tree.map(np.asarray, genomes)
    count = arrays.num_nodes.shape[0]
    return [jax.tree.map(lambda leaf, i=i: leaf[i], arrays) for i in range(count)]


def make(spec, activations, connections, **room) -> cppn.Genome:
    """A genome by hand: names of outputs and hidden nodes, (source, target, weight) lists."""
    source, target, weight = zip(*connections, strict=True)
    codes = [0] * 4 + [spec.activations.index(name) for name in activations]
    genome = cppn.Genome(
        num_nodes=jnp.int32(len(codes)),
        num_connections=jnp.int32(len(source)),
        activation=jnp.array(codes, jnp.int32),
        source=jnp.array(source, jnp.int32),
        target=jnp.array(target, jnp.int32),
        weight=jnp.array(weight, jnp.float32),
    )
    cppn.validate(genome, spec)
    return cppn.grow(genome, **room) if room else genome


def same_bytes(first, second) -> bool:
    pairs = zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    return all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in pairs)
