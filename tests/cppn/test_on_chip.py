from functools import partial
from unittest import mock

import jax
import numpy as np
import pytest
from jax._src.pallas.mosaic_gpu.interpret.params import InterpretGPUParams  # not public yet

import cppn
from cppn import on_chip
from cppn.color import to_channels, to_levels
from cppn.coordinates import make_inputs
from cppn.platforms import every_platform
from cppn.program import compile_batch, expanded_terms, run_together
from tests.cppn import genomes
from tests.tiers import few_quick


def first(batch, count):
    return jax.tree.map(lambda leaf: leaf[:count], batch)


@pytest.mark.parametrize("name", [pytest.param("grey", marks=pytest.mark.slow), "colored"])
def test_the_kernel_gives_what_xla_gives(name, request):
    spec = getattr(genomes, name.upper())
    batch = first(request.getfixturevalue(name), 6)
    inputs = make_inputs(12, 17)  # one tile and a part of another
    programs = compile_batch(batch, spec)
    found = on_chip.run_on_chip(programs, batch, inputs, spec, interpret=InterpretGPUParams())
    expected = run_together(programs, batch, inputs, spec)
    assert found.shape == expected.shape
    # a product and a sum may be rounded once or twice, which weights near 10 magnify
    assert np.quantile(np.abs(found - expected), 0.99) < 1e-5


@pytest.mark.parametrize(("max_nodes", "is_used"), [(64, True), (512, False)])
def test_drawing_on_a_gpu_uses_the_kernel_where_its_rows_fit(colored, max_nodes, is_used):
    batch = cppn.grow(first(colored, 3), max_nodes=max_nodes, max_connections=512)
    draw = partial(
        cppn.render_batch, height=12, width=17, spec=genomes.COLORED, style=cppn.Style("hsv")
    )
    with every_platform():
        made = jax.export.export(jax.jit(draw), platforms=["cuda"])(batch)
    assert ("mosaic_gpu" in made.mlir_module()) is is_used


@pytest.mark.parametrize(
    ("capability", "rows", "expected"),
    [("9.0", 40, True), ("10.0", 40, True), ("8.6", 40, False), ("9.0", 1000, False)],
)
def test_the_kernel_needs_a_new_gpu_and_rows_that_fit(capability, rows, expected):
    gpu = mock.Mock(platform="gpu", compute_capability=capability)
    with mock.patch.object(jax, "devices", return_value=[gpu]):
        assert on_chip.can_run_on_chip(rows) is expected


@pytest.mark.parametrize("name", [pytest.param("grey", marks=pytest.mark.slow), "colored"])
def test_instructions_read_no_row_before_it_is_written(name, request):
    # shared memory holds anything before, NaN too, which zero times is still NaN
    spec = getattr(genomes, name.upper())
    batch = first(request.getfixturevalue(name), 20)
    programs = compile_batch(batch, spec)
    rows, _ = jax.vmap(expanded_terms)(programs, batch)
    for length, reads, writes in zip(
        np.asarray(programs.length), np.asarray(rows), np.asarray(programs.result), strict=True
    ):
        written = {0, 1, 2, 3}
        for i in range(length):
            assert set(reads[i].tolist()) <= written
            written.add(int(writes[i]))


@pytest.mark.parametrize("rounding", ["nearest", pytest.param("truncate", marks=pytest.mark.slow)])
@pytest.mark.parametrize("color", few_quick(["rgb", "grey", "hsv", "hls"], "hls"))
def test_the_kernel_packs_the_levels_that_xla_gives(color, rounding, request):
    name = "grey" if color == "grey" else "colored"
    spec, batch = getattr(genomes, name.upper()), first(request.getfixturevalue(name), 6)
    inputs, programs = make_inputs(12, 17), compile_batch(batch, spec)
    levels_of = partial(to_levels, color=color, rounding=rounding)
    words = on_chip.run_on_chip(
        programs, batch, inputs, spec, to_levels=levels_of, interpret=InterpretGPUParams()
    )
    found = np.asarray(on_chip.unpacked(words, spec.outputs))
    values = run_together(programs, batch, inputs, spec)
    channels = to_channels(values, color, rounding=rounding, quantize=True)
    expected = np.rint(np.asarray(channels) * 255).astype(int)
    assert found.shape == expected.shape
    assert np.mean(found != expected) < 1e-3  # values at the edge of a level, rounded otherwise
