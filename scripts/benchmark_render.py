"""How fast CPPNs are drawn: W1, 256 networks at 28x28 grey, and W2, 16 networks at 256x256 RGB.

    python scripts/benchmark_render.py
    python scripts/benchmark_render.py --nets nets_w1.txt nets_w2.txt
    python scripts/benchmark_render.py --ceiling DIR

Networks are grown as NEAT grows them, from a fixed seed: W1 has 16 hidden nodes and 35
connections each, W2 24 and 50. `--nets` takes others from files (first line: networks, inputs,
outputs; then for each network its numbers of nodes and connections, the activation of each node
in topological order, outputs last, -1 input, 0 sine, 1 Gaussian, 2 sigmoid, 3 linear, and one
line "source target weight" for each connection). Images are compared with a plain float64
evaluation before anything is timed.

`--ceiling` names a folder with a hand-written C++ interpreter of such networks (`c/limit.cpp`)
and its networks (`data/nets_w1.txt`, `data/nets_w2.txt`): it is built with g++ and timed before
each round, on the same networks, and the share of its speed that each round reached is printed.
It uses as many threads as this script uses XLA devices, which is one for each core, up to two.

Takes about half a minute. Best measured on an idle machine: two cores that share their work
with others can cost either side half its speed.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

DEVICES = min(2, os.cpu_count() or 1)
os.environ["XLA_FLAGS"] = (
    f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={DEVICES}"
)

import jax  # noqa: E402  (reads the flags above)
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from jax.sharding import AxisType, PartitionSpec  # noqa: E402

import cppn  # noqa: E402
from evofool.support import jit  # noqa: E402

SPECS = {outputs: cppn.GenomeSpec(outputs=outputs) for outputs in (1, 3)}
REPEATS = 40
PASSES = {1: 8, 3: 1}  # as the C++ program: waking a second thread for 1 ms of work is not drawing
FILE_CODES = ["sine", "gaussian", "sigmoid", "linear"]
STYLES = {
    1: {"height": 28, "width": 28, "style": cppn.Style(color="grey")},
    3: {"height": 256, "width": 256, "style": cppn.Style(color="hsv")},
}
ORACLE = {
    "sine": np.sin,
    "gaussian": lambda p: np.exp(-(p**2)),
    "sigmoid": lambda p: np.tanh(p / 2),
    "linear": lambda p: np.clip(p, -3, 3) / 3,
}


def main() -> None:
    """Times both workloads and prints one line for each."""
    parser = argparse.ArgumentParser(description="Times the drawing of CPPNs.")
    parser.add_argument("--nets", type=Path, nargs="+", help="network files instead of grown ones")
    parser.add_argument("--ceiling", type=Path, help="folder with c/limit.cpp and data/")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    files = options.nets
    if options.ceiling and not files:
        files = [options.ceiling / "data" / f"nets_w{i}.txt" for i in (1, 2)]
    workloads = (
        [read(file) for file in files] if files else [grow(256, 1, 16, 35), grow(16, 3, 24, 50)]
    )
    rounds = []
    for _ in range(options.rounds):
        limit = time_ceiling(options.ceiling) if options.ceiling else {}
        rounds.append((limit, [measure(*workload) for workload in workloads]))
    for i, (_, outputs) in enumerate(workloads):
        name = {1: "W1", 3: "W2"}[outputs]
        speeds = [results[i][0] for _, results in rounds]
        _, first_call, error = rounds[0][1][i]
        line = f"{name}: {statistics.median(speeds):,.0f} images/s on {DEVICES} devices, "
        line += f"first call {first_call:.2f} s, largest error {error:.1e}"
        if options.ceiling:
            limits = [limit[name] for limit, _ in rounds]
            shares = [speed / limit for speed, limit in zip(speeds, limits, strict=True)]
            line += f"; C++ {statistics.median(limits):,.0f} on {DEVICES} threads; shares reached "
            line += " ".join(f"{share:.2f}" for share in shares)
        print(line)


def measure(genomes: cppn.Genome, outputs: int) -> tuple[float, float, float]:
    """Images per second (median), seconds of the first call, largest error before rounding."""
    style = {"spec": SPECS[outputs], **STYLES[outputs]}
    mesh = jax.make_mesh((DEVICES,), ("batch",), axis_types=(AxisType.Auto,))
    batch = PartitionSpec("batch")

    def shard(**options):
        def draw(genomes):
            return cppn.render_batch(genomes, **style, **options)

        return jit(jax.shard_map(draw, mesh=mesh, in_specs=batch, out_specs=batch, check_vma=False))

    genomes = jax.device_put(genomes, jax.NamedSharding(mesh, batch))
    error = largest_error(genomes, shard(quantize=False)(genomes), outputs)
    draw, times = shard(), []
    for repeat in range(REPEATS + 2):
        start = time.perf_counter()
        jax.block_until_ready([draw(genomes) for _ in range(PASSES[outputs] if repeat else 1)])
        times.append(time.perf_counter() - start)
    images = len(genomes.num_nodes) * PASSES[outputs]
    return images / statistics.median(times[2:]), times[0], error


def largest_error(genomes: cppn.Genome, images: jax.Array, outputs: int) -> float:
    """Compares the first images with a float64 evaluation; raises if they are wrong."""
    style, spec, error = STYLES[outputs], SPECS[outputs], 0.0
    v, u = np.meshgrid(*(np.linspace(-1, 1, style[k]) for k in ("height", "width")), indexing="ij")
    arrays = jax.tree.map(np.asarray, genomes)
    for i in range(min(16, len(images))):
        genome = jax.tree.map(lambda leaf, i=i: leaf[i], arrays)
        values = [u, v, np.hypot(u, v), np.ones_like(u)] + [None] * (int(genome.num_nodes) - 4)
        for node in (*range(spec.first_hidden, len(values)), *range(4, spec.first_hidden)):
            into = np.flatnonzero(genome.target[: genome.num_connections] == node)
            total = sum(genome.weight[c].astype(float) * values[genome.source[c]] for c in into)
            values[node] = ORACLE[spec.activations[genome.activation[node]]](total)
        levels = np.abs(np.stack(values[4 : spec.first_hidden], axis=-1))
        expected = levels if outputs == 1 else hsv_to_rgb(levels)
        error = max(error, np.abs(np.asarray(images[i]) - expected).max())
    if error > 1e-4:
        raise SystemExit(f"wrong images: off by up to {error}")
    return error


def hsv_to_rgb(levels: np.ndarray) -> np.ndarray:
    """Hue in whole turns; [height, width, 3]."""
    h, s, v = np.moveaxis(levels, -1, 0)
    k = (np.array([5, 3, 1]) + 6 * h[..., None]) % 6
    return v[..., None] * (1 - s[..., None] * np.clip(np.minimum(k, 4 - k), 0, 1))


def grow(count: int, outputs: int, hidden: int, connections: int) -> tuple[cppn.Genome, int]:
    """Splits random connections of full networks, then connects random nodes."""
    rng = np.random.default_rng(7)
    networks = []
    for _ in range(count):
        order: list[int] = []  # hidden nodes, numbered as they come, in topological order
        edges = {(i, -1 - o) for i in range(4) for o in range(outputs)}
        for node in range(4, 4 + hidden):
            source, target = sorted(edges)[rng.integers(len(edges))]
            edges -= {(source, target)}
            edges |= {(source, node), (node, target)}
            order.insert(order.index(target) if target in order else len(order), node)
        sequence = [*range(4), *order, *(-1 - o for o in range(outputs))]
        while len(edges) < connections:
            a, b = sorted(rng.integers(len(sequence), size=2))
            if b >= 4 and a != b and sequence[a] >= 0:
                edges.add((sequence[a], sequence[b]))
        codes = [-1] * 4 + [int(rng.integers(4)) for _ in order] + [2] * outputs
        place = {node: i for i, node in enumerate(sequence)}
        triples = [(place[s], place[t], float(rng.normal(0, 1.5))) for s, t in sorted(edges)]
        networks.append((codes, triples))
    return to_genomes(networks, outputs), outputs


def read(file: Path) -> tuple[cppn.Genome, int]:
    """Reads a network file, whose form is said at the top."""
    words = iter(file.read_text(encoding="utf-8").split())
    count, _, outputs = (int(next(words)) for _ in range(3))
    networks = []
    for _ in range(count):
        nodes, connections = int(next(words)), int(next(words))
        codes = [int(next(words)) for _ in range(nodes)]
        triples = [
            (int(next(words)), int(next(words)), float(next(words))) for _ in range(connections)
        ]
        networks.append((codes, triples))
    return to_genomes(networks, outputs), outputs


def to_genomes(networks: list, outputs: int) -> cppn.Genome:
    """Renumbers networks that have their outputs last, and stacks them; room 32 and 64."""
    spec = SPECS[outputs]
    genomes = []
    for codes, triples in networks:
        num_hidden = len(codes) - spec.first_hidden
        number = [*range(4), *range(spec.first_hidden, len(codes)), *range(4, spec.first_hidden)]
        activation = np.zeros(32, np.int32)
        for i, code in enumerate(codes[4:], start=4):
            activation[number[i]] = spec.activations.index(FILE_CODES[code])
        triples = sorted(((number[s], number[t], w) for s, t, w in triples), key=lambda c: c[1])
        ends = np.zeros((3, 64), np.float32)
        ends[:, : len(triples)] = np.array(triples).T
        source, target = ends[:2].astype(np.int32)
        sizes = (np.int32(spec.first_hidden + num_hidden), np.int32(len(triples)))
        leaves = (*sizes, activation, source, target, ends[2])
        genomes.append(cppn.Genome(*map(jnp.asarray, leaves)))
        cppn.validate(genomes[-1], spec)
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *genomes)


def time_ceiling(folder: Path) -> dict[str, float]:
    """Builds and runs the C++ interpreter; images per second of each workload."""
    with tempfile.TemporaryDirectory() as build:
        program = f"{build}/limit"
        flags = "-O3 -march=native -ffast-math -mprefer-vector-width=512 -std=c++17 -pthread"
        source = str(folder / "c" / "limit.cpp")
        subprocess.run(["g++", *flags.split(), source, "-o", program, "-lm"], check=True)
        command = [program, str(folder / "data")]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = [json.loads(line) for line in output.splitlines()]
    return {line["workload"]: line["value"] for line in lines if line["threads"] == DEVICES}


if __name__ == "__main__":
    main()
