"""What moves the median confidence? Short runs that differ from the default in one setting each.

    python scripts/compare_settings.py --weights DIR --out runs/settings
    python scripts/compare_settings.py --weights DIR --out runs/settings --only rgb batch-100

All runs make the same number of evaluations: 300 generations of 400, or as many of another batch
size as come to that. About two minutes a run on two quiet cores; a run that is there already is
resumed or kept, so that the script can be stopped and started again. Prints a table (Markdown).
"""

import argparse
from pathlib import Path
from typing import Any

import jax
import numpy as np

import evofool
from evofool.classifiers import DOGS, confidence

EVALUATIONS = 120_000
DEFAULT_BATCH = 400
PLAIN = ("sine", "sigmoid", "gaussian", "linear")
VARIATIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "pixels": {"cppn": {"coordinates": "pixels"}},
    "hls": {"cppn": {"color": "hls"}},
    "rgb": {"cppn": {"color": "rgb"}},
    "batch-100": {"batch_size": 100},
    "batch-200": {"batch_size": 200},
    "batch-800": {"batch_size": 800},
    "probability": {"fitness": "probability"},
    "fewer-additions": {"cppn": {"add_node_rate": 0.25, "add_connection_rate": 0.25}},
    "fewer-removals": {"cppn": {"remove_node_rate": 0.1, "remove_connection_rate": 0.15}},
    "more-weights": {"cppn": {"weight_rate": 0.3}},
    "fewer-weights": {"cppn": {"weight_rate": 0.05}},
    "smaller-steps": {"cppn": {"weight_eta": 50.0}},
    "smallest-steps": {"cppn": {"weight_eta": 150.0}},
    "larger-steps": {"cppn": {"weight_eta": 5.0}},
    "smaller-steps-more-weights": {"cppn": {"weight_eta": 50.0, "weight_rate": 0.2}},
    "fewer-activations": {"cppn": {"activation_rate": 0.03}},
    "gentle": {
        "cppn": {
            "weight_rate": 0.1,
            "activation_rate": 0.03,
            "add_node_rate": 0.2,
            "add_connection_rate": 0.3,
            "remove_node_rate": 0.05,
            "remove_connection_rate": 0.1,
        }
    },
    "bold": {
        "cppn": {
            "weight_rate": 0.2,
            "activation_rate": 0.2,
            "add_node_rate": 0.7,
            "add_connection_rate": 0.7,
            "remove_node_rate": 0.4,
            "remove_connection_rate": 0.5,
        }
    },
    "growing": {"cppn": {"add_node_rate": 0.7, "add_connection_rate": 0.8}},
    "no-sine": {"cppn": {"activations": ("sigmoid", "gaussian", "linear", "tanh")}},
    "waves": {"cppn": {"activations": (*PLAIN, "square_wave", "cosine", "abs")}},
}


def main() -> None:
    """Runs the variations that were asked for and prints what came of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--classifier", default="mobilenet_v1_0.25_128")
    parser.add_argument("--weights", required=True, help="folder with the classifier's weights")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="folder for the run directories")
    parser.add_argument("--only", nargs="*", default=list(VARIATIONS), choices=list(VARIATIONS))
    arguments = parser.parse_args()
    jax.config.update("jax_num_cpu_devices", 2)  # drawing CPPNs keeps one core busy per device

    print("| run | seed | median at 25 % | 50 % | 100 % | >= .9 | >= .99 | dogs | images/s |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in arguments.only:
        settings: dict[str, Any] = {"batch_size": DEFAULT_BATCH} | VARIATIONS[name]
        folder = arguments.out / f"{name}-{arguments.seed}"
        if (folder / "config.json").exists():
            run = evofool.resume(folder)
        else:
            run = evofool.evolve(
                arguments.classifier,
                weights=arguments.weights,
                seed=arguments.seed,
                generations=EVALUATIONS // settings["batch_size"],
                out=folder,
                **settings,
            )
        print(_row(name, run), flush=True)


def _row(name: str, run: evofool.Run) -> str:
    lines = run.metrics
    medians = [lines[int((len(lines) - 1) * share)]["median_confidence"] for share in (0.25, 0.5)]
    final = confidence(run.table["archive.fitness"][0])
    is_dog = np.isin([output - run.card.class_offset for output in run.outputs], DOGS)
    cells = [
        name,
        str(run.config.seed),
        *(f"{median:.3f}" for median in [*medians, float(np.median(final))]),
        str(int(np.sum(final >= 0.9))),
        str(int(np.sum(final >= 0.99))),
        f"{np.median(final[is_dog]):.3f}",
        f"{run.finished['evals_per_second']:.0f}",
    ]
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
