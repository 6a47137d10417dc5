"""Ask and tell for a loop of one's own: the generation of a run as two pure functions."""

from collections.abc import Callable
from typing import Unpack

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from evofool.classifiers import Classifier
from evofool.config import make_config
from evofool.evolution.ask_tell import Images, Outputs
from evofool.evolution.generation import Log, Offspring, RunState
from evofool.evolution.loop import compile_loop
from evofool.evolution.plan import Plan, configure, load_configured, make_plan
from evofool.settings import Settings
from evofool.support import AnyArray, Compiled, Tree, UserError


class OwnLoop:
    """A run without files, whose generations are made by whoever asks and tells.

    All methods but `init` are pure JAX functions of their arguments: they may be called under
    `jax.jit`, and a whole loop of them under `lax.scan`. Genomes of CPPNs keep the room that they
    begin with; `had_room` of the offspring says if one lacked it, and then `tell` changes nothing.

    Attributes:
        plan: what the settings come to.
    """

    def __init__(self, plan: Plan):
        self.plan = plan
        self._loop = compile_loop(plan)

    def init(self) -> RunState:
        """Returns the state before generation 0: an archive without elites."""
        config = self.plan.config
        seeds: AnyArray = np.arange(config.runs, dtype=np.uint32) + np.uint32(config.seed)
        return self._loop.init(seeds)

    def ask(self, state: RunState) -> tuple[Offspring, Images]:
        """Makes the children of the next generation, and draws them.

        Returns:
            The children, leaves `[runs, batch, ...]`, and their images `[runs, batch, height,
            width, channels]` in [0, 1], on the 1/255 grid.
        """
        return _anywhere(self._loop.by_halves.ask)(self.plan.rates, state)

    def tell(self, state: RunState, offspring: Offspring, outputs: Outputs) -> tuple[RunState, Log]:
        """Offers children to the archive.

        Args:
            state: that the children were asked from.
            offspring: the children. Genomes may be replaced by others of the same shapes.
            outputs: of the classifier for their images, `[runs, batch, outputs]`: what `classify`
                returns, or scores of one's own of the classifier's kind.

        Returns:
            The next state, and what happened.
        """
        return _anywhere(self._loop.by_halves.tell)(state, offspring, outputs)

    def classify(self, images: Images) -> Outputs:
        """Asks the classifier, which is in JAX, about images `[runs, batch, ...]`."""
        runs, batch, *shape = images.shape
        classifier = self.plan.classifier
        outputs: Array = classifier.apply(classifier.params, images.reshape(-1, *shape))
        return outputs.reshape(runs, batch, -1)

    def confidences(self, state: RunState) -> Float[Array, "runs cells"]:
        """Returns the confidence of every elite, in [0, 1]; 0 where a cell has none."""
        return 1.0 / (1.0 + jnp.exp(-state.archive.fitness))


def _anywhere(compiled: Compiled) -> Callable[..., Tree]:
    """Lets a function that is compiled with options be a part of what a user compiles."""

    def call(*arguments: Tree) -> Tree:
        is_traced = any(isinstance(x, Tracer) for x in jax.tree.leaves(arguments))
        return (compiled.__wrapped__ if is_traced else compiled)(*arguments)

    return call


def ask_tell(
    classifier: str | Classifier = "lenet",
    *,
    cells: str = "classes",
    **settings: Unpack[Settings],
) -> OwnLoop:
    """Prepares a loop of one's own; it writes nothing.

    Args:
        classifier: name, or a `Classifier` of your own.
        cells: of the archive: "classes", or a name that `register_cells` was given.
        **settings: fields of `EvolveConfig`; those of length, files and polishing have no effect.

    Raises:
        UserError: as `evofool.evolve`; or `expect` is given, as children are not worn here.

    Example:
        >>> import evofool
        >>> loop = evofool.ask_tell("mock:3", encoding="direct", batch_size=8)
        >>> state = loop.init()
        >>> offspring, images = loop.ask(state)
        >>> state, log = loop.tell(state, offspring, loop.classify(images))
        >>> int(state.next_generation), images.shape[:2]
        (1, (1, 8))
    """
    name = classifier if isinstance(classifier, str) else classifier.card.name
    config = make_config(classifier=name, cells=cells, **settings)
    if config.wear:
        raise UserError(
            f"expect is {config.expect!r}, but in a loop of one's own children are classified as "
            "they are; leave it out, and wear the images before they are classified"
        )
    model = (
        load_configured(config) if isinstance(classifier, str) else configure(classifier, config)
    )
    return OwnLoop(make_plan(config, model))
