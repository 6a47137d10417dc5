"""A base for encodings of one's own: three functions to write, where genomes have one size."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key

import cppn
from evofool.evolution.tuning import Tunable
from evofool.support import Tree, UserError

Genomes = Tree  # of the encoding's own, whose leaves lead with the axis `batch`


@dataclass(frozen=True)
class FixedEncoding:
    """An encoding whose genomes all have the same shapes; derive a frozen dataclass from it.

    Write `init`, `vary` and `draw`, over batches and of JAX functions alone. What they derive from
    keys must depend on nothing else: children are made again from their keys. Genomes are any
    pytree of arrays; those of floats can be polished as they are. See `Encoding` for the rest.

    Attributes:
        image_shape: (height, width, channels) of the images.
    """

    image_shape: tuple[int, int, int]

    num_parents = 1
    least_parts = 1
    longest_step = 1.0  # of a number of a genome, when it is polished

    @property
    def name(self) -> str:
        """Name of the encoding."""
        return type(self).__name__

    def init(self, keys: Key[Array, " batch"]) -> Genomes:
        """Makes random genomes, one from each key."""
        raise NotImplementedError

    def vary(
        self,
        keys: Key[Array, " batch"],
        parents: tuple[Genomes, ...],
        rates: object,
        generation: Int[Array, ""],
    ) -> tuple[Genomes, Bool[Array, " batch"]]:
        """Makes a child of each parent; `varied` of its parents says how. All have room."""
        del rates
        children = self.varied(keys, parents, generation)
        return children, jnp.ones(keys.shape, bool)

    def varied(
        self, keys: Key[Array, " batch"], parents: tuple[Genomes, ...], generation: Int[Array, ""]
    ) -> Genomes:
        """Makes a child of each parent, from its key.

        Args:
            keys: one for each child.
            parents: `num_parents` batches of genomes.
            generation: that the children are of.
        """
        raise NotImplementedError

    def draw(self, genomes: Genomes) -> Float[Array, "batch height width channels"]:
        """Draws genomes; values outside [0, 1] are clipped."""
        raise NotImplementedError

    def render(self, genomes: Genomes) -> Float[Array, "batch height width channels"]:
        """Draws genomes on the 1/255 grid; rounding passes gradients straight through."""
        values = jnp.clip(self.draw(genomes), 0.0, 1.0)
        whole = cppn.from_bytes(jnp.round(255.0 * lax.stop_gradient(values)))
        return whole + (values - lax.stop_gradient(values))  # 0, with the gradient of rounding

    def limit(self, genomes: Genomes) -> Genomes:
        """Brings genomes back into their range after a step of polishing; here it has no end."""
        return genomes

    def tune(self, genomes: Genomes, keys: Key[Array, " batch"], widen: int) -> Tunable:
        """Tunes all numbers of genomes; there is nothing to widen.

        Raises:
            UserError: some are not floats; an encoding of these has a `tune` of its own.
        """
        del keys, widen
        leaves = jax.tree.leaves(genomes)
        if not all(jnp.issubdtype(leaf.dtype, jnp.floating) for leaf in leaves):
            raise UserError(
                f"genomes of encoding {self.name!r} do not consist of floats alone, and it has no "
                "'tune' that says how to polish them"
            )

        def same(variables: Genomes) -> Genomes:
            return variables

        return Tunable(
            variables=genomes,
            draw=self.render,
            limit=self.limit,
            genomes=same,
            longest=self.longest_step,
            had_room=jnp.ones(len(leaves[0]), bool),
        )

    def fault_of(self, genomes: Genomes) -> str:
        """Says what is wrong with genomes from a file: types, shapes, or what is no number."""
        keys = jax.eval_shape(lambda: jax.random.key(0)[None])
        expected = jax.eval_shape(self.init, keys)
        if jax.tree.structure(genomes) != jax.tree.structure(expected):
            return "their arrays are others"
        for leaf, one in zip(jax.tree.leaves(genomes), jax.tree.leaves(expected), strict=True):
            shape = one.shape[1:]
            if leaf.dtype != one.dtype or leaf.shape[leaf.ndim - len(shape) :] != shape:
                return f"an array is {leaf.dtype} {leaf.shape}; expected {one.dtype} {shape} each"
            if leaf.dtype.kind == "f" and not np.isfinite(leaf).all():
                return "a number is not finite"
        return ""

    def for_crossing(self) -> "FixedEncoding":
        """Returns the encoding as it is: its genomes need no history to be bred."""
        return self

    def adopt(
        self, keys: Key[Array, " batch"], genomes: Genomes, parents: tuple[Genomes, ...]
    ) -> Genomes:
        """Returns genomes as they are."""
        del keys, parents
        return genomes

    def without_history(self, genomes: Genomes) -> Genomes:
        """Returns genomes as they are."""
        return genomes

    def grow(self, genomes: Genomes) -> Genomes:
        """Returns genomes as they are."""
        return genomes

    def trim(self, genomes: Genomes) -> Genomes:
        """Returns genomes as they are."""
        return genomes

    def grown(self) -> "FixedEncoding":
        """Returns the encoding as it is."""
        return self
