from importlib import import_module

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cppn
from tests.cppn import genomes, reference

module = import_module("cppn.render")  # the package has a function of that name
GRID = np.arange(256, dtype=np.float32) / np.float32(255)
SMALL = {"height": 12, "width": 9}


def mild(batch: cppn.Genome) -> cppn.Genome:
    """The same networks with weights of at most 2.

    Ten layers of weights near 10 magnify the last bit of float32 a millionfold; what is tested
    is the drawing, not the conditioning of such networks.
    """
    return batch._replace(weight=batch.weight * 0.2)


@pytest.mark.parametrize("name", ["grey", pytest.param("colored", marks=pytest.mark.slow)])
def test_values_equal_the_oracle(name, request):
    spec = getattr(genomes, name.upper())
    batch = mild(request.getfixturevalue(name))
    style = cppn.Style(color="grey" if name == "grey" else "rgb")
    options = {"spec": spec, "style": style, **SMALL}
    found = cppn.render_batch(batch, quantize=False, **options)
    jumps = {"step", "square_wave"} & set(spec.activations)
    for genome, image in zip(genomes.host(batch), found, strict=True):
        expected = np.abs(reference.values(genome, spec, **SMALL))
        # a jump at a value that is zero but for rounding may fall to either side
        codes = genome.activation[4 : int(genome.num_nodes)]
        share = 0.9 if jumps & {spec.activations[code] for code in codes} else 1.0
        assert np.mean(np.abs(image - expected) < 1e-5) >= share


@pytest.mark.parametrize(
    ("color", "rounding", "coordinates"),
    [
        ("grey", "nearest", "centered"),
        ("hsv", "nearest", "centered"),
        ("hls", "truncate", "pixels"),
    ],
)
def test_levels_equal_the_oracle(color, rounding, coordinates, request):
    spec = genomes.GREY if color == "grey" else cppn.GenomeSpec(outputs=3)
    name = "grey" if color == "grey" else "colored"
    batch = jax.tree.map(lambda leaf: leaf[:24], mild(request.getfixturevalue(name)))
    batch = batch._replace(activation=batch.activation % 4)
    options = {"color": color, "rounding": rounding, "coordinates": coordinates}
    found = cppn.to_bytes(cppn.render_batch(batch, spec=spec, style=cppn.Style(**options), **SMALL))
    expected = [reference.image(g, spec, **SMALL, **options) for g in genomes.host(batch)]
    difference = np.abs(np.asarray(found, int) - np.stack(expected))
    # A level cut down just short of the next can turn a hue by two degrees; rarely.
    assert np.mean(difference > 1) <= (0 if rounding == "nearest" else 0.002)
    assert np.mean(difference > 0) < 0.01


def test_large_arguments_of_the_sine_keep_their_precision():
    """Raw indices give sums of thousands, rounded to 1e-4 in float32; the sine adds nothing."""
    spec = genomes.GREY
    genome = genomes.make(spec, ["sine"], [(0, 4, 9.7531), (1, 4, -8.642), (0, 4, 7.25)])
    style = cppn.Style(coordinates="pixels")
    found = cppn.render(genome, spec=spec, height=256, width=256, style=style, quantize=False)
    expected = np.abs(reference.values(genome, spec, 256, 256, "pixels"))
    largest = (9.7531 + 8.642 + 7.25) * 255
    assert np.abs(found - expected).max() < 3 * largest * 2**-24 + 1e-6


@pytest.mark.slow
def test_images_do_not_depend_on_room(grey):
    options = {"spec": genomes.GREY, **SMALL}
    expected = cppn.render_batch(grey, **options)
    for room in ({"max_nodes": 256, "max_connections": 256}, None):
        other = cppn.grow(grey, **room) if room else cppn.trim(grey)
        assert genomes.same_bytes(cppn.render_batch(other, **options), expected)


@pytest.mark.slow
def test_images_do_not_depend_on_their_neighbours(grey):
    options = {"spec": genomes.GREY, **SMALL}
    together = cppn.render_batch(grey, **options)
    order = np.random.default_rng(0).permutation(40)[:7]
    some = cppn.render_batch(jax.tree.map(lambda leaf: leaf[order], grey), **options)
    assert genomes.same_bytes(some, together[order])
    last = cppn.render(jax.tree.map(lambda leaf: leaf[39], grey), **options)
    assert genomes.same_bytes(last, together[39])


@pytest.mark.parametrize("tile", [7, pytest.param(107, marks=pytest.mark.slow)])
def test_images_do_not_depend_on_tiles(colored, tile, monkeypatch):
    options = {"spec": cppn.GenomeSpec(outputs=3), "style": cppn.Style(color="hsv"), **SMALL}
    some = jax.tree.map(lambda leaf: leaf[-8:], colored)
    some = some._replace(activation=some.activation % 4)
    whole = cppn.render_batch(some, **options)
    monkeypatch.setattr(module, "_TILE", tile)
    tiled = jax.jit(lambda batch: module.render_batch.__wrapped__(batch, **options))(some)
    assert genomes.same_bytes(whole, tiled)


@pytest.mark.slow
def test_images_do_not_depend_on_the_jit_around_them(grey):
    options = {"spec": genomes.GREY, **SMALL}
    inside = jax.jit(lambda batch: 1 - cppn.render_batch(batch, **options))(grey)
    assert genomes.same_bytes(inside, 1 - cppn.render_batch(grey, **options))


@pytest.mark.parametrize("coordinates", ["centered", "pixels"])
def test_a_larger_extent_draws_the_same_in_the_middle(coordinates):
    small = module.make_inputs(5, 9, coordinates, (5, 9))
    wide = module.make_inputs(5, 17, coordinates, (5, 9), (1.0, 2.0)).reshape(4, 5, 17)
    np.testing.assert_allclose(wide[:, :, 4:13], np.reshape(small, (4, 5, 9)), atol=1e-6)
    assert wide[0, 0, -1] == (2.0 if coordinates == "centered" else 12.0)


def test_running_in_turn_equals_running_together(grey):
    """What CPUs do, and what accelerators and gradients do: the same but for rounding."""
    look = module._Look(genomes.GREY, "grey", "nearest", False)
    inputs = module.make_inputs(**SMALL)
    found = jax.jit(module._draw_together, static_argnums=2)(grey, inputs, look)
    expected = jax.jit(module._draw, static_argnums=3)(grey.weight, grey, inputs, look)
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.slow
def test_values_lie_on_the_grid_of_8_bits(colored):
    style = cppn.Style(color="hls")
    image = np.asarray(cppn.render_batch(colored, spec=genomes.COLORED, style=style, **SMALL))
    assert np.isin(image, GRID).all()
    assert len(np.unique(image)) > 100
    assert genomes.same_bytes(cppn.from_bytes(cppn.to_bytes(image)), image)


def test_levels_divide_as_in_numpy():
    levels = np.arange(256, dtype=np.uint8)
    assert genomes.same_bytes(cppn.from_bytes(jnp.asarray(levels)), GRID)
    assert genomes.same_bytes(jax.jit(cppn.from_bytes)(levels), GRID)
    assert genomes.same_bytes(cppn.to_bytes(jnp.asarray(GRID)), levels)


@pytest.mark.slow
def test_gradient_equals_that_of_the_oracle():
    spec = genomes.GREY
    genome = genomes.make(
        spec, ["sigmoid", "sine", "gaussian", "linear"],
        [(5, 4, 1.5), (6, 4, -2.0), (7, 4, 0.7), (3, 4, 0.4), (0, 5, 2.0), (1, 5, 1.0),
         (5, 6, 1.3), (2, 6, -0.6), (6, 7, 2.0), (1, 7, 0.5)],
        max_nodes=12, max_connections=16,
    )  # fmt: skip
    target = np.random.default_rng(1).uniform(size=(12, 9, 1))

    def loss(weight, quantize):
        image = cppn.render(genome._replace(weight=weight), spec=spec, quantize=quantize, **SMALL)
        return jnp.sum(image * target)

    found = jax.jit(jax.grad(loss), static_argnums=1)(genome.weight, False)
    for i in range(10):
        ends = []
        for step in (-1e-4, 1e-4):
            weight = np.asarray(genome.weight, np.float64)
            weight[i] += step
            image = np.abs(reference.values(genome._replace(weight=weight), spec, **SMALL))
            ends.append(np.sum(image * target))
        assert found[i] == pytest.approx((ends[1] - ends[0]) / 2e-4, rel=1e-3, abs=1e-3)
    assert not found[10:].any()
    straight_through = jax.jit(jax.grad(loss), static_argnums=1)(genome.weight, True)
    np.testing.assert_allclose(straight_through, found, rtol=1e-6)


def test_coordinates_of_the_released_code():
    inputs = module.make_inputs(3, 5, "pixels").reshape(4, 3, 5)
    assert inputs[0].tolist() == [[0, 1, 2, 3, 4]] * 3
    assert inputs[1].tolist() == [[i] * 5 for i in range(3)]
    assert inputs[2][0, 0] == pytest.approx(2**0.5)
    assert inputs[2][1, 2] == 0
    assert (inputs[3] == 1).all()


@pytest.mark.slow
def test_image_evolved_on_raw_indices_is_the_same_at_another_size(grey):
    options = {"spec": genomes.GREY, "style": cppn.Style(coordinates="pixels")}
    small = cppn.render_batch(grey, height=5, width=9, drawn_at=(5, 9), **options)
    large = cppn.render_batch(grey, height=17, width=33, drawn_at=(5, 9), **options)
    assert genomes.same_bytes(large[:, ::4, ::4], small)
    plain = cppn.render_batch(grey, height=5, width=9, **options)
    assert genomes.same_bytes(plain, small)


@pytest.mark.parametrize(
    ("height", "width"),
    [
        (1, 1),
        pytest.param(1, 6, marks=pytest.mark.slow),
        pytest.param(6, 1, marks=pytest.mark.slow),
    ],
)
def test_images_one_pixel_wide_or_high_are_finite(height, width, grey):
    image = cppn.render_batch(grey, spec=genomes.GREY, height=height, width=width)
    assert image.shape == (40, height, width, 1)
    assert np.isfinite(image).all()


def test_node_without_connections_is_its_function_of_zero():
    spec = genomes.GREY
    genome = genomes.make(spec, ["gaussian"], [(0, 4, 1.0)])
    bare = cppn.Genome(
        genome.num_nodes, jnp.int32(0), genome.activation, genome.source,
        jnp.zeros_like(genome.target), jnp.zeros_like(genome.weight),
    )  # fmt: skip
    assert (cppn.render(bare, spec=spec, **SMALL) == 1).all()


@pytest.mark.slow
def test_node_with_many_connections_adds_them_all():
    spec = cppn.GenomeSpec(outputs=1, activations=("linear",))
    batch = [
        genomes.make(
            spec,
            ["linear"],
            [(i % 4, 4, 0.01 * (i + 1)) for i in range(count)],
            max_nodes=5,
            max_connections=20,
        )
        for count in range(1, 20)
    ]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *batch)
    found = cppn.render_batch(stacked, spec=spec, quantize=False, **SMALL)
    expected = np.stack([np.abs(reference.values(genome, spec, **SMALL)) for genome in batch])
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"style": cppn.Style(color="cmyk")}, "color must be one of .*hsv.* got 'cmyk'"),
        ({"style": cppn.Style(color="hsv")}, "color='hsv' does not fit spec.outputs=1"),
        (
            {"style": cppn.Style(coordinates="polar")},
            "coordinates must be one of .*centered.* got 'polar'",
        ),
        ({"style": cppn.Style(rounding="up")}, "rounding must be one of .*truncate.* got 'up'"),
        ({"height": 0}, "height and width must be at least 1, got 0 and 9"),
    ],
)
def test_mistakes_are_named(options, message, grey):
    with pytest.raises(ValueError, match=message):
        cppn.render_batch(grey, **{"spec": genomes.GREY, **SMALL, **options})
