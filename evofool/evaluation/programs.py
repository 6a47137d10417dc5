"""Programs compiled for a classifier, kept as long as the classifier's function exists."""

import weakref
from collections.abc import Callable, Hashable
from functools import wraps
from typing import Concatenate, NamedTuple, ParamSpec, TypeVar

from evofool.classifiers import Classifier, Params
from evofool.support import AnyArray

Apply = Callable[[Params, AnyArray], AnyArray]
Options = ParamSpec("Options")
Program = TypeVar("Program")


class Model(NamedTuple):
    """What of a classifier shapes a program: all but its weights.

    Attributes:
        apply: of the classifier.
        kind: of its outputs.
        class_offset: output of class 0.
    """

    apply: Apply
    kind: str
    class_offset: int


def model_of(classifier: Classifier) -> Model:
    """Returns what programs for a classifier depend on."""
    return Model(classifier.apply, classifier.kind, classifier.card.class_offset)


def once_per_model(
    compile_program: Callable[Concatenate[Model, Options], Program],
) -> Callable[Concatenate[Model, Options], Program]:
    """Caches what a function compiles for a model, until the model's `apply` is gone.

    `functools.cache` would never let go of an `apply`, nor of what it closes over: the weights of
    an ensemble's members, for instance. Here the cache holds `apply` weakly; so does the program,
    which must therefore not be called after the last reference to `apply` is gone.

    Args:
        compile_program: takes a model and hashable options; returns a compiled function.
    """
    programs: weakref.WeakKeyDictionary[Apply, dict[Hashable, Program]]
    programs = weakref.WeakKeyDictionary()

    @wraps(compile_program)
    def cached(model: Model, *options: Options.args, **named: Options.kwargs) -> Program:
        of_apply = programs.setdefault(model.apply, {})
        key = (model.kind, model.class_offset, options, tuple(sorted(named.items())))
        if key not in of_apply:
            weak = model._replace(apply=_weakly(model.apply))
            of_apply[key] = compile_program(weak, *options, **named)
        return of_apply[key]

    return cached


def _weakly(function: Apply) -> Apply:
    """Returns a function that calls another one without keeping it alive."""
    reference = weakref.ref(function)

    def call(params: Params, images: AnyArray) -> AnyArray:
        alive = reference()
        assert alive is not None, "a program outlived the classifier that it was compiled for"
        return alive(params, images)

    return call
