"""Checks and measures evofool on a GPU within a few minutes, and prints one JSON object.

    bash scripts/gpu_check.sh --weights DIR        # installs what is missing, then runs this
    python scripts/gpu_check.py --weights DIR --seconds 480 --out gpu-check.json
    python scripts/gpu_check.py --small            # on a CPU too: does every step run?

Every step runs in a process of its own, so that one that fails or hangs costs its own time only:
its error stands in its place in the result. The file is written again after every step. The steps,
in order: devices, `doctor`, a default run and `verify`, equal bits of two runs and of a killed and
resumed one, drawing, bare forward passes, the loop against them, polishing, the kernels that take
the time, and last the paper's experiment, for as long as is left.
"""

import argparse
import gzip
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parent.parent
NETWORKS = (
    "squeezenet_v1.0_deepcompression",
    "mobilenet_v1_0.25_128",
    "mobilenet_v1_0.75_192",
    "mobilenet_v2_1.0_224_qat",
)
PRECISIONS = {"float32": "highest", "tf32": "tensorfloat32", "bf16": "bfloat16"}

SEARCHED = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
ENVIRONMENT = os.environ | {"PYTHONPATH": SEARCHED}

Json = Any  # what `json.loads` gives


def main() -> None:
    """Runs the steps in turn."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--weights", type=Path, help="folder of ImageNet networks")
    parser.add_argument("--seconds", type=float, default=480.0, help="for all steps")
    parser.add_argument("--out", type=Path, default=Path("gpu-check.json"))
    parser.add_argument("--small", action="store_true", help="sizes for a CPU")
    parser.add_argument("--steps", nargs="+", help="these steps only, in this order")
    parser.add_argument("--step", help="run one step here, and print its result alone")
    options = parser.parse_args()
    steps: dict[str, Callable[[argparse.Namespace], Json]] = {
        "devices": devices,
        "doctor": doctor,
        "default run": default_run,
        "drawing": drawing,
        "forward": forward,
        "loop": loop,
        "polish": polish,
        "kernels": kernels,
        "paper": paper,
    }
    if options.step:
        print(json.dumps(steps[options.step](options)))
        return
    results: dict[str, Json] = {}
    end = time.monotonic() + options.seconds
    for name in options.steps or steps:
        start = time.monotonic()
        again = [sys.executable, __file__, *sys.argv[1:], "--step", name]
        again += ["--seconds", str(end - start)]
        results[name] = run_json(again, seconds=max(5.0, end - start))
        results[name + ", seconds"] = round(time.monotonic() - start, 1)
        options.out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))


def run(command: list[str], seconds: float) -> str:
    """Returns what a command prints; raises `SystemExit` with the end of its errors if it fails."""
    try:
        done = subprocess.run(
            command, env=ENVIRONMENT, capture_output=True, text=True, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        raise SystemExit(f"{' '.join(command[1:])}: over {seconds:.0f} s") from None
    if done.returncode:
        raise SystemExit(
            f"{' '.join(command[1:])}: exit code {done.returncode}\n{done.stderr[-3000:]}"
        )
    return done.stdout


def run_json(command: list[str], seconds: float) -> Json:
    """Returns the JSON that a command prints, or what went wrong."""
    try:
        return json.loads(run(command, seconds))
    except (SystemExit, ValueError) as error:
        return {"failed": str(error)}


def evofool(*arguments: str | Path, seconds: float = 120.0) -> str:
    """Returns what an `evofool` command prints."""
    return run([sys.executable, "-m", "evofool", *map(str, arguments)], seconds)


def devices(options: argparse.Namespace) -> Json:
    """Versions, devices, memory."""
    import jax

    return {
        "jax": jax.__version__,
        "python": sys.version.split()[0],
        "flags": os.environ.get("XLA_FLAGS", ""),
        "devices": [str(device.device_kind) for device in jax.devices()],
        "memory": jax.devices()[0].memory_stats(),
    }


def doctor(options: argparse.Namespace) -> Json:
    """What `evofool doctor` says."""
    return json.loads(evofool("doctor", "--json"))


def default_run(options: argparse.Namespace) -> Json:
    """Times a default run, and compares it with a second one and with one killed and resumed."""
    folder = Path(tempfile.mkdtemp())
    flags = ["--seed", "0", "--quiet", "--checkpoint-every", "20"]
    flags += ["--generations", "60"] if options.small else []
    seconds = []
    for name in ("first", "second"):
        start = time.monotonic()
        evofool("evolve", *flags, "--out", folder / name)
        seconds.append(round(time.monotonic() - start, 1))
    verified = evofool("verify", folder / "first")
    killed = folder / "killed"
    command = [sys.executable, "-m", "evofool", "evolve", *flags, "--out", str(killed)]
    process = subprocess.Popen(command, env=ENVIRONMENT)
    while process.poll() is None and not (killed / "checkpoints" / "20").is_dir():
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    evofool("resume", killed)
    hashes = {
        path.name: json.loads((path / "summary.json").read_text(encoding="utf-8"))["archive_sha256"]
        for path in (folder / "first", folder / "second", killed)
    }
    shutil.rmtree(folder)
    return {
        "seconds": seconds,
        "verify": verified.splitlines()[-1],
        "sha256": hashes,
        "equal": len(set(hashes.values())) == 1,
    }


def draw_levels(genomes: Any, **options: Any) -> Any:
    """Draws images as levels: what a run keeps, and a quarter of the bytes."""
    import cppn

    return cppn.to_bytes(cppn.render_batch(genomes, **options))


def drawing(options: argparse.Namespace) -> Json:
    """Images a second: W1, W2 and 256 images of 256x256, by the kernel and then by XLA."""
    import jax
    import numpy as np
    from benchmark_render import SPECS, STYLES, grow

    on_chip = import_module("cppn.on_chip")  # no public name

    workloads = {"W1": (256, 1, 16, 35), "W2": (16, 3, 24, 50), "256 x 256x256": (256, 3, 24, 50)}
    if options.small:
        workloads = {"W1": (8, 1, 16, 35)}
    results: dict[str, Json] = {"kernel": on_chip.can_run_on_chip(64)}
    for name, (count, outputs, hidden, connections) in workloads.items():
        genomes, _ = grow(count, outputs, hidden, connections)
        draw = jax.jit(partial(draw_levels, spec=SPECS[outputs], **STYLES[outputs]))
        results[name] = round(count / seconds_of(partial(draw, genomes)))
        ten = partial(repeated, partial(draw, genomes), 10)
        results[name + ", ten calls at once"] = round(10 * count / seconds_of(ten))
        with jax.default_device(jax.devices("cpu")[0]):
            on_cpu = np.asarray(draw(jax.tree.map(np.asarray, genomes)), int)
        levels = np.abs(on_cpu - np.asarray(draw(genomes), int))
        if results["kernel"]:
            with mock.patch.object(on_chip, "can_run_on_chip", return_value=False):
                together = jax.jit(partial(draw_levels, spec=SPECS[outputs], **STYLES[outputs]))
                jax.clear_caches()
                results[name + ", XLA"] = round(count / seconds_of(partial(together, genomes)))
            jax.clear_caches()
        results[name + ", levels apart"] = {
            "most": int(levels.max()),
            "share": float(np.mean(levels > 0)),
        }
    return results


def repeated(call: Callable[[], Any], times: int) -> list[Any]:
    """Starts a call several times, each without waiting for the one before."""
    return [call() for _ in range(times)]


def seconds_of(call: Callable[[], Any], least: float = 0.3) -> float:
    """Returns the least seconds of a call, compilation left out."""
    import jax

    jax.block_until_ready(call())
    times: list[float] = []
    while sum(times) < least or len(times) < 3:
        start = time.perf_counter()
        jax.block_until_ready(call())
        times.append(time.perf_counter() - start)
    return min(times)


def forward(options: argparse.Namespace) -> Json:
    """Images a second of every network, by precision and batch."""
    import jax
    import jax.numpy as jnp

    from evofool.classifiers import load_classifier

    results = {}
    batches = (4,) if options.small else (256, 1024)
    for name in NETWORKS[1:2] if options.small else NETWORKS:
        classifier = load_classifier(name, weights=options.weights)
        for precision, batch in itertools.product(PRECISIONS, batches):
            kind = jnp.bfloat16 if precision == "bf16" else jnp.float32
            images = jnp.zeros((batch, *classifier.card.input_shape), kind)
            params = jax.tree.map(partial(jnp.asarray, dtype=kind), classifier.params)
            with jax.default_matmul_precision(PRECISIONS[precision]):
                call = partial(jax.jit(classifier.apply), params, images)
                try:
                    speed = round(batch / seconds_of(call))
                except Exception as error:  # one that does not fit must not end the others
                    speed = str(error)[:200]
            results[f"{name}, {precision}, batch {batch}"] = speed
    return results


def loop(options: argparse.Namespace) -> Json:
    """The loop against the bare forward pass, by encoding and batch."""
    results = {}
    sizes = (20,) if options.small else (400, 2048, 8192)
    for encoding, size in itertools.product(("cppn", "direct"), sizes):
        command = [sys.executable, str(ROOT / "scripts/benchmark.py"), "--json"]
        command += ["--encoding", encoding, "--batch-size", str(size), "--rounds", "3"]
        command += ["--classifier", NETWORKS[1], "--weights", str(options.weights)]
        command += ["--warm-up", "20", "--generations", "2" if options.small else "10"]
        command += ["--forward-batches", "4" if options.small else "1024"]
        results[f"{encoding}, batch {size}"] = run_json(command, seconds=90)
    return results


def polish(options: argparse.Namespace) -> Json:
    """Milliseconds of a polishing step for each elite, and of its parts."""
    command = [sys.executable, str(ROOT / "scripts/benchmark_polish.py")]
    command += ["--classifier", NETWORKS[1], "--weights", str(options.weights)]
    command += [
        "--elites",
        "4" if options.small else "256",
        "--steps",
        "2" if options.small else "10",
    ]
    return run_json(command, seconds=90)


def kernels(options: argparse.Namespace) -> Json:
    """What five generations take: in all, in kernels, and in the kernels that take most."""
    import jax
    from benchmark import make_loop

    from evofool.classifiers import load_classifier

    classifier = load_classifier(NETWORKS[1], weights=options.weights)
    results = {}
    for encoding, size in (("cppn", 400), ("cppn", 2048), ("direct", 2048)):
        settings = argparse.Namespace(
            batch_size=20 if options.small else size, micro_batch=None, generations=5, warm_up=5
        )
        evolve, _ = make_loop(encoding, classifier, settings)
        whole = seconds_of(evolve)
        folder = Path(tempfile.mkdtemp())
        with jax.profiler.trace(str(folder)):
            evolve()
        spent, calls = kernel_times(folder)
        shutil.rmtree(folder)
        most = sorted(spent.items(), key=lambda item: -item[1])[:30]
        results[f"{encoding}, batch {size}"] = {
            "milliseconds of five generations": round(1000 * whole, 2),
            "milliseconds in kernels": round(sum(spent.values()), 2),
            "kernels run": sum(calls.values()),
            "most": {name: [round(value, 3), calls[name]] for name, value in most},
        }
    return results


def kernel_times(folder: Path) -> tuple[dict[str, float], dict[str, int]]:
    """Returns the milliseconds of every kernel of a profile, and how often each ran."""
    events = []
    for path in folder.rglob("*.trace.json.gz"):
        events += json.loads(gzip.decompress(path.read_bytes()))["traceEvents"]
    processes = {e["pid"]: e["args"]["name"] for e in events if e.get("name") == "process_name"}
    threads = {
        (e["pid"], e["tid"]): e["args"]["name"] for e in events if e.get("name") == "thread_name"
    }
    spent: dict[str, float] = {}
    calls: dict[str, int] = {}
    for event in events:
        on_device = "GPU" in processes.get(event.get("pid"), "")
        on_device &= "Stream" in threads.get((event.get("pid"), event.get("tid")), "Stream")
        if on_device and "dur" in event:
            name = f"{event['name'][:60]} [{event.get('args', {}).get('name', '')[-90:]}]"
            spent[name] = spent.get(name, 0.0) + event["dur"] / 1000
            calls[name] = calls.get(name, 0) + 1
    return spent, calls


def paper(options: argparse.Namespace) -> Json:
    """The paper's experiment at its size, for as long as is left."""
    folder = Path(tempfile.mkdtemp()) / "run"
    seconds = max(10.0, options.seconds - 45)  # compiling, and the last checkpoint
    arguments = ["--preset", "imagenet-cppn", "--classifier", NETWORKS[0], "--weights"]
    arguments += [str(options.weights), "--generations", "3" if options.small else "5000"]
    arguments += ["--batch-size", "4"] if options.small else []
    arguments += ["--max-seconds", str(int(seconds)), "--quiet", "--out", str(folder)]
    evofool("evolve", *arguments, seconds=seconds + 90)
    return json.loads((folder / "summary.json").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
