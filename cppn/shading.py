"""A genome as a fragment shader, which draws its image on a graphics card at any size.

`functions.glsl` has the functions that networks are made of; here the network is written out as a
function of the coordinates, in the order in which `render` evaluates it. The pages of
`evofool.pages` do the same in JavaScript, for weights that change while one looks.
"""

import re
from functools import cache
from importlib.resources import files

import jax
import numpy as np

from cppn.genome import NUM_INPUTS, Genome, GenomeSpec
from cppn.render import GREY, Style

_INPUTS = ("x", "y", "d", "1.0")


def to_glsl(
    genome: Genome,
    spec: GenomeSpec,
    *,
    height: int,
    width: int,
    style: Style = GREY,
    title: str = "",
) -> str:
    """Writes a genome as a shader in the conventions of Shadertoy: `mainImage` of a fragment.

    The image is in the middle, as large as fits, and the network draws on around it, as `render`
    does with an `extent`.

    Args:
        genome: one genome.
        spec: its outputs and activations.
        height: in pixels, of the image as it was evolved.
        width: in pixels, of that image.
        style: how it is drawn.
        title: for the comment in the first line.

    Returns:
        GLSL ES 3.00, with the weights as they are: nine digits tell all float32 apart.

    Raises:
        ValueError: an activation of the network is a user's, for which there is no shader.
    """
    network, pixel = _network(genome, spec), _pixel(style)
    comment = "".join(c for c in title if c.isprintable() and c != "\\")  # \\ continues a comment
    at = "(uv + 1.0) * 0.5 * (evolved - 1.0)" if style.coordinates == "pixels" else "uv"
    main = (
        "void mainImage(out vec4 fragColor, in vec2 fragCoord) {\n"
        f"  vec2 evolved = vec2({width:.1f}, {height:.1f});\n"
        "  vec2 scales = iResolution.xy / evolved;\n"
        "  vec2 inner = evolved * min(scales.x, scales.y);\n"
        "  vec2 uv = (2.0 * fragCoord - iResolution.xy) / max(inner - 1.0, 1.0);\n"
        "  uv.y = -uv.y;\n"
        f"  vec2 at = {at};\n"
        "  fragColor = vec4(pixel(network(at.x, at.y, sqrt(uv.x * uv.x + uv.y * uv.y))), 1.0);\n"
        "}\n"
    )
    heading = [f"// {comment}\n"] if comment else []
    return "\n".join([*heading, *_needed(network + pixel), network, pixel, main])


def _network(genome: Genome, spec: GenomeSpec) -> str:
    """Writes the network as `vec3 network(float x, float y, float d)`, its outputs in [-1, 1]."""
    genome = jax.tree.map(np.asarray, genome)
    terms: dict[int, list[str]] = {}
    for index in range(int(genome.num_connections)):
        source, target = int(genome.source[index]), int(genome.target[index])
        name = _INPUTS[source] if source < NUM_INPUTS else f"n{source}"
        terms.setdefault(target, []).append(f"{_literal(float(genome.weight[index]))} * {name}")
    lines = ["vec3 network(float x, float y, float d) {"]
    hidden = range(spec.first_hidden, int(genome.num_nodes))
    for node in (*hidden, *range(NUM_INPUTS, spec.first_hidden)):
        total, name = (
            " + ".join(terms.get(node, ["0.0"])),
            spec.activations[genome.activation[node]],
        )
        if f" f_{name}(" not in glsl_functions():
            raise ValueError(f"there is no shader for the activation {name!r}")
        lines.append(f"  float n{node} = f_{name}({total});")
    outputs = [f"n{NUM_INPUTS + min(channel, spec.outputs - 1)}" for channel in range(3)]
    return "\n".join([*lines, f"  return vec3({', '.join(outputs)});", "}", ""])


def _pixel(style: Style) -> str:
    """Writes `vec3 pixel(vec3 values)`: from the outputs of a network to red, green and blue."""
    below = style.rounding == "truncate"
    level = "level_below(abs(values))" if below else "abs(values)"
    color = f"color_{style.color}({level})"
    is_final = below and style.color in ("grey", "rgb")
    result = color if is_final else f"nearest_level({color})"
    return f"vec3 pixel(vec3 values) {{ return {result}; }}\n"


@cache
def glsl_functions() -> str:
    """Returns the text of `functions.glsl`."""
    return files("cppn").joinpath("functions.glsl").read_text(encoding="utf-8")


def _needed(text: str) -> list[str]:
    """Returns the functions that a text calls, and those that they call."""
    chosen: list[str] = []
    for function in reversed(glsl_functions().split("\n\n")[1:]):
        name = re.search(r"(\w+)\(", re.sub(r"//.*", "", function))
        assert name is not None
        if re.search(rf"\b{name[1]}\(", text):
            chosen.insert(0, function.rstrip() + "\n")
            text += function
    return chosen


def _literal(weight: float) -> str:
    """Writes a number so that GLSL takes it for a float, and for no other one."""
    text = f"{weight:.8e}"
    return f"({text})" if weight < 0 else text
