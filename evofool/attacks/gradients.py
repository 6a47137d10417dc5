"""Classifiers as functions of levels, and gradients of their outputs."""

from functools import partial

import jax
from jaxtyping import Array, Float, Int

from evofool.classifiers import Params, fitness_of
from evofool.evaluation import Model

FloatLevels = Float[Array, "batch height width channels"]
ClassScores = Float[Array, "batch classes"]


def class_log_odds(model: Model, params: Params, levels: FloatLevels) -> ClassScores:
    """Returns the log-odds of the classes, as a function of levels 0..255.

    Gradients of log-odds have the direction of those of the cross-entropy and of the probability,
    and do not vanish where a float32 probability is 0 or 1.
    """
    return fitness_of(model.apply(params, levels / 255), model.kind)[:, model.class_offset :]


def class_outputs(model: Model, params: Params, levels: FloatLevels) -> ClassScores:
    """Returns the outputs of the classes: logits, for a classifier that gives them."""
    return model.apply(params, levels / 255)[:, model.class_offset :]


def odds_and_gradient(
    model: Model, params: Params, levels: FloatLevels, classes: Int[Array, " batch"]
) -> tuple[ClassScores, FloatLevels]:
    """Returns the log-odds of all classes, and the gradient of those of `classes` for levels."""
    odds, vjp = jax.vjp(partial(class_log_odds, model, params), levels)
    return odds, vjp(jax.nn.one_hot(classes, odds.shape[1]))[0]
