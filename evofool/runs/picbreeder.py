"""Networks as Picbreeder keeps them, XML or a zip file of it, made into genomes that draw the same.

A `genome` has `nodes`, each with a `marking` (branch and id), an `activation` and, if it is an
input or output, a `label`; and `links` with `source`, `target` and `weight`. A file may hold many
genomes. For each pixel x and y run from -1 to 1, d is 1.4 times the distance from the centre, and
bias is 1; a node is a function of the weighted sum of what leads to it. Grey images have the
output `ink`, or `brightness`, whose absolute value is the level. Colours add `hue`, of which whole
turns count nothing, and `saturation`, cut to [0, 1].

In a genome of `cppn` nothing leaves an output, and every value lies in [-1, 1]. So an output that
feeds others is there twice, and a node with the function "identity" becomes part of the sums that
it feeds. Hue and saturation end in nodes that bring them into [0, 1].

References:
    Secretan et al., "Picbreeder: A Case Study in Collaborative Evolutionary Exploration of Design
    Space", Evolutionary Computation 19(3), 2011.
    Kumar, Clune, Lehman and Stanley, "Questioning Representational Optimism in Deep Learning: The
    Fractured Entangled Representation Hypothesis", 2025, https://arxiv.org/abs/2505.11581 (whose
    release draws such files).
"""

import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import cppn
from evofool.support import JsonValue, UserError, read_bytes

SUFFIXES = (".xml", ".zip")
MOST_BYTES = 16 * 2**20  # of the XML of a file: some thousand genomes
MOST_GENES = 2000  # nodes and links of a genome

FUNCTIONS = {
    "sin": "sine",
    "cos": "cosine",
    "gaussian": "bipolar_gaussian",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
}
INPUTS = ("x", "y", "d", "bias")  # in the order of `cppn`
IDENTITY = "identity"
GREY = ("ink", "brightness")  # names of one output
D_SCALE = 1.4

Name = str
Sum = dict[Name, float]
"""Weights of the nodes that are added up."""


class Node(NamedTuple):
    """A node that is no input.

    Attributes:
        function: name of its activation in `cppn`, or "identity".
        sum: of its sources.
    """

    function: str
    sum: Sum


class Network(NamedTuple):
    """A network of a file.

    Attributes:
        inputs: nodes that are inputs, with their label.
        nodes: the others.
        outputs: nodes that are outputs, by label.
    """

    inputs: dict[Name, str]
    nodes: dict[Name, Node]
    outputs: dict[str, Name]


def picbreeder_networks(
    path: Path, *, channels: int, style: cppn.Style
) -> Iterator[dict[str, JsonValue]]:
    """Reads the networks of a file.

    Args:
        path: ends in .xml, or in .zip and holds files that do.
        channels: of the images that they are to draw: with 1, brightness alone counts.
        style: that they are to be drawn in.

    Yields:
        Genomes as `cppn.to_json` writes them.

    Raises:
        UserError: the file cannot be read, or a network cannot be drawn as Picbreeder draws it.
    """
    color = "grey" if channels == 1 else "hsv"
    if style.color != color or style.coordinates != "centered":
        raise UserError(
            f"cannot start from {path}: Picbreeder draws in cppn.color {color!r} with "
            f"cppn.coordinates 'centered'; the run has {style.color!r} and {style.coordinates!r}"
        )
    try:
        for text in _texts(path):
            for genome in _genomes(text):
                yield _as_json(_network(genome), channels, style)
    except (ValueError, OSError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
        raise UserError(f"cannot start from {path}: {error}") from error


def _texts(path: Path) -> list[bytes]:
    """Reads the XML of a file, and that of a zip file, within `MOST_BYTES`."""
    content = read_bytes(path, most_bytes=MOST_BYTES)
    if path.suffix.lower() == ".xml":
        return [content]
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        members = [m for m in packed.infolist() if m.filename.lower().endswith(".xml")]
        members = [m for m in members if not m.filename.startswith("__MACOSX")]
        size = sum(member.file_size for member in members)
        if not members or size > MOST_BYTES:
            raise ValueError(
                f"it holds {len(members)} XML files of {size:,} bytes; expected one or more, of at "
                f"most {MOST_BYTES:,} bytes together"
            )
        texts = []
        for member in members:
            with packed.open(member) as file:
                texts.append(file.read(member.file_size))
        return texts


def _genomes(text: bytes) -> list[ElementTree.Element]:
    """Parses XML without a document type, which could define entities that grow without end."""
    # UTF-8 alone, so that a document type cannot hide in another encoding
    decoded = text.decode("utf-8-sig")
    if "<!DOCTYPE" in decoded:
        raise ValueError("it declares a document type, which Picbreeder's files do not")
    try:
        root = ElementTree.fromstring(decoded)
    except ElementTree.ParseError as error:
        raise ValueError(f"it is not valid XML: {error}") from error
    genomes = list(root.iter("genome"))
    if not genomes:
        raise ValueError("it holds no element 'genome'")
    return genomes


def _network(genome: ElementTree.Element) -> Network:
    """Takes a genome apart."""
    nodes, links = genome.findall("./nodes/node"), genome.findall("./links/link")
    if len(nodes) + len(links) > MOST_GENES:
        raise ValueError(
            f"a network has {len(nodes)} nodes and {len(links)} links; expected at most "
            f"{MOST_GENES} together"
        )
    network = Network({}, {}, {})
    for node in nodes:
        name, kind, label = _name(node, "marking"), node.get("type"), node.get("label", "")
        if float(node.get("bias", "0")) != 0:
            raise ValueError(f"node {name} has a bias of its own; expected 0")
        if kind == "in":
            network.inputs[name] = label
            continue
        function = node.findtext("activation", "").strip().removesuffix("(x)")
        if function not in FUNCTIONS and function != IDENTITY:
            raise ValueError(
                f"node {name} has the activation {function!r}; known are "
                f"{', '.join([*FUNCTIONS, IDENTITY])}"
            )
        network.nodes[name] = Node(FUNCTIONS.get(function, function), {})
        if kind == "out":
            network.outputs[label] = name
    unknown = [label for label in network.inputs.values() if label not in INPUTS]
    if unknown:
        raise ValueError(f"it has the input {unknown[0]!r}; known are {', '.join(INPUTS)}")
    for link in links:
        source, target = _name(link, "source"), _name(link, "target")
        if target not in network.nodes or source not in network.inputs | network.nodes.keys():
            raise ValueError(f"a link leads from {source} to {target}, and one of them is no node")
        weight = float(link.findtext("weight", ""))
        total = network.nodes[target].sum
        total[source] = total.get(source, 0.0) + weight
    return network


def _name(gene: ElementTree.Element, tag: str) -> Name:
    """Returns the name of the node that a child element means."""
    element = gene.find(tag)
    if element is None or not element.get("id"):
        raise ValueError(f"an element {gene.tag!r} lacks {tag!r} with an id")
    return f"{element.get('branch', '')}_{element.get('id')}"


def _as_json(network: Network, channels: int, style: cppn.Style) -> dict[str, JsonValue]:
    """Returns the genome that draws what a network draws."""
    label = next((label for label in GREY if label in network.outputs), None)
    if label is None:
        raise ValueError(f"it has no output {' or '.join(map(repr, GREY))}")
    wanted = [label] if channels == 1 else [label, "hue", "saturation"]
    order = _in_order(
        network, [network.outputs[name] for name in wanted if name in network.outputs]
    )
    passed, hidden = _without_identities(network, order)
    outputs = [_level(network.outputs[label], passed, hidden)]
    if channels == 3:
        hue = _hue(network.outputs.get("hue"), passed, hidden)
        saturation = passed.get(network.outputs.get("saturation", ""), {})
        outputs = [hue, Node("relu", _times(3.0, saturation)), *outputs]
    # an output that feeds nothing is no hidden node
    used = {source for node in [*outputs, *hidden.values()] for source in node.sum}
    hidden = {name: node for name, node in hidden.items() if name in used}

    numbers = {name: number for number, name in enumerate(INPUTS)}
    numbers |= {name: len(numbers) + channels + i for i, name in enumerate(hidden)}
    nodes = [*outputs, *hidden.values()]
    return {
        "format": "cppn",
        "version": 1,
        "inputs": list(INPUTS),
        "outputs": channels,
        "activations": list(dict.fromkeys(node.function for node in nodes)),
        "nodes": [node.function for node in nodes],
        "connections": [
            [numbers[source], target, weight]
            for target, node in enumerate(nodes, start=cppn.NUM_INPUTS)
            for source, weight in node.sum.items()
        ],
        "drawing": style._asdict(),
    }


def _in_order(network: Network, outputs: list[Name]) -> list[Name]:
    """Returns the nodes that outputs depend on, sources first."""
    sources: dict[Name, Sum] = {}
    found = list(outputs)
    while found:
        name = found.pop()
        if name in network.nodes and name not in sources:
            sources[name] = network.nodes[name].sum
            found += sources[name]
    try:
        order = list(TopologicalSorter(sources).static_order())
    except CycleError as error:
        raise ValueError(f"its links lead in a circle, through node {error.args[1][0]}") from error
    return [name for name in order if name in sources]


def _without_identities(
    network: Network, order: list[Name]
) -> tuple[dict[Name, Sum], dict[Name, Node]]:
    """Returns what every node passes on, as a sum of inputs and other nodes, and these nodes."""
    passed: dict[Name, Sum] = {
        name: {label: D_SCALE if label == "d" else 1.0} for name, label in network.inputs.items()
    }
    others: dict[Name, Node] = {}
    for name in order:
        function, weights = network.nodes[name]
        total = _added(_times(weight, passed[source]) for source, weight in weights.items())
        passed[name] = total
        if function != IDENTITY:
            others[name] = Node(function, total)
            passed[name] = {name: 1.0}
    return passed, others


def _level(name: Name, passed: dict[Name, Sum], hidden: dict[Name, Node]) -> Node:
    """Returns an output whose absolute value is that of a node, at most 1."""
    return hidden[name] if name in hidden else Node("linear", _times(3.0, passed[name]))


def _hue(name: Name | None, passed: dict[Name, Sum], hidden: dict[Name, Node]) -> Node:
    """Returns an output from 0 to 1: that of a node where it is positive, or else 1 more."""
    if name is None:
        return Node("linear", {})
    if name not in hidden:
        raise ValueError("its hue has the activation 'identity', and may go round more than once")
    hidden["sign of hue"] = Node("step", passed[name])
    return Node("linear", {name: 3.0, "bias": 1.5, "sign of hue": -1.5})


def _times(factor: float, total: Sum) -> Sum:
    return {name: factor * weight for name, weight in total.items()}


def _added(totals: Iterable[Sum]) -> Sum:
    added: Sum = {}
    for total in totals:
        for name, weight in total.items():
            added[name] = added.get(name, 0.0) + weight
    return added
