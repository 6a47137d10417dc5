"""A breeding session: a run directory whose generations a person chose the parents of.

Beside what every run directory has, `breeding.json` lists who was bred, and `children.png` shows
the newest children.
"""

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np
from PIL import Image

from archive import Archive
from evofool.classifiers import confidence, fingerprint, first_name, label_of
from evofool.config import PolishConfig
from evofool.evaluation import evaluate_log_odds
from evofool.evolution import (
    Genomes,
    Outcome,
    Plan,
    breeding,
    make_plan,
    polished,
    starters,
)
from evofool.images import (
    Levels,
    Look,
    Section,
    draw_sheet,
    legible,
    percent,
    save_image,
    thumbnail,
    to_levels,
)
from evofool.runs.folders import CONFIG, SUMMARY
from evofool.runs.integrity import archive_of
from evofool.runs.launch import IMAGES
from evofool.runs.run import Run
from evofool.runs.summary import make_manifest, make_summary
from evofool.support import as_record, read_json, remove, write_json

BREEDING, CHILDREN = "breeding.json", "children.png"
MOST_CHILDREN = 100
SHEET_COLUMNS = 8
SCHEMA = 1


class ChildRecord(TypedDict):
    """Somebody in `breeding.json`: a founder, or a child.

    Attributes:
        born: (generation, child index).
        parents: their ids; of a founder, none.
        cell: place of its strongest class among those of the run.
        class_index: that class.
        label: of that class.
        confidence: of the classifier in that class, in [0, 1].
    """

    born: list[int]
    parents: list[list[int]]
    cell: int
    class_index: int
    label: str
    confidence: float


class BreedingRecord(TypedDict):
    """The content of `breeding.json`.

    Attributes:
        schema: of this file.
        source: the run directory that the founders are from.
        founders: the elites that the session began with.
        generations: the children of each generation, the oldest first.
    """

    schema: int
    source: str
    founders: list[ChildRecord]
    generations: list[list[ChildRecord]]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Child:
    """A child that was bred.

    Attributes:
        born: id, (generation, child index).
        parents: ids of its parents: one, or two that were crossed.
        cell: place of its strongest class among those of the run.
        class_index: that class.
        label: of that class.
        confidence: of the classifier in that class, in [0, 1].
        genome: host arrays of one genome.
        image: the 8-bit image that was scored.
    """

    born: breeding.Born
    parents: tuple[breeding.Born, ...]
    cell: int
    class_index: int
    label: str
    confidence: float
    genome: Genomes
    image: Levels


class Brood:
    """A breeding session, after one of its generations.

    Attributes:
        run: the run directory, opened.
        children: of the newest generation; none before the first.
    """

    def __init__(self, run: Run, children: Sequence[Child] = ()):
        self.run, self.children = run, tuple(children)


def is_session(folder: Path) -> bool:
    """Says whether a run directory is a breeding session."""
    return (folder / BREEDING).exists()


def read_session(folder: Path) -> BreedingRecord:
    """Reads who was bred in a session.

    Raises:
        UserError: the file cannot be read, or is damaged.
    """
    path = folder / BREEDING
    return as_record(BreedingRecord, read_json(path), path)


def everybody(record: BreedingRecord) -> list[ChildRecord]:
    """Lists founders and children, the oldest first."""
    return [*record["founders"], *(child for some in record["generations"] for child in some)]


def kin_of(member: ChildRecord) -> breeding.Kin:
    """Returns somebody in a session as a parent."""
    generation, child = member["born"]
    return breeding.Kin((generation, child), member["cell"])


def plan_session(run: Run, run_index: int) -> Plan:
    """Returns the plan of a session whose founders are of one of a run's independent runs.

    Raises:
        UserError: the classifier cannot be loaded, or is another one by now.
    """
    config, polish = run.config, run.config.polish
    sizes = (config.batch_size, MOST_CHILDREN, polish.batch_size if polish.steps else 0)
    config = dataclasses.replace(
        config,
        runs=1,
        seed=config.seed + run_index,
        algorithm="map-elites",
        generations=run.generation,
        batch_size=max(sizes),  # no child of the lineage has a higher number
        target_confidence=None,
        max_seconds=None,
        max_evaluations=None,
        log_every=1,
        polish=PolishConfig(),
    )
    run.check_identity(run.classifier)
    return make_plan(config, run.classifier)


def begin(
    folder: Path, plan: Plan, run: Run, run_index: int, founders: Sequence[breeding.Kin]
) -> None:
    """Writes a session of which nobody was bred yet.

    Args:
        folder: the new run directory, empty and locked.
        plan: of the session.
        run: where the founders are from.
        run_index: which of its independent runs.
        founders: elites of it.
    """
    config, newest = plan.config, run.generation
    write_json(folder / CONFIG, make_manifest(plan, fingerprint(run.classifier)))
    records = _ancestry(run, run_index, founders)
    records["run"] = 0
    session = breeding.BredRun(folder, config, newest)
    starters.copy(run.folder, folder)
    polished.copy_of_run(run.folder / "lineage", run_index, folder / "lineage")
    elites = breeding.founded(
        archive_of(run.table, run.encoding), run_index, [kin.cell for kin in founders]
    )
    session.begin(records, elites, newest, used=plan.micro_batch)
    members: list[ChildRecord] = [_founder(run, run_index, kin) for kin in founders]
    record: BreedingRecord = {
        "schema": SCHEMA,
        "source": str(run.folder.resolve()),
        "founders": members,
        "generations": [],
    }
    write_json(folder / BREEDING, record)


def add_generation(run: Run, parents: Sequence[breeding.Kin], count: int) -> Brood:
    """Breeds one more generation in a session.

    Args:
        run: the session, which this process has locked.
        parents: founders or children of the session, at least one.
        count: of children, 1 to `MOST_CHILDREN`.
    """
    start, folder, generation = time.perf_counter(), run.folder, run.generation + 1
    session = breeding.BredRun(folder, run.config, run.generation)
    record = read_session(folder)
    line = run.line(0, [kin.born for kin in parents])
    genomes, chosen = breeding.make_children(
        line, run.config.seed, generation, list(parents), count
    )
    images = np.concatenate(list(run.draw(genomes)))
    log_odds = evaluate_log_odds(run.classifier, images, run.micro_batch)
    scores = breeding.Scores.of(log_odds, run.outputs)
    elites, winner = breeding.offer(
        archive_of(run.table, run.encoding), genomes, generation, scores
    )

    remove(folder / SUMMARY)  # it stands for a finished run
    config = run.manifest["config"] | {"generations": generation}
    write_json(folder / CONFIG, {**run.manifest, "config": config})
    seconds = time.perf_counter() - start
    session.add(elites, winner, generation, chosen, used=run.micro_batch, seconds=seconds)

    children = [
        Child(
            born=(generation, number),
            parents=tuple(kin.born for kin in kins),
            genome=genome,
            image=image,
            **_opinion(run, cell, float(scores.cells[number, cell])),
        )
        for number, (genome, image, kins, cell) in enumerate(
            zip(genomes, to_levels(images), chosen, scores.strongest(), strict=True)
        )
    ]
    record["generations"].append([_record(child) for child in children])
    write_json(folder / BREEDING, record)
    save_image(sheet_of(children), folder / CHILDREN)
    return Brood(_finish(Run(folder, classifier=run.classifier), elites, record), children)


def _finish(run: Run, elites: Archive, record: BreedingRecord) -> Run:
    """Writes the images and the summary, the last file of a finished run."""
    for name, draw in IMAGES.items():
        draw(run, run.folder / name)
    state = breeding.state_of(elites, run.generation, run.config.seed)
    line = run.metrics[-1]
    outcome = Outcome(
        state=state,
        reason="generations",
        micro_batches=[(0, run.micro_batch)],
        evaluations=len(record["generations"][-1]),
        evolve_seconds=0.0,
        compile_seconds=0.0,
        seconds=line["seconds"],
    )
    plan = make_plan(run.config, run.classifier)
    summary = make_summary(plan, outcome, evaluations=line["evaluations"])
    write_json(run.folder / SUMMARY, summary)
    return run


def sheet_of(children: Sequence[Child]) -> Image.Image:
    """Draws children with their numbers and the classifier's opinion of each."""
    captions = [
        [
            f"{child.born[1] + 1}: {legible(first_name(child.label), child.class_index)}",
            percent(child.confidence),
        ]
        for child in children
    ]
    heading = f"Generation {children[0].born[0]}: numbers, strongest classes, confidences."
    images = [thumbnail(child.image) for child in children]
    return draw_sheet([Section(heading, images, captions)], look=Look(columns=SHEET_COLUMNS))


def _ancestry(run: Run, run_index: int, members: Sequence[breeding.Kin]) -> np.ndarray:
    """Returns the records of members and all their ancestors, the oldest first."""
    return run.lineage.ancestry(run_index, *(kin.born for kin in members))


class _Opinion(TypedDict):
    """What a classifier thinks of an image; see `ChildRecord`."""

    cell: int
    class_index: int
    label: str
    confidence: float


def _opinion(run: Run, cell: int, log_odds: float) -> _Opinion:
    output = run.outputs[cell]
    return {
        "cell": cell,
        "class_index": output - run.card.class_offset,
        "label": label_of(run.card, output),
        "confidence": float(np.nan_to_num(confidence(log_odds))),
    }


def _founder(run: Run, run_index: int, kin: breeding.Kin) -> ChildRecord:
    log_odds = float(run.table["archive.fitness"][run_index, kin.cell])
    return {"born": list(kin.born), "parents": [], **_opinion(run, kin.cell, log_odds)}


def _record(child: Child) -> ChildRecord:
    return {
        "born": list(child.born),
        "parents": [list(parent) for parent in child.parents],
        "cell": child.cell,
        "class_index": child.class_index,
        "label": child.label,
        "confidence": child.confidence,
    }
