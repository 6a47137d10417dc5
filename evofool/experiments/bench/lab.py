"""Trains, evolves and caches what an experiment needs."""

import dataclasses
import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import TypeVar, get_type_hints

import numpy as np
from jaxtyping import Int, UInt8

from evofool.classifiers import Classifier, load_classifier, shipped_names
from evofool.config import EvolveConfig, PolishConfig, make_config
from evofool.data import Dataset, read_photographs
from evofool.evolution import Quiet, Reporter
from evofool.experiments.bench.arrays import Measures, flatten, restore
from evofool.experiments.bench.supplies import RECIPES, Supplies
from evofool.runs import STOPPED_EARLY, Elite, Run, evolve, polish, resume
from evofool.support import Setting, UserError, read_arrays, read_json, write_arrays, write_json
from evofool.training import recipes

Value = TypeVar("Value")
MOST_BYTES = 4 * 2**30  # of the arrays of a step, unpacked
FEW_EXAMPLES = 2500  # that networks learn from at small scale
# settings that say how a run is carried out, not what comes out
_OPERATIONAL = ("weights", "micro_batch", "checkpoint_every", "keep_checkpoints", "log_every")


@dataclass(kw_only=True)
class Lab:
    """What a part of an experiment works with.

    Attributes:
        experiment: its name.
        domain: "mnist", "cifar10" or "imagenet".
        scale: "full", or "small": the same with fewer generations and shorter training.
        seeds: independent repetitions wanted.
        out: folder that all experiments share: `networks/`, `runs/`.
        supplies: where data and weights are.
        reporter: is told how runs go.
        evaluations: images that evolution has shown to classifiers, for this part.
        seconds: wall time of evolution, training and steps, also of earlier processes.
    """

    experiment: str
    domain: str
    scale: str
    seeds: int
    out: Path
    supplies: Supplies
    reporter: Reporter = field(default_factory=Quiet)
    evaluations: int = 0
    seconds: float = 0.0
    _seen: set[str] = field(default_factory=set)

    @property
    def folder(self) -> Path:
        """Where this part leaves its report, images and steps."""
        return self.out / self.experiment / self.domain

    def say(self, text: str) -> None:
        """Tells the user what is being done."""
        self.reporter.message(f"{self.experiment}, {self.domain}: {text}")

    def choose(self, *, full: Value, small: Value) -> Value:
        """Returns what belongs to the scale."""
        return small if self.scale == "small" else full

    # networks

    def network(self, name: str) -> Classifier:
        """Returns a network by name: shipped, from the folder of weights, or trained once."""
        return load_classifier(name, weights=self._weights(name))

    def train(self, name: str, make: Callable[[Path], object]) -> Path:
        """Makes a weights file once.

        Args:
            name: of the network.
            make: trains it and writes it to the path it is given.

        Returns:
            `out/networks/<name>.safetensors`.
        """
        path = self.out / "networks" / f"{name}.safetensors"
        times = path.with_suffix(".seconds")
        is_whole = path.exists() and path.with_suffix(".json").exists()  # the card comes last
        if not is_whole:
            self.say(f"training {name}")
            path.parent.mkdir(parents=True, exist_ok=True)
            start = time.perf_counter()
            make(path)
            write_json(times, round(time.perf_counter() - start, 3))
        if name not in self._seen:
            self._seen.add(name)
            self.seconds += read_json(times) if times.exists() else 0.0
        return path

    def _weights(self, name: str) -> Path | None:
        """Returns what `load_classifier` wants as `weights` for "a" or "a+b"."""
        names = name.split("+")
        if self.domain == "imagenet":
            return self.supplies.network_folder()
        for one in names:
            if one in RECIPES:
                self.train(one, lambda path, one=one: self._make(one, path))
        return None if set(names) <= set(shipped_names()) else self.out / "networks"

    def _make(self, name: str, path: Path) -> None:
        recipe = dict(RECIPES[name])
        if self.scale == "small":
            config = recipe.get("config", recipes.recipe_of(recipe["network"]).config)
            recipe |= {"config": dataclasses.replace(config, epochs=1), "examples": FEW_EXAMPLES}
        recipes.train_classifier(out=path, data=self.supplies.data, **recipe)

    # runs

    def evolve(self, network: str | Path, *, seed: int = 0, **settings: Setting) -> Run:
        """Evolves, or opens the run if it was evolved before, by whichever experiment.

        Args:
            network: name, several joined by "+", or the weights file of one made by `train`.
            seed: of the run.
            **settings: further fields of `EvolveConfig`.

        Returns:
            The finished run, at `out/runs/` under a name that tells what it is.

        Raises:
            KeyboardInterrupt: the user stopped it; doing the experiment again goes on.
            UserError: there is a run of that name with other settings or other weights.
        """
        name, weights = (
            (network.stem, network)
            if isinstance(network, Path)
            else (network, self._weights(network))
        )
        config = make_config(
            classifier=name, weights=str(weights) if weights else None, seed=seed, **settings
        )
        return self._finished(
            config, lambda folder: evolve(config=config, out=folder, reporter=self.reporter)
        )

    def polish(self, run: Run, *, steps: int) -> Run:
        """Lets the elites of a run climb, or opens the polished run, as `evolve` does.

        Args:
            run: of this lab, which stays as it is.
            steps: gradient steps of each elite.

        Returns:
            The polished run: what `evolve` returns for the same settings and `polish`.

        Raises:
            KeyboardInterrupt: as in `evolve`.
            UserError: as in `evolve`, or the classifier has no gradients.
        """
        assert run.summary is not None
        return self._finished(
            dataclasses.replace(run.config, polish=PolishConfig(steps=steps)),
            lambda folder: polish(run, steps=steps, out=folder, reporter=self.reporter),
            counted=run.summary["evaluations"],
        )

    def _finished(
        self, config: EvolveConfig, make: Callable[[Path], Run], *, counted: int = 0
    ) -> Run:
        """Makes a run, or opens it; `counted` of its evaluations are those of another run."""
        folder = self.out / "runs" / run_name(config)
        if (folder / "config.json").exists():
            run = Run(folder)
            _check_same(run, config)
            run.check_identity(run.classifier)
            if run.summary is None or run.summary["stopped_by"] in STOPPED_EARLY:
                self.say(f"resuming {folder.name}")
                run = resume(run, reporter=self.reporter)
        else:
            self.say(f"{'polishing' if config.polish.steps else 'evolving'} {folder.name}")
            run = make(folder)
        assert run.summary is not None
        if run.was_interrupted:
            raise KeyboardInterrupt("the same command goes on from here")
        if folder.name not in self._seen:
            self._seen.add(folder.name)
            self.evaluations += run.summary["evaluations"] - counted
            self.seconds += run.summary["wall_seconds"]
        return run

    # steps

    def step(self, name: str, compute: Callable[[], Value], *, key: object = None) -> Value:
        """Computes something once and keeps it as JSON.

        Args:
            name: of the step; its file is `steps/<name>.json`.
            compute: returns plain values. What it evolves and trains is kept by itself.
            key: plain values that the result depends on besides the scale; it is computed anew
                when they change.
        """
        path = self.folder / "steps" / f"{name}.json"
        key = json.loads(json.dumps(key))
        if path.exists():
            kept = read_json(path)
            if kept["key"] == key:
                self.seconds += kept["seconds"]
                self.evaluations += kept["evaluations"]
                self._seen.update(kept["made"])
                return kept["value"]
        self.say(name)
        seconds, evaluations, seen = self.seconds, self.evaluations, set(self._seen)
        start = time.perf_counter()
        value = compute()
        # runs and networks within have added their own time, also that of earlier processes
        self.seconds = max(self.seconds, seconds + time.perf_counter() - start)
        kept = {
            "key": key,
            "value": value,
            "seconds": round(self.seconds - seconds, 3),
            "evaluations": self.evaluations - evaluations,
            "made": sorted(self._seen - seen),
        }
        write_json(path, kept)
        return read_json(path)["value"]  # as it will be the next time

    def arrays(
        self, name: str, compute: Callable[[], Mapping[str, np.ndarray]], *, key: object = None
    ) -> dict[str, np.ndarray]:
        """Computes arrays once and keeps them as `steps/<name>.npz`; otherwise as `step`."""
        path = self.folder / "steps" / f"{name}.npz"

        def make() -> None:
            values = compute()
            described.unlink(missing_ok=True)  # it is about other arrays from here on
            write_arrays(path, values)

        described = path.with_suffix(".json")
        if not path.exists():
            described.unlink(missing_ok=True)
        self.step(name, make, key=key)
        return read_arrays(path, most_bytes=MOST_BYTES)

    def measures(self, measure: "Callable[[Lab], Measures]") -> Measures:
        """Measures once for a number of seeds and keeps the arrays as `steps/measures.npz`.

        Args:
            measure: returns a NamedTuple of arrays, as `flatten` has them; its return type is
                annotated. `functools.partial` of such a function will do.

        Raises:
            UserError: the arrays that were kept are those of a version that measured less.
        """
        function = measure.func if isinstance(measure, partial) else measure
        kind = get_type_hints(function)["return"]
        arrays = self.arrays("measures", lambda: flatten(measure(self)), key=self.seeds)
        try:
            return restore(kind, arrays)
        except KeyError as error:
            raise UserError(
                f"{self.folder / 'steps'} holds measures of an older version; remove it to measure "
                "anew, from the networks and runs that are there"
            ) from error

    # images

    def dataset(self) -> Dataset:
        """Returns MNIST or CIFAR-10, images as levels 0..255."""
        return _dataset(self.supplies, self.domain)

    def photographs(
        self, classifier: Classifier
    ) -> tuple[UInt8[np.ndarray, "batch height width channels"], Int[np.ndarray, " batch"]]:
        """Returns labelled photographs as a network is given them, and their classes.

        At small scale it is every tenth of them.
        """
        rows = self.supplies.labelled(classifier.card)[:: self.choose(full=1, small=10)]
        prepared = read_photographs([row.path for row in rows], classifier.card)
        levels = np.stack([image.levels for image in prepared])
        return levels, np.array([row.index for row in rows])


def run_name(config: EvolveConfig) -> str:
    """Names a run after what it is: network, encoding, size and seed; other settings as a hash."""
    stem = f"{config.classifier}-{config.encoding}-{config.generations}x{config.batch_size}"
    named = ("classifier", "encoding", "generations", "batch_size", "seed", "runs", "combine")
    plain = EvolveConfig().to_dict()
    rest = {
        name: value
        for name, value in config.to_dict().items()
        if value != plain[name] and name not in (*named, *_OPERATIONAL)
    }
    parts = [stem, f"seed{config.seed}"]
    if config.runs > 1:
        parts.append(f"runs{config.runs}")
    if config.combine != "mean":
        parts.append(config.combine)
    if rest:
        parts.append(hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()[:8])
    return "-".join(parts)


def _check_same(run: Run, config: EvolveConfig) -> None:
    def essence(config: EvolveConfig) -> dict[str, Setting]:
        return dataclasses.asdict(config) | dict.fromkeys(_OPERATIONAL)

    ours, theirs = essence(config), essence(run.config)
    differ = [name for name in ours if ours[name] != theirs[name]]
    if differ:
        raise UserError(
            f"{run.folder} was made with another {' and '.join(differ)}; remove it, or choose "
            "another --out"
        )


@cache
def _dataset(supplies: Supplies, domain: str) -> Dataset:
    return supplies.dataset(domain)


def images_of(
    run: Run, elites: Sequence[Elite]
) -> UInt8[np.ndarray, "batch height width channels"]:
    """Returns the images of elites of a run, as levels 0..255."""
    return np.stack(list(run.images(elites)))
