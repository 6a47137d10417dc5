"""What the browser draws is what Python draws."""

import base64
import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from playwright.sync_api import Page

import cppn
import evofool
from evofool import Run
from evofool.pages.packing import pack, together
from tests.browser.conftest import Save, fill_number, opened

# Draws networks, packed as in the site's data, and gives their levels, red, green and blue.
DRAW = """async ([packed, look, width, height, inDouble]) => {
  const drawn = [];
  for (const network of await evofool.genome.unpack(packed, look)) {
    const canvas = evofool.element("canvas", { width, height });
    const whole = evofool.plane.whole;
    if (inDouble) {
      const grid = evofool.plane.grid(whole, width, height, look);
      await evofool.double.draw(canvas, network, grid, () => true);
    } else await evofool.painter.draw(canvas, network, whole);
    const data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
    let text64 = "";
    for (let i = 0; i < data.length; i += 4) {
      text64 += String.fromCharCode(data[i], data[i + 1], data[i + 2]);
    }
    drawn.push(btoa(text64));
  }
  return drawn;
}"""
# Draws a shader of Shadertoy's conventions.
SHADERTOY = """([source, width, height]) => {
  const canvas = evofool.element("canvas", { width, height });
  const gl = canvas.getContext("webgl2", { alpha: false });
  const compile = (kind, text) => {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    const log = gl.getShaderInfoLog(shader);
    if (log) throw new Error(log);
    return shader;
  };
  const head = "#version 300 es\\nprecision highp float;\\n" +
    "uniform vec3 iResolution;\\nout vec4 o;\\n";
  const program = gl.createProgram();
  gl.attachShader(program, compile(gl.VERTEX_SHADER,
    "#version 300 es\\nin vec2 at; void main() { gl_Position = vec4(at, 0.0, 1.0); }"));
  gl.attachShader(program, compile(gl.FRAGMENT_SHADER,
    head + source + "\\nvoid main() { mainImage(o, gl_FragCoord.xy); }"));
  gl.bindAttribLocation(program, 0, "at");
  gl.linkProgram(program);
  gl.useProgram(program);
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 3, -1, -1, 3]), gl.STATIC_DRAW);
  gl.enableVertexAttribArray(0);
  gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
  gl.uniform3f(gl.getUniformLocation(program, "iResolution"), width, height, 1);
  gl.drawArrays(gl.TRIANGLES, 0, 3);
  const data = new Uint8Array(4 * width * height);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, data);
  return Array.from(data);
}"""
LOOKS = [
    cppn.Style("hsv"),
    cppn.Style("hls", "pixels", "truncate"),  # as released
    cppn.Style("rgb", "centered", "truncate"),
    cppn.Style("grey", "pixels", "nearest"),
]
HEIGHT, WIDTH = 48, 64


def networks(style: cppn.Style, count: int = 6) -> tuple[cppn.GenomeSpec, list[cppn.Genome]]:
    """Networks with all activations, grown by a few dozen mutations."""
    spec = cppn.GenomeSpec(
        outputs=1 if style.color == "grey" else 3, activations=tuple(cppn.ACTIVATIONS)
    )
    rates = cppn.MutationRates(add_node=0.7, add_connection=0.7)
    mutate = jax.jit(lambda key, genome: cppn.mutate(key, genome, rates, spec)[0])
    made = []
    for seed in range(count):
        keys = jax.random.split(jax.random.key(seed), 25)
        genome = cppn.init(keys[0], spec, max_nodes=32, max_connections=64)
        for key in keys[1:]:
            genome = mutate(key, genome)
        made.append(genome)
    return spec, made


def look(spec: cppn.GenomeSpec, style: cppn.Style) -> dict[str, Any]:
    return {
        "height": HEIGHT,
        "width": WIDTH,
        "outputs": spec.outputs,
        "activations": list(spec.activations),
        "style": style._asdict(),
    }


def drawn_by_python(genome: cppn.Genome, spec: cppn.GenomeSpec, style: cppn.Style, **more: Any):
    image = cppn.render(genome, spec=spec, height=HEIGHT, width=WIDTH, style=style, **more)
    return np.broadcast_to(cppn.to_bytes(image), (HEIGHT, WIDTH, 3)).astype(int)


def levels(text: str, height: int, width: int) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 3).astype(int)


def share_within_one(a: np.ndarray, b: np.ndarray) -> float:
    return float((np.abs(a - b) <= 1).mean())


@pytest.mark.parametrize("in_double", [False, True], ids=["webgl", "double"])
@pytest.mark.parametrize("style", LOOKS, ids=lambda style: "-".join(style))
def test_every_activation_and_style_is_drawn_alike(
    page: Page, site: str, style: cppn.Style, in_double: bool
):
    spec, genomes = networks(style)
    opened(page, site)
    assert page.evaluate("evofool.painter.isFast()")
    texts = page.evaluate(
        DRAW, [together(map(pack, genomes)), look(spec, style), WIDTH, HEIGHT, in_double]
    )
    shares = [
        share_within_one(levels(text, HEIGHT, WIDTH), drawn_by_python(genome, spec, style))
        for text, genome in zip(texts, genomes, strict=True)
    ]
    # steps and square waves jump, and raw coordinates make thousands of turns: where Python's 24
    # bits round, double precision may draw another image of one of the networks
    assert (np.median(shares) if in_double else np.mean(shares)) > 0.995


@pytest.mark.data
def test_two_hundred_elites_of_imagenet_are_drawn_alike(page: Page, real_run: Run, tmp_path):
    elites = real_run.all_elites()
    elites = [elites[i] for i in np.linspace(0, len(elites) - 1, 200).astype(int)]
    height, width, _ = real_run.card.input_shape
    opened(page, evofool.site(real_run, tmp_path / "site").as_uri())
    look = page.evaluate("evofool.runs.site().runs[0].look")
    texts = []
    for start in range(0, 200, 50):
        packed = together(pack(elite.genome) for elite in elites[start : start + 50])
        texts += page.evaluate(DRAW, [packed, look, width, height, False])
    here = np.stack([levels(text, height, width) for text in texts])
    there = np.stack(list(real_run.images(elites))).astype(int)
    assert share_within_one(here, there) >= 0.999
    assert (here == there).mean() >= 0.998


@pytest.mark.parametrize("style", LOOKS, ids=lambda style: "-".join(style))
def test_shaders_for_shadertoy_draw_the_image_and_more_around_it(
    page: Page, site: str, style: cppn.Style
):
    spec, genomes = networks(style, count=2)
    opened(page, site)
    for genome in genomes:
        here = cppn.to_glsl(
            genome, spec, height=HEIGHT, width=WIDTH, style=style, title="two \\\nx"
        )
        there = page.evaluate(
            "async ([text, look]) => "
            "evofool.shader.shadertoy((await evofool.genome.unpack(text, look))[0], 'x')",
            [together([pack(genome)]), look(spec, style)],
        )
        for source in (here, there):
            data = page.evaluate(SHADERTOY, [source, WIDTH, HEIGHT])
            image = np.array(data).reshape(HEIGHT, WIDTH, 4)[::-1, :, :3]
            assert share_within_one(image, drawn_by_python(genome, spec, style)) > 0.99
        wide = np.array(page.evaluate(SHADERTOY, [here, 2 * WIDTH, HEIGHT]))
        middle = wide.reshape(HEIGHT, 2 * WIDTH, 4)[::-1, WIDTH // 2 : -WIDTH // 2, :3]
        assert share_within_one(middle, drawn_by_python(genome, spec, style)) > 0.99


def test_exported_shaders_draw_what_was_scored(
    page: Page, site: str, thousand: Run, tmp_path: Path
):
    elites = thousand.all_elites()[::250]
    height, width, _ = thousand.card.input_shape
    paths = evofool.export(thousand, tmp_path / "shaders", elites=elites, formats=("glsl",))
    opened(page, site)
    for path, elite in zip(paths, elites, strict=True):
        source = path.read_text(encoding="utf-8")
        data = page.evaluate(SHADERTOY, [source, width, height])
        image = np.array(data).reshape(height, width, 4)[::-1, :, :3]
        assert share_within_one(image, elite.image().astype(int)) > 0.99


def test_downloaded_networks_are_the_elites(page: Page, site: str, runs: list[Run], save: Save):
    elite = runs[0].elite("7")
    opened(page, site, "#class=7")
    path = save(page.get_by_role("button", name="JSON").click)
    data = json.loads(path.read_text(encoding="utf-8"))
    _, spec, style = cppn.from_json(data)
    expected = cppn.to_json(elite.genome, spec, style=style)
    assert data == expected


def test_downloaded_pictures_are_drawn_as_by_render(
    page: Page, site: str, runs: list[Run], save: Save
):
    from PIL import Image

    opened(page, site, "#class=7")
    fill_number(page.get_by_label("PNG, pixels:"), 100)
    path = save(page.get_by_role("button", name="PNG", exact=True).click)
    here = np.asarray(Image.open(path).convert("RGB")).astype(int)
    there = np.asarray(runs[0].elite("7").render(100).convert("RGB")).astype(int)
    assert share_within_one(here, there) > 0.999


def test_far_inside_double_precision_takes_over(page: Page, site: str):
    opened(page, site, "#class=7")
    kinds = page.evaluate("""async () => {
      const elite = evofool.runs.site().runs[0].elites[7];
      const network = await evofool.runs.network(elite);
      const used = [];
      const real = evofool.double.draw;
      evofool.double.draw = async (...all) => { used.push("double"); return real(...all); };
      for (const reach of [1, 1e-3, 1e-9]) {
        const canvas = evofool.element("canvas", { width: 32, height: 32 });
        used.push(reach);
        await evofool.painter.draw(canvas, network, { u: 0.3, v: 0.2, reach });
      }
      evofool.double.draw = real;
      return used;
    }""")
    assert kinds == [1, 1e-3, 1e-9, "double"]
