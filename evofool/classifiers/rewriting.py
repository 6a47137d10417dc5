"""Other people's JAX functions, with convolutions and max pooling computed as evofool's own are.

A convolution whose arrays are not `[batch, height, width, channels]` takes XLA's CPU backend some
20 times as long within a compiled loop; so do depthwise ones, and the derivatives that JAX makes of
any. A function is rewritten before it is compiled or derived: its operations are followed one by
one, and these are replaced.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend import core
from jaxtyping import Array

from evofool.classifiers.architectures.convolution import convolve_any
from evofool.classifiers.architectures.max_pooling import largest_of_windows
from evofool.support import AnyArray, Foreign, Tree

Operation = Foreign  # `jax.extend.core.JaxprEqn`, whose parameters are those of its primitive


@dataclass(frozen=True)
class Rewritten:
    """A function that computes what another does; equal if the other is the same.

    Attributes:
        function: of arrays, or trees of them. Loops in it, and functions with derivatives of their
            own, stay as they are.
    """

    function: Callable[..., Tree]

    def __call__(self, *arguments: Tree) -> Tree:
        """Computes it, operation by operation where it is not compiled."""
        found, shape = jax.make_jaxpr(self.function, return_shape=True)(*arguments)
        if not _has_any(found.jaxpr):
            return self.function(*arguments)
        outputs = _compute(found.jaxpr, found.consts, jax.tree.leaves(arguments))
        return jax.tree.unflatten(jax.tree.structure(shape), outputs)


def _has_any(jaxpr: core.Jaxpr) -> bool:
    """Says whether there is anything to replace."""
    return any(
        operation.primitive.name in _REPLACED
        or (operation.primitive.name == "jit" and _has_any(operation.params["jaxpr"].jaxpr))
        for operation in jaxpr.eqns
    )


def _compute(
    jaxpr: core.Jaxpr, constants: Sequence[AnyArray], arguments: Sequence[AnyArray]
) -> list[AnyArray]:
    """Computes the outputs of operations, with replacements."""
    values: dict[core.Var, AnyArray] = dict(
        zip([*jaxpr.constvars, *jaxpr.invars], [*constants, *arguments], strict=True)
    )

    def value(name: core.Var | core.Literal) -> AnyArray:
        return name.val if isinstance(name, core.Literal) else values[name]

    for operation in jaxpr.eqns:
        inputs = [value(name) for name in operation.invars]
        outputs = _outputs(jaxpr, operation, inputs)
        values.update(zip(operation.outvars, outputs, strict=True))
    return [value(name) for name in jaxpr.outvars]


def _outputs(
    jaxpr: core.Jaxpr, operation: Operation, inputs: Sequence[AnyArray]
) -> Sequence[AnyArray]:
    primitive, given = operation.primitive, operation.params
    if primitive.name == "jit" and _has_any(given["jaxpr"].jaxpr):
        return _compute(given["jaxpr"].jaxpr, given["jaxpr"].consts, inputs)
    replace = _REPLACED.get(primitive.name)
    if replace is not None and (output := replace(given, *inputs)) is not None:
        return [output]
    names, places = operation.invars, range(len(inputs))
    known = {names[i]: inputs[i] for i in places if not isinstance(names[i], core.Literal)}
    alone = jaxpr.replace(
        constvars=(),
        invars=[*known],
        outvars=operation.outvars,
        eqns=[operation],
        effects=operation.effects,
        debug_info=jaxpr.debug_info.with_unknown_names(),
    )
    return core.jaxpr_as_fun(core.ClosedJaxpr(alone, ()))(*known.values())


def _convolution(given: Foreign, images: AnyArray, kernel: AnyArray) -> Array | None:
    """Convolves as `convolve` does; None for what it does not know."""
    is_usual = set(given["lhs_dilation"]) == {1} and given["batch_group_count"] == 1
    if images.ndim != 4 or not is_usual or {images.dtype, kernel.dtype} != {jnp.dtype("float32")}:
        return None
    of_images, of_kernel, of_outputs = given["dimension_numbers"]
    outputs = convolve_any(
        jnp.asarray(images).transpose(of_images[0], *of_images[2:], of_images[1]),
        jnp.asarray(kernel).transpose(*of_kernel[2:], of_kernel[1], of_kernel[0]),
        strides=given["window_strides"],
        zeros=given["padding"],
        dilations=given["rhs_dilation"],
        groups=given["feature_group_count"],
    )
    return outputs.transpose(np.argsort([of_outputs[0], *of_outputs[2:], of_outputs[1]]))


def _max_pooling(given: Foreign, images: AnyArray) -> Array | None:
    """Pools as `max_pool` does, channels first or last; None for other windows."""
    window, strides, zeros = (
        given[name] for name in ("window_dimensions", "window_strides", "padding")
    )
    is_dilated = {*given["base_dilation"], *given["window_dilation"]} != {1}
    if images.ndim != 4 or is_dilated or images.dtype != jnp.float32:
        return None
    for channels in (3, 1):
        kept = (0, channels)
        if all(window[i] == strides[i] == 1 and tuple(zeros[i]) == (0, 0) for i in kept):
            first, second = (i for i in (1, 2, 3) if i != channels)
            outputs: Array = largest_of_windows(
                jnp.asarray(images).transpose(0, first, second, channels),
                (window[first], window[second]),
                (strides[first], strides[second]),
                (tuple(zeros[first]), tuple(zeros[second])),
            )
            return outputs.transpose(np.argsort([0, first, second, channels]))
    return None


_REPLACED: dict[str, Callable[..., Array | None]] = {
    lax.conv_general_dilated_p.name: _convolution,
    lax.reduce_window_max_p.name: _max_pooling,
}
