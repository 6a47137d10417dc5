"""`jit` with the compiler options that suit evofool's programs."""

from collections.abc import Callable
from functools import cache
from typing import Any

Compiled = Any  # a `jax.stages.Wrapped`: called like the function, and has `lower` besides

# XLA's newer emitters take twice as long to compile the many small kernels of mutation and
# drawing (2.5 + 1.7 against 1.3 + 0.9 CPU seconds, measured with JAX 0.10), and run no faster. JAX
# 0.11 and later have no others.
# Vectors of 512 bits draw 15 to 23 % faster where the processor has them.
# Devices meet after their micro-batches. On a busy machine one may be far behind the others: XLA
# would warn after 20 seconds and abort the process after 40.
_CPU_OPTIONS = {
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_prefer_vector_width": 512,
    "xla_cpu_collective_call_warn_stuck_seconds": 600,
    "xla_cpu_collective_call_terminate_timeout_seconds": 3600,
}
# Programs that run once: .7 instead of 3 s for a network's random weights, .6 instead of 1 s for
# shuffled pixels, and the same bits.
_LIGHT_OPTIONS = {"xla_backend_optimization_level": 1}


def jit(function: Callable[..., object], **options: Any) -> Compiled:
    """Wraps `jax.jit` with compiler options that shorten compilation on a CPU.

    Everything that draws or varies genomes is compiled here: other compiler options may change
    the last bits of the results. Call it where work begins, not at import: it asks JAX for its
    devices.

    Args:
        function: to compile.
        **options: of `jax.jit`, for instance `donate_argnums`.
    """
    import jax

    return jax.jit(function, compiler_options=_supported(**_CPU_OPTIONS), **options)


def jit_lightly(function: Callable[..., object]) -> Compiled:
    """Wraps `jax.jit` for a program that runs for a moment: a CPU hardly optimises it.

    Call it where work begins, like `jit`.
    """
    import jax

    return jax.jit(function, compiler_options=_supported(**_LIGHT_OPTIONS))


@cache
def _supported(**options: bool | int) -> dict[str, bool | int] | None:
    """Returns those of the options that this version of XLA has, if this is a CPU, else None."""
    import jax

    if jax.default_backend() != "cpu":
        return None
    if _compiles(options):
        return options
    return {name: value for name, value in options.items() if _compiles({name: value})} or None


def _compiles(options: dict[str, bool | int]) -> bool:
    import jax

    try:
        jax.jit(lambda x: x, compiler_options=options).lower(0.0).compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True
