"""What a run directory holds: settings, elites' arrays, metrics, lineage and summary.

Each file is checked when it is first needed, as far as the newest checkpoint vouches for it.
"""

import warnings
from functools import cached_property
from pathlib import Path
from typing import TypeVar, Unpack

import numpy as np

from evofool.classifiers import Classifier, Fingerprint, resolve_classes
from evofool.evolution import (
    INTERRUPTED,
    Checkpoint,
    Encoding,
    Lineage,
    configure,
    elites_of,
    make_encoding,
    micro_batches,
)
from evofool.runs.identity import Given, check_identity, load_recorded
from evofool.runs.integrity import check_arrays, load_usable, read_lineage, read_metrics
from evofool.runs.summary import (
    Manifest,
    Summary,
    nothing_yet,
    read_manifest,
    read_summary,
    settled,
)
from evofool.runs.tables import Metrics
from evofool.support import (
    DamagedFileError,
    DamagedFileWarning,
    local_copy,
    names_code,
    percent,
)

Opened = TypeVar("Opened", bound="OpenedRun")  # beartype knows no Self in parameters


class OpenedRun:
    """The contents of a run directory; `Run` adds the elites.

    Args:
        folder: as made by `evofool.evolve`; or its URL in an object store, see `local_copy`.
        strict: refuse a damaged run directory; by default an older checkpoint stands in for a
            damaged one, with a `DamagedFileWarning`.
        **given: what is known of the classifier besides what the folder says, see `Given`.

    Raises:
        UserError: the folder is not a run directory, or its `config.json` is not one.
    """

    def __init__(self, folder: str | Path, *, strict: bool = False, **given: Unpack[Given]):
        self.folder = local_copy(folder)
        self.manifest: Manifest = read_manifest(self.folder)
        self.config, self.card, self.outputs = settled(self.manifest, self.folder)
        self._given = given
        self._strict = strict
        self._doubts: list[str] = []

    @classmethod
    def open(
        cls: "type[Opened]",
        run: "str | Path | OpenedRun",
        *,
        strict: bool = False,
        **given: Unpack[Given],
    ) -> "Opened":
        """Opens a run directory; one that is open already is returned as it is.

        It is opened anew where something is given about its classifier, as to `Run`.

        Raises:
            DamagedFileError: `strict`, and the run is damaged.
        """
        if not isinstance(run, cls):
            assert not isinstance(run, OpenedRun)
            run = cls(run, strict=strict, **given)
        elif any(given.values()):
            run = cls(run.folder, strict=strict, **given)
        if strict and run.newest and run._doubts:
            raise DamagedFileError(run._doubts[0])
        return run

    def _doubt(self, damage: str, instead: str) -> None:
        """Refuses what is damaged, or warns of what is used all the same."""
        self._doubts.append(damage)
        if self._strict:
            raise DamagedFileError(damage)
        warnings.warn(f"{damage}; {instead}", DamagedFileWarning, stacklevel=2)

    @cached_property
    def classifier(self) -> Classifier:
        """The classifier the run fools; loaded on first use."""
        classifier = self._given.get("classifier")
        if not isinstance(classifier, Classifier):
            return load_recorded(self.config, self._given, source=self.folder / "config.json")
        seen, kept = classifier.card, self.card
        is_alike = (seen.input_shape, seen.labels) == (kept.input_shape, kept.labels)
        # one that sees this run's images already has one member; an ensemble has several
        if is_alike and len(classifier.members) == 1:
            return classifier
        return configure(classifier, self.config)

    @property
    def would_run_code(self) -> bool:
        """Whether to load the classifier is to run code that only the run directory names."""
        is_trusted = self._given.get("classifier") or self._given.get("trust_code")
        return not is_trusted and names_code(self.config.classifier)

    def check_identity(self, classifier: Classifier) -> float:
        """Makes sure that `classifier` is the one the run was evolved for.

        Returns:
            How far two answers of it to the same image are apart; 0 if it is deterministic.

        Raises:
            UserError: its weights, classes or answers are others.
        """
        known = self.manifest.get("fingerprint")
        answers = None if known is None else Fingerprint.from_dict(known)
        return check_identity(self.folder, classifier, recorded=self.card, answers=answers)

    check_weights = check_identity  # its name until 0.1

    @property
    def resolution(self) -> float:
        """The step of which all confidences of the classifier are multiples; 0 if there is none."""
        known = self.manifest.get("fingerprint")
        return Fingerprint.from_dict(known).step if known else 0.0

    def percent(self, confidence: float) -> str:
        """Writes a confidence in [0, 1] with as many digits as the run's classifier has."""
        return percent(confidence, step=self.resolution)

    @cached_property
    def summary(self) -> Summary | None:
        """What `summary.json` says, or None while the run is not finished."""
        return read_summary(self.folder)

    @property
    def finished(self) -> Summary:
        """The summary of a run that has one.

        Raises:
            UserError: the run is not finished.
        """
        if self.summary is None:
            raise nothing_yet(self.folder, "is not finished")
        return self.summary

    @property
    def was_interrupted(self) -> bool:
        """Whether it was stopped by Ctrl-C or a signal, and can be gone on with."""
        return self.summary is not None and self.summary["stopped_by"] == INTERRUPTED

    @property
    def metrics(self) -> Metrics:
        """The lines of `metrics.jsonl`."""
        return Metrics(read_metrics(self.folder, self.newest))

    @cached_property
    def lineage(self) -> Lineage:
        """Who descends from whom."""
        return read_lineage(self.folder, self._newest, self.config, len(self.outputs))

    @cached_property
    def newest(self) -> Checkpoint | None:
        """The newest whole checkpoint, or None before the first."""
        newest = load_usable(self.folder, self.manifest, self._doubt)
        if newest is not None:
            check_arrays(newest, self.config, self.card, self.folder)
        return newest

    @property
    def _newest(self) -> Checkpoint:
        if self.newest is None:
            raise nothing_yet(self.folder, "has no checkpoint yet")
        return self.newest

    @cached_property
    def table(self) -> dict[str, np.ndarray]:
        """The arrays of the newest whole checkpoint; of a population, its best member."""
        return elites_of(self._newest.table, classes=len(self.outputs))

    @property
    def generation(self) -> int:
        """The last generation that the newest checkpoint holds."""
        return self._newest.generation

    @property
    def last_generation(self) -> int:
        """The generation at which the run ends by count, polishing included."""
        polish = self.config.polish
        cells = resolve_classes(self.card, polish.classes) if polish.classes else self.outputs
        return self.config.last_generation + sum(polish.generations_of(len(cells)))

    @property
    def micro_batch(self) -> int:
        """The micro-batch used last; smaller than the configured one if memory was short."""
        used = [size for _, size in micro_batches(self._newest, self.manifest)[-1:]]
        sizes = (self.config.micro_batch, self.config.batch_size, *used)
        return min(size for size in sizes if size)

    @cached_property
    def encoding(self) -> Encoding:
        """How genomes of this run are drawn."""
        return make_encoding(self.config, self.card.input_shape)
