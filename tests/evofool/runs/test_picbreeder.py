import zipfile
from pathlib import Path
from xml.etree import ElementTree

import matplotlib.colors
import numpy as np
import pytest

import cppn
import evofool
from evofool import UserError
from evofool.runs import picbreeder

# a hand-made file of Picbreeder's form: brightness feeds others, one node is an identity that
# another identity feeds, and a link has weight 0
NODES = """
    bias in identity; d in identity; x in identity; y in identity;
    brightness out gaussian; hue out sin; saturation out sigmoid;
    5 hidden sin; 6 hidden gaussian; 7 hidden identity; 8 hidden identity; 9 hidden cos
"""
LINKS = """
    bias 5 1.4; d 5 -2.5; x 5 -1.6; y 5 2.1; 5 brightness -1.2; x 7 2.0; 5 7 -1.5; 7 8 0.5; d 8 1.1;
    8 brightness 0.9; 8 6 1.3; 6 brightness 0.7; brightness hue -2.7; brightness saturation 2.6;
    8 saturation -1.0; y 9 2.2; 9 hue 0.8; 6 hue 0.0; bias saturation 0.4
"""
GREY = ("ink out identity", "5 ink 1.9; 8 ink -0.8")
NAMES = tuple(cppn.ACTIVATIONS)


def xml(nodes: str, links: str) -> str:
    """The XML of a genome, as Picbreeder writes it."""
    nodes_ = [node.split() for node in nodes.split(";")]
    links_ = [link.split() for link in links.split(";")]
    lines = ['<genome age="1" phenotype="color"><identifier branch="7" id="4"/><nodes>']
    for name, kind, function in nodes_:
        label = "" if kind == "hidden" else f'label="{name}"'
        lines.append(f'<node affinity="grey" bias="0.0" {label} type="{kind}"><marking branch="7"')
        lines.append(f'id="{name}"/><activation>{function}(x)</activation></node>')
    lines.append("</nodes><links>")
    for source, target, weight in links_:
        lines.append(f'<link><marking branch="7" id="1"/><source branch="7" id="{source}"/>')
        lines.append(f'<target branch="7" id="{target}"/><weight>{weight}</weight></link>')
    return "\n".join([*lines, "</links></genome>"])


def file_of(path: Path, *genomes: str) -> Path:
    inside = "".join(genomes)
    path.write_text(f'<?xml version="1.0"?>\n<data version="1.0">{inside}</data>', encoding="utf-8")
    return path


def drawn_by_picbreeder(genome: str, size: int, channels: int) -> np.ndarray:
    """Levels of a genome, by its own XML: every node is asked what it is, back to the inputs."""
    root = ElementTree.fromstring(genome)
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    values = {"x": x, "y": y, "d": 1.4 * np.hypot(x, y), "bias": np.ones_like(x)}
    functions = {
        "identity": lambda p: p,
        "sin": np.sin,
        "cos": np.cos,
        "gaussian": lambda p: 2 * np.exp(-p * p) - 1,
        "sigmoid": lambda p: 2 / (1 + np.exp(-p)) - 1,
    }

    def value(name: str) -> np.ndarray:
        if name not in values:
            into = [link for link in root.iter("link") if link.find("target").get("id") == name]
            total = sum(
                float(link.findtext("weight")) * value(link.find("source").get("id"))
                for link in into
            )
            node = next(n for n in root.iter("node") if n.find("marking").get("id") == name)
            values[name] = functions[node.findtext("activation")[:-3]](total)
        return values[name]

    level = np.clip(np.abs(value("ink" if 'label="ink"' in genome else "brightness")), 0, 1)
    if channels == 1:
        return np.rint(255 * level)[..., None]
    if 'label="hue"' not in genome:
        return np.rint(255 * np.stack([level] * 3, axis=-1))
    hue, saturation = (value("hue") + 1) % 1, np.clip(value("saturation"), 0, 1)
    return np.rint(255 * matplotlib.colors.hsv_to_rgb(np.stack([hue, saturation, level], -1)))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("is_grey", [False, True])
def test_a_genome_draws_what_picbreeder_draws(channels, is_grey, tmp_path):
    nodes = NODES + (";" + GREY[0] if is_grey else "")
    links = LINKS + (";" + GREY[1] if is_grey else "")
    if is_grey:
        nodes = nodes.replace("hue out sin; saturation out sigmoid;", "hue hidden sin;")
        links = links.replace("brightness saturation 2.6", "brightness hue 0.1")
        links = links.replace("8 saturation -1.0;", "").replace("; bias saturation 0.4", "")
    genome = xml(nodes, links)
    style = cppn.Style(color="grey" if channels == 1 else "hsv")
    path = file_of(tmp_path / "a.xml", genome)
    (found,) = picbreeder.picbreeder_networks(path, channels=channels, style=style)
    drawn, spec, _ = cppn.from_json(found)
    image = cppn.render(drawn, spec=spec, height=33, width=33, style=style)
    expected = drawn_by_picbreeder(genome, 33, channels)
    off = np.abs(np.rint(np.asarray(image) * 255) - expected)
    assert off.max() <= 1
    assert (off > 0).mean() < 0.01
    assert expected.std() > 20


@pytest.mark.slow
def test_a_run_begins_with_the_networks_of_a_zip_file(tmp_path):
    small = xml("x in identity; bias in identity; ink out sin", "x ink 3.0; bias ink 0.5")
    inside = file_of(tmp_path / "rep.xml", xml(NODES, LINKS), small)
    with zipfile.ZipFile(tmp_path / "rep.zip", "w") as packed:
        packed.write(inside, "storage/rep.xml")
        packed.writestr("__MACOSX/storage/._rep.xml", b"\x00")
    settings = {"generations": 0, "batch_size": 4, "cppn": {"activations": NAMES}, "quiet": True}
    run = evofool.evolve("mock:10", start=tmp_path / "rep.zip", out=tmp_path / "run", **settings)
    assert {elite.born for elite in run} <= {(0, child) for child in range(4)}
    assert evofool.verify(run).passed


def test_activations_that_a_run_lacks_are_named(tmp_path):
    path = file_of(tmp_path / "a.xml", xml(NODES, LINKS))
    with pytest.raises(UserError, match=r"networks have cppn\.activations bipolar_gaussian; the"):
        evofool.evolve("mock:10", start=path, out=tmp_path / "run", quiet=True)


@pytest.mark.parametrize(
    ("nodes", "links", "message"),
    [
        ("x in identity; ink out elu", "x ink 1", "activation 'elu'; known are sin, cos, gaussian"),
        ("z in identity; ink out sin", "z ink 1", "the input 'z'; known are x, y, d, bias"),
        ("x in identity; hue out sin", "x hue 1", "no output 'ink' or 'brightness'"),
        ("x in identity; ink out sin", "y ink 1", "from 7_y to 7_ink, and one of them is no node"),
        ("x in identity; ink out sin", "x ink 11", "a weight is not from -10"),
        ("x in identity; ink out sin", "x ink nan", "a weight is not from -10"),
        ("x in identity; ink out sin", "x ink one", "could not convert string to float: 'one'"),
        (
            "1 hidden sin; 2 hidden sin; ink out sin",
            "1 2 1; 2 1 1; 2 ink 1",
            "in a circle, through node 7_[12]",
        ),
        ("x in identity; ink out sin", "; ".join(["x ink 1"] * 2000), "2 nodes and 2000 links"),
    ],
)
def test_what_cannot_be_drawn_is_refused(nodes, links, message, tmp_path):
    path = file_of(tmp_path / "a.xml", xml(nodes, links))
    with pytest.raises(UserError, match=rf"cannot start from .*a\.xml: .*{message}"):
        evofool.evolve("mock:10", start=path, out=tmp_path / "run", quiet=True)
    assert not (tmp_path / "run").exists()


BILLION = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            f'<!DOCTYPE g [<!ENTITY a0 "a">{BILLION}]><genome>&a9;</genome>'.encode(),
            "document type",
        ),
        ("<genome/>".encode("utf-16"), "can't decode byte"),
        (b"<genome>", "is not valid XML"),
        (b"<data/>", "holds no element 'genome'"),
        (b"<a>" * 20_000, "is not valid XML"),
    ],
)
def test_files_that_would_do_harm_are_refused(content, message, tmp_path):
    (tmp_path / "a.xml").write_bytes(content)
    with pytest.raises(UserError, match=message):
        evofool.evolve("mock:10", start=tmp_path / "a.xml", out=tmp_path / "run", quiet=True)


def test_a_zip_file_that_grows_is_refused_before_it_is_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a.xml", b" " * (picbreeder.MOST_BYTES + 1))
    with pytest.raises(UserError, match=r"1 XML files of 16,777,217 bytes; expected one or more"):
        evofool.evolve("mock:10", start=tmp_path / "a.zip", out=tmp_path / "run", quiet=True)
    (tmp_path / "b.zip").write_bytes(b"no zip")
    with pytest.raises(UserError, match="File is not a zip file"):
        evofool.evolve("mock:10", start=tmp_path / "b.zip", out=tmp_path / "run", quiet=True)
