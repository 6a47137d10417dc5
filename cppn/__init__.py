"""Compositional pattern-producing networks (CPPNs) in fixed-size arrays, for JAX.

A genome is a small feed-forward network that is asked for the value of every pixel: it sees
where the pixel is (x, y, distance from the centre, and a constant 1) and answers with a grey
level or three colour channels. `init` draws one, `mutate` varies it, topology included, and
`render` draws its image at any size. All three work under `jax.jit` and `jax.vmap`;
`render_batch` is the fast way to draw many.

    >>> import cppn, jax
    >>> spec = cppn.GenomeSpec(outputs=1)
    >>> genome = cppn.init(jax.random.key(0), spec, max_nodes=16, max_connections=32)
    >>> child, had_room = cppn.mutate(jax.random.key(1), genome, cppn.MutationRates(), spec)
    >>> cppn.render(child, spec=spec, height=28, width=28).shape
    (28, 28, 1)

References:
    Stanley, "Compositional pattern producing networks: a novel abstraction of development",
    Genetic Programming and Evolvable Machines 8, 2007.
    Nguyen, Yosinski and Clune, "Deep neural networks are easily fooled", CVPR 2015,
    https://arxiv.org/abs/1412.1897
"""

from cppn.activations import ACTIVATIONS, register_activation
from cppn.blending import align
from cppn.color import from_bytes, to_bytes, to_rgb
from cppn.crossover import Marked, cross, mark_child, mark_first, mark_given, mark_widened
from cppn.exchange import fault_of, from_json, to_json, validate
from cppn.fine_steps import step_finely
from cppn.genome import (
    MAX_WEIGHT,
    NUM_INPUTS,
    Genome,
    GenomeSpec,
    grow,
    init,
    num_connections,
    num_nodes,
    trim,
)
from cppn.lesions import without_connection, without_node
from cppn.mutation import MutationRates, mutate
from cppn.platforms import branch, by_platform
from cppn.random import bits as random_bits
from cppn.random import fold_in, normal, uniform
from cppn.render import Style, render, render_batch, render_points, render_widened
from cppn.shading import glsl_functions, to_glsl
from cppn.show import to_svg, to_text
from cppn.widening import Block, new_block, widen

__all__ = [
    "ACTIVATIONS",
    "MAX_WEIGHT",
    "NUM_INPUTS",
    "Block",
    "Genome",
    "GenomeSpec",
    "Marked",
    "MutationRates",
    "Style",
    "align",
    "branch",
    "by_platform",
    "cross",
    "fault_of",
    "fold_in",
    "from_bytes",
    "from_json",
    "glsl_functions",
    "grow",
    "init",
    "mark_child",
    "mark_first",
    "mark_given",
    "mark_widened",
    "mutate",
    "new_block",
    "normal",
    "num_connections",
    "num_nodes",
    "random_bits",
    "register_activation",
    "render",
    "render_batch",
    "render_points",
    "render_widened",
    "step_finely",
    "to_bytes",
    "to_glsl",
    "to_json",
    "to_rgb",
    "to_svg",
    "to_text",
    "trim",
    "uniform",
    "validate",
    "widen",
    "without_connection",
    "without_node",
]
