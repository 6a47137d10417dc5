import re
from xml.etree import ElementTree

import cppn
from tests.cppn import genomes, reference

SVG = "{http://www.w3.org/2000/svg}"


def test_text_is_one_formula_per_node_in_order_of_evaluation():
    genome = genomes.make(
        genomes.GREY, ["sigmoid", "sine", "gaussian"],
        [(6, 4, -1.25), (3, 4, 0.5), (0, 5, 2.0), (5, 6, -3.0)],
    )  # fmt: skip
    assert cppn.to_text(genome, genomes.GREY).splitlines() == [
        "7 nodes, 4 connections",
        "h1 = sine(2.000 x)",
        "h2 = gaussian(- 3.000 h1)",
        "out = sigmoid(- 1.250 h2 + 0.500 bias)",
    ]


def test_text_uses_a_name_only_after_it_is_defined(colored):
    for genome in genomes.host(colored):
        known = {"x", "y", "d", "bias"}
        for line in cppn.to_text(genome, genomes.COLORED).splitlines()[1:]:
            name, formula = line.split(" = ")
            assert set(re.findall(r"(?<= )(?:x|y|d|bias|h\d+|out\d)\b", formula)) <= known
            known.add(name)
        assert {"out1", "out2", "out3"} <= known


def test_drawing_shows_every_node_and_connection_inside_its_frame(colored):
    for genome in genomes.host(colored)[::8]:
        root = ElementTree.fromstring(cppn.to_svg(genome, genomes.COLORED))
        circles = root.findall(f"{SVG}circle")
        assert len(circles) == genome.num_nodes
        assert len({(c.get("cx"), c.get("cy")) for c in circles}) == genome.num_nodes
        assert len(root.findall(f"{SVG}path")) == genome.num_connections
        width, height = float(root.get("width", 0)), float(root.get("height", 0))
        assert all(0 < float(c.get("cx", -1)) < width for c in circles)
        assert all(0 < float(c.get("cy", -1)) < height for c in circles)


def test_connections_of_the_drawing_run_to_the_right(colored):
    genome = genomes.host(colored)[-1]
    root = ElementTree.fromstring(cppn.to_svg(genome, genomes.COLORED))
    x = [float(circle.get("cx", 0)) for circle in root.findall(f"{SVG}circle")]
    # circles stand in the order of the columns' filling: inputs, hidden, outputs by number
    assert len(x) == int(genome.num_nodes)
    starts = [
        re.match(r"M(\S+) \S+C.* (\S+) \S+$", p.get("d", "")) for p in root.iter(f"{SVG}path")
    ]
    assert len(starts) == len(reference.connections(genome))
    assert all(float(found[1]) < float(found[2]) for found in starts if found)
