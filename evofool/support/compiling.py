"""`jit` with the compiler options that suit evofool's programs."""

from collections.abc import Callable
from functools import cache
from typing import Any

# XLA's newer emitters take twice as long to compile the many small kernels of mutation and
# drawing (2.5 + 1.7 against 1.3 + 0.9 CPU seconds, measured with JAX 0.10), and run no faster.
# Vectors of 512 bits draw 15 to 23 % faster where the processor has them.
_CPU_OPTIONS = {"xla_cpu_use_fusion_emitters": False, "xla_cpu_prefer_vector_width": 512}
# Programs that run once: .7 instead of 3 s for a network's random weights, .6 instead of 1 s for
# shuffled pixels, and the same bits.
_LIGHT_OPTIONS = {"xla_backend_optimization_level": 1}


def jit(function: Callable[..., Any], **options: Any) -> Any:
    """Is `jax.jit`, with options that shorten compilation on a CPU.

    Everything that draws or varies goes through here: other options may give other last bits.
    Call it where work begins, not at import: it asks JAX for its devices.
    """
    import jax

    return jax.jit(function, compiler_options=_known(**_CPU_OPTIONS), **options)


def jit_lightly(function: Callable[..., Any]) -> Any:
    """Is `jax.jit` for a program that does not run long: on a CPU it is hardly optimised.

    Call it where work begins, as `jit`.
    """
    import jax

    return jax.jit(function, compiler_options=_known(**_LIGHT_OPTIONS))


@cache
def _known(**options: Any) -> dict[str, Any] | None:
    """Returns the options if this is a CPU and a version of XLA that knows them."""
    import jax

    if jax.default_backend() != "cpu":
        return None
    try:
        jax.jit(lambda x: x, compiler_options=options).lower(0.0).compile()
    except jax.errors.JaxRuntimeError:
        return None
    return options
