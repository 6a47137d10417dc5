"""Times attacks against the bare classifier, in one process.

What it shows, for a small network on 32x32 colour images:
* images per second that finite differences (3073 for a map) and one-pixel evolution show to the
  classifier, over those of its jitted forward pass alone at its best batch, timed in turn;
* where ART is installed, its one-pixel attack on the same classifier with the same population,
  for two images; nobody stops early;
* seconds of FGSM on 10,000 digits and the LeNet, after compilation.

    python scripts/benchmark_attacks.py                     # 75 generations, all cores, wall time
    python scripts/benchmark_attacks.py --generations 4 --images 20 --threads 1   # its CPU time
    python scripts/benchmark_attacks.py --weights objects.safetensors --json

CPU time of one thread is what other programs on the machine disturb least. Images are noise and
weights random unless given: no time depends on them. Takes half an hour on 2 cores, and two minutes
with the second line. Writes nothing.
"""

import argparse
import importlib
import importlib.util
import json
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np

from evofool import Classifier, fgsm, load_classifier, one_pixel
from evofool.attacks import output_map
from evofool.classifiers import cifar_cnn_card, make_network
from evofool.images import from_levels

BATCHES = (32, 64, 100, 200, 400)  # of a forward pass
POPULATION = 400
DIGITS = 10_000
ART_PICTURES = 2

Rate = Callable[[Callable[[], Any], int], float]


def main() -> None:
    """Parses the arguments, times, prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--classifier", default="cifar_cnn")
    parser.add_argument("--weights")
    parser.add_argument("--images", type=int, default=100, help="attacked together, one pixel each")
    parser.add_argument("--generations", type=int, default=75)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):  # XLA has as many threads as cores that it sees
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.threads])
    clock = time.process_time if arguments.threads == 1 else time.perf_counter
    rate = partial(work_rate, clock=clock)
    if arguments.weights:
        classifier = load_classifier(arguments.classifier, weights=arguments.weights)
    else:
        classifier = untrained()
    options = {"generations": arguments.generations, "rounds": arguments.rounds, "rate": rate}
    found = measure(classifier, noise(arguments.images, classifier), **options)
    found |= time_fgsm(rate)
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        print(f"{name:>40}: {value:,.3g}" if value < 1000 else f"{name:>40}: {value:,.0f}")


def untrained() -> Classifier:
    """Returns the network for CIFAR-10 with random weights."""
    card = cifar_cnn_card()
    network = make_network(card)
    return Classifier(card=card, params=network.init(jax.random.key(0)), apply=network.apply)


def measure(
    classifier: Classifier, images: np.ndarray, *, generations: int, rounds: int, rate: Rate
) -> dict[str, float]:
    """Times forward passes, maps and searches in turn; returns medians over the rounds."""
    count = len(images)
    calls: dict[str, tuple[Callable[[], Any], int]] = {
        f"forward, batch {batch}": (forward(classifier, batch), batch) for batch in BATCHES
    }
    calls["finite differences"] = lambda: output_map(classifier, images[0]), images[0].size + 1
    calls["one pixel"] = lambda: search(classifier, images, generations), shown(count, generations)
    if importlib.util.find_spec("art"):
        theirs = art_search(classifier, images[:ART_PICTURES], generations)
        art_search(classifier, images[:1], 1)()  # compiles
        calls["one pixel by ART"] = theirs, shown(ART_PICTURES, generations)
    results = {
        "finite differences, compiling, s": compile_seconds(calls["finite differences"][0]),
        "one pixel, compiling, s": compile_seconds(lambda: search(classifier, images, 1)),
    }
    rates: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, (call, work) in calls.items():
            rates[name].append(rate(call, work))
    medians = {name: statistics.median(values) for name, values in rates.items()}
    best = max(value for name, value in medians.items() if name.startswith("forward"))
    results |= {f"{name}, images/s": value for name, value in medians.items()}
    for name in ("finite differences", "one pixel"):
        results[f"{name} / best forward"] = medians[name] / best
    if "one pixel by ART" in medians:
        ours, theirs = medians["one pixel"], medians["one pixel by ART"]
        results["one pixel: time of ART / ours"] = ours / theirs
    return results


def shown(images: int, generations: int) -> int:
    """Returns how many candidates a search shows to the classifier."""
    return images * POPULATION * (1 + generations)


def noise(count: int, classifier: Classifier) -> np.ndarray:
    """Returns random images, levels 0..255."""
    shape = (count, *classifier.card.input_shape)
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def forward(classifier: Classifier, batch: int) -> Callable[[], Any]:
    """Returns a call of the compiled forward pass."""
    images = jax.device_put(from_levels(noise(batch, classifier)))
    apply = jax.jit(classifier.apply)
    return lambda: apply(classifier.params, images).block_until_ready()


def search(classifier: Classifier, images: np.ndarray, generations: int) -> Any:
    """Runs our one-pixel attack to its end."""
    options = {"population": POPULATION, "generations": generations, "stop_early": False}
    return one_pixel(classifier, images, 0, **options)


def art_search(classifier: Classifier, images: np.ndarray, generations: int) -> Callable[[], Any]:
    """Returns a call of ART's one-pixel attack, kept from stopping when it succeeds."""
    evasion: Any = importlib.import_module("art.attacks.evasion")
    estimators: Any = importlib.import_module("art.estimators")
    mixins: Any = importlib.import_module("art.estimators.classification.classifier")
    apply = jax.jit(classifier.apply)

    class Ours(mixins.ClassifierMixin, estimators.NeuralNetworkMixin, estimators.BaseEstimator):
        def __init__(self):
            super().__init__(model=None, clip_values=(0.0, 255.0), channels_first=False)
            self.nb_classes = classifier.card.classes

        @property
        def input_shape(self):
            return classifier.card.input_shape

        def predict(self, x, **_):
            return np.array(apply(classifier.params, x.astype(np.float32) / 255))  # written to

        fit = get_activations = None  # ART asks for them, and this attack calls neither

    class Endless(evasion.PixelAttack):
        def _attack_success(self, adv_x, x, target_class):
            return False

    attack = Endless(Ours(), th=1, max_iter=generations)
    labels = np.zeros(len(images), int)
    return lambda: attack.generate(images.astype(np.float32), labels)


def compile_seconds(call: Callable[[], Any]) -> float:
    """Returns the seconds that XLA compiles for a call, with nothing compiled before."""
    seconds = []

    def listen(event: str, duration_secs: float, **_: str | int) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            seconds.append(duration_secs)

    jax.clear_caches()
    jax.monitoring.register_event_duration_secs_listener(listen)
    call()
    jax.monitoring.clear_event_listeners()
    return sum(seconds)


def time_fgsm(rate: Rate) -> dict[str, float]:
    """Times FGSM on digits."""
    lenet = load_classifier("lenet")
    digits = noise(DIGITS, lenet)
    compiling = compile_seconds(lambda: fgsm(lenet, digits, 0, epsilon=0.1))
    seconds = 1 / rate(lambda: fgsm(lenet, digits, 0, epsilon=0.1), 1)
    return {"FGSM, compiling, s": compiling, f"FGSM, {DIGITS:,} digits, s": seconds}


def work_rate(
    call: Callable[[], Any], work: int, *, clock: Callable[[], float], seconds: float = 1.0
) -> float:
    """Returns units of work per second, calling for at least `seconds`."""
    done, start = 0, clock()
    while clock() - start < seconds:
        call()
        done += work
    return done / (clock() - start)


if __name__ == "__main__":
    main()
