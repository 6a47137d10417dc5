"""A classifier that evolution can fool: a card, parameters, and a pure function of both."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Key

from evofool.classifiers.blaming import blaming
from evofool.classifiers.card import Card, ImageBatch, preprocess
from evofool.classifiers.names import FORMER_NAMES
from evofool.classifiers.scores import check_outputs, fitness_of
from evofool.images import from_levels
from evofool.support import AnyArray, Tree, UserError, unknown_name

Params = Tree  # only the network itself knows which
Apply = Callable[..., AnyArray]
"""`apply(params, images)` -> outputs: JAX arrays, or numpy arrays for a model outside JAX."""

Kind = Literal["logits", "log_odds", "probabilities"]

PROBE_TOLERANCE = 1e-3  # of the largest recorded output; machines differ by about 1e-6
_RAMP = 2  # the index of the probe image whose outputs `Card.probe` records


@dataclass(frozen=True, kw_only=True, eq=False)
class Classifier:
    """A function that gives every image a score per output.

    Attributes:
        card: describes it.
        params: pytree of arrays; an argument of `apply` and never a constant in it, so that
            other weights need no new compilation.
        apply: `apply(params, images)` with float32 images `[batch, height, width, channels]` in
            [0, 1] gives float32 `[batch, outputs]`. Unless its kind is "probabilities" it is a
            pure JAX function.
        kind: of the outputs: "logits", "log_odds" (of each output separately), or "probabilities"
            for a model outside JAX, whose `apply` is called with numpy arrays, outside `jit`, and
            returns softmax probabilities.
        members: the classifiers that an ensemble, or a classifier of views, consists of.
        views: forward passes per image, of all members together.
        lists_top: whether, outside JAX, a probability of exactly 0 means that the model does not
            say: a service that lists its likeliest classes.
        remark: what a user should know before it is asked, in one line; else empty.
        other: makes the model's other face, where it has two: in JAX of one that is computed by
            the runtime that it ships with, and the reverse; None where that cannot be had.

    Raises:
        UserError: a member is of another kind; or JAX is set to 64 bits, in which nothing here
            computes.
    """

    card: Card
    params: Params
    apply: Apply
    kind: Kind = "logits"
    members: tuple["Classifier", ...] = ()
    views: int = 1
    lists_top: bool = False
    remark: str = ""
    other: Callable[[], "Classifier | None"] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.card, Card):
            raise UserError(f"card is a {type(self.card).__name__}; expected an evofool.Card")
        if not callable(self.apply):
            raise UserError(f"apply is a {type(self.apply).__name__}; expected a function")
        if self.kind not in get_args(Kind):
            raise unknown_name("kind of outputs", str(self.kind), get_args(Kind))
        if jax.dtypes.canonicalize_dtype(np.float64) == np.float64:
            raise UserError(
                "evofool computes in float32, and JAX is set to 64 bits; leave out JAX_ENABLE_X64, "
                "or call jax.config.update('jax_enable_x64', False)"
            )

    @property
    def is_jax(self) -> bool:
        """Whether `apply` can be compiled into a larger program."""
        return self.kind != "probabilities"

    def face(self, *, in_jax: bool) -> "Classifier | None":
        """Returns the same model in JAX, or outside; None where there is no such face."""
        if self.is_jax == in_jax:
            return self
        return None if self.other is None else self.other()

    @property
    def shipped(self) -> "Classifier":
        """The same model in the runtime that it ships with; itself where it has one face."""
        return self.face(in_jax=False) or self

    def log_odds(
        self, outputs: Float[Array | np.ndarray, "*lead outputs"]
    ) -> Float[Array, "*lead outputs"]:
        """Returns log(p / (1 - p)) of every output's probability p."""
        return fitness_of(jnp.asarray(outputs), self.kind)


def on_faces(classifier: Classifier, change: Callable[[Classifier], Classifier]) -> Classifier:
    """Changes a classifier, and its other face when that is asked for."""
    changed, other = change(classifier), classifier.other
    if other is None:
        return changed

    def make() -> Classifier | None:
        face = other()
        return None if face is None else change(face)

    return replace(changed, other=make)


class Network(NamedTuple):
    """An architecture as pure functions, which training and loading use.

    Attributes:
        init: returns random parameters, from a key.
        apply: `apply(params, images)` -> logits; it includes the preprocessing.
        shapes: the parameters as `jax.ShapeDtypeStruct`s, nested dictionaries by layer.
        module: parameters -> the Flax module with them; it takes images after preprocessing.
        has_dropout: whether training calls `apply(params, images, key)`, which drops values at
            random.
    """

    init: Callable[[Key[Array, ""]], Params]
    apply: Apply
    shapes: Params
    module: Callable[[Params], nnx.Module]
    has_dropout: bool


Family = Callable[[Card, nnx.Rngs], nnx.Module]
_FAMILIES: dict[str, Family] = {}


def register_family(name: str, make: Family) -> None:
    """Adds an architecture, so that weights whose card names it can be loaded and trained.

    Args:
        name: the card's `family`.
        make: builds the Flax NNX module for a card. The module returns logits for images after
            preprocessing; all its variables must be `nnx.Param`s. With dropout its `__call__`
            also takes `rngs`, which is None except in training.

    Raises:
        ValueError: the name is taken.
    """
    if name in _FAMILIES or name in FORMER_NAMES:
        raise ValueError(f"family {name!r} is registered already; choose another name")
    _FAMILIES[name] = make


def make_network(card: Card) -> Network:
    """Builds the network that a card describes.

    Cards that differ only in fields that do not shape the computation (name, labels, sha256,
    notes) get the same functions, so that `jit` compiles them once.

    Raises:
        UserError: the card's family is unknown.
    """
    if card.family not in _FAMILIES:
        raise unknown_name(f"family (card of {card.name!r})", card.family, _FAMILIES)
    return _network(
        _FAMILIES[card.family],
        Card(
            name="",
            family=card.family,
            input_shape=card.input_shape,
            outputs=card.outputs,
            labels=("",) * card.outputs,
            channel_order=card.channel_order,
            mean=card.mean,
            scale=card.scale,
            width=card.width,
            padding=card.padding,
            activation=card.activation,
        ),
    )


def built_in_apply(card: Card) -> Apply | None:
    """Returns the `apply` of a card of one of evofool's own families; else None."""
    make = _FAMILIES.get(card.family)
    is_built_in = make is not None and make.__module__.startswith("evofool.")
    return make_network(card).apply if is_built_in else None


@cache
def _network(make: Family, card: Card) -> Network:
    abstract = nnx.eval_shape(lambda: make(card, nnx.Rngs(0)))
    has_dropout = "rngs" in inspect.signature(abstract).parameters
    graph, state = nnx.split(abstract)

    def init(key: Key[Array, ""]) -> Params:
        return nnx.to_pure_dict(nnx.state(make(card, nnx.Rngs(key))))

    def module(params: Params) -> nnx.Module:
        return nnx.merge(graph, params)

    def apply(
        params: Params, images: ImageBatch, key: Key[Array, ""] | None = None
    ) -> Float[Array, "batch outputs"]:
        options = {} if key is None else {"rngs": nnx.Rngs(key)}
        return nnx.merge(graph, params)(preprocess(card, images), **options)

    return Network(init, apply, nnx.to_pure_dict(state), module, has_dropout)


def check_classifier(classifier: Classifier) -> Float[np.ndarray, "images outputs"]:
    """Classifies a few images and checks the outputs.

    Finds weights that were not loaded, inputs on the wrong scale and outputs of the wrong shape
    before a long run is spent on them. The members of an ensemble are checked first.

    Returns:
        The outputs for the test images: black, white, two ramps and four images of noise.

    Raises:
        UserError: the classifier fails; it returns the wrong shape, NaN or infinity, or the same
            output for every image; its kind is "probabilities" but its outputs are none; or its
            outputs for the probe image differ from those on its card.
    """
    for member in classifier.members:
        check_classifier(member)
    card = classifier.card
    who = f"classifier {card.name!r}"
    outputs = _outputs_of_probe_images(classifier)
    bad = ~np.isfinite(outputs).all(axis=0)
    if bad.any():
        raise UserError(
            f"{who} returned NaN or infinity in {bad.sum()} of {card.outputs} outputs "
            f"(first: output {int(np.argmax(bad))}); check its weights and preprocessing"
        )
    if (outputs == outputs[0]).all():
        raise UserError(
            f"{who} returned the same output for {len(outputs)} different images; its weights are "
            "not loaded, or its input is scaled to nothing"
        )
    probe = np.asarray(card.probe)
    difference = np.abs(outputs[_RAMP, : len(probe)] - probe).max(initial=0.0)
    if difference > PROBE_TOLERANCE * max(1.0, np.abs(probe).max(initial=0.0)):
        raise UserError(
            f"{who} gives outputs up to {difference:.3g} away from those that its card records "
            "for a test image; its weights or its preprocessing are not the card's"
        )
    return outputs


def _outputs_of_probe_images(classifier: Classifier) -> Float[np.ndarray, "images outputs"]:
    """Runs the classifier; refuses it when that fails or gives no such outputs as its card says."""
    card, images = classifier.card, _probe_images(classifier.card.input_shape)
    apply = jax.jit(classifier.apply) if classifier.is_jax else classifier.apply
    name = f"classifier {card.name!r}"
    with blaming(name, doing=f"on images of shape {images.shape} (float32 in [0, 1])"):
        try:
            outputs = np.asarray(apply(classifier.params, images))
        except Exception as error:
            if classifier.is_jax and "Tracer" in f"{type(error)} {error}":
                raise UserError(
                    f"{name} computes outside JAX ({type(error).__name__}), which its kind does "
                    "not say: give Classifier(..., kind='probabilities'), whose apply gets NumPy "
                    "arrays and returns softmax probabilities"
                ) from error
            raise
    check_outputs(outputs, card, classifier.kind, images=len(images))
    return outputs


def probe_outputs(classifier: Classifier) -> tuple[float, ...]:
    """Returns the first outputs, at most ten, for the probe image (`Card.probe`), a ramp."""
    images = jnp.asarray(_probe_images(classifier.card.input_shape))
    outputs = jax.jit(classifier.apply)(classifier.params, images)
    return tuple(round(float(value), 6) for value in outputs[_RAMP, :10])


def _probe_images(shape: tuple[int, int, int]) -> np.ndarray:
    """Returns black, white, two ramps and four images of noise; values on the 1/255 grid."""
    height, width, channels = shape
    levels = np.random.default_rng(0).integers(0, 256, (8, height, width, channels))
    levels[0], levels[1] = 0, 255
    # Every channel is half as bright as the one before, so that their order matters.
    levels[2] = np.linspace(0, 255, height, dtype=int)[:, None, None] >> np.arange(channels)
    levels[3] = np.linspace(0, 255, width, dtype=int)[None, :, None]
    return from_levels(levels)
