"""A breeding session: a run directory whose generations a person chose the parents of.

Beside what every run directory has, `breeding.json` lists who was bred, and `children.png` shows
the newest children. A bred generation is there from the moment of its checkpoint on: what is
written before is cut off if the checkpoint is missing, and what follows can be made again from it.
"""

import dataclasses
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TypedDict

import numpy as np

from evofool.classifiers import confidence, fingerprint, first_name, label_of
from evofool.config import PolishConfig
from evofool.evolution import (
    Genomes,
    Plan,
    breeding,
    damaged_history,
    expectation_of,
    load_newest,
    make_plan,
    makes_again,
    polished,
    resume_command,
    score_again,
    starters,
)
from evofool.images import (
    Levels,
    Look,
    Section,
    draw_sheet,
    legible,
    save_image,
    thumbnail,
    to_levels,
)
from evofool.runs.breeding_record import (
    CHILDREN,
    SCHEMA,
    BreedingRecord,
    ChildRecord,
    is_ahead,
    kin_of,
    read_session,
    write_session,
)
from evofool.runs.folders import CONFIG, SUMMARY
from evofool.runs.integrity import archive_of
from evofool.runs.run import Run
from evofool.runs.summary import make_manifest
from evofool.support import DamagedFileError, UserError, remove, write_json

MOST_CHILDREN = 100
SHEET_COLUMNS = 8


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
) -> BreedingRecord:
    """Writes a session of which nobody was bred yet; returns its record.

    Args:
        folder: the new run directory, empty and locked.
        plan: of the session.
        run: where the founders are from.
        run_index: which of its independent runs.
        founders: elites of it.
    """
    config, newest = plan.config, run.generation
    members: list[ChildRecord] = [_founder(run, run_index, kin) for kin in founders]
    record: BreedingRecord = {
        "schema": SCHEMA,
        "source": str(run.folder.resolve()),
        "founders": members,
        "generations": [],
    }
    write_session(folder, record)  # first: it says that all else is copied, see `is_only_begun`
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
    return record


def add_generation(
    run: Run, record: BreedingRecord, parents: Sequence[breeding.Kin], count: int
) -> int:
    """Breeds one more generation in a session, up to its checkpoint.

    What a reader looks at afterwards, images and summary, is left to `launch.carry_out`.

    Args:
        run: the session, which this process has locked.
        record: of who was bred in it.
        parents: founders or children of the session, at least one.
        count: of children, 1 to `MOST_CHILDREN`.

    Returns:
        The generation.
    """
    start, folder, generation = time.perf_counter(), run.folder, run.generation + 1
    session = breeding.BredRun(folder, run.config, run.generation)
    line = run.line(0, [kin.born for kin in parents])
    genomes, chosen = breeding.make_children(
        line, run.config.seed, generation, list(parents), count
    )
    images = np.concatenate(list(run.draw(genomes)))
    log_odds = score_again(
        run.classifier,
        expectation_of(run.config),
        images,
        seeds=np.full(count, run.config.seed),
        born=np.array([(generation, number) for number in range(count)]),
        micro_batch=run.micro_batch,
    )
    scores = breeding.Scores.of(log_odds, run.outputs)
    elites, winner = breeding.offer(
        archive_of(run.table, run.encoding), genomes, generation, scores
    )
    children: list[ChildRecord] = [
        {
            "born": (generation, number),
            "parents": [kin.born for kin in kins],
            **_opinion(run, cell, float(scores.cells[number, cell])),
        }
        for number, (kins, cell) in enumerate(zip(chosen, scores.strongest(), strict=True))
    ]
    record = {**record, "generations": [*record["generations"], children]}
    write_session(folder, record)  # before the summary goes, see `check_finished`
    remove(folder / SUMMARY)  # it stands for a finished run
    seconds = time.perf_counter() - start
    session.add(elites, winner, generation, chosen, used=run.micro_batch, seconds=seconds)
    return generation


def check_finished(run: Run) -> None:
    """Makes sure that a session is whole, and its newest children were shown.

    Raises:
        UserError: files are damaged, or the process that bred them was stopped after their
            checkpoint.
    """
    generation = run.generation
    if run.newest and (damage := damaged_history(run.folder, run.newest.manifest)):
        raise DamagedFileError(f"{damage[0]}; {makes_again(run.folder)}")
    if run.summary is None and not is_ahead(run.folder, generation):
        raise UserError(
            f"{run.folder} is not finished: {CHILDREN} does not show its newest children, of "
            f"generation {generation}; go on with '{resume_command(run.folder)}', then choose"
        )


def settle(folder: Path) -> int:
    """Makes a session end with its newest whole generation; returns that.

    Raises:
        UserError: there is none, or who was bred cannot be read.
    """
    try:
        newest = load_newest(
            folder / "checkpoints",
            lambda damage: None,  # said as it is restored
            find_damage=partial(damaged_history, folder),
        )
    except DamagedFileError as error:
        reason = str(error).partition(";")[0]
        raise DamagedFileError(
            f"{reason}, and nothing but the choice of a person could make a session again; put "
            "back a copy"
        ) from error
    record = read_session(folder, -1 if newest is None else newest.generation)
    assert newest is not None  # else nobody was bred
    write_session(folder, record)
    return newest.generation


def children_of(run: Run) -> list[Child]:
    """Makes the children of a session's newest generation again, and their images."""
    children = read_session(run.folder, run.generation)["generations"][-1]
    born = [kin_of(child).born for child in children]
    remade = run.remake(0, born)
    genomes = [remade[one] for one in born]
    images = (image for part in run.draw(genomes) for image in to_levels(part))
    return [
        Child(
            born=one,
            parents=tuple((generation, number) for generation, number in child["parents"]),
            cell=child["cell"],
            class_index=child["class_index"],
            label=child["label"],
            confidence=child["confidence"],
            genome=genome,
            image=image,
        )
        for one, child, genome, image in zip(born, children, genomes, images, strict=True)
    ]


def write_children(run: Run, path: Path) -> None:
    """Draws a session's newest generation, with numbers and the classifier's opinion of each."""
    children = children_of(run)
    captions = [
        [
            f"{child.born[1] + 1}: {legible(first_name(child.label), child.class_index)}",
            run.percent(child.confidence),
        ]
        for child in children
    ]
    heading = f"Generation {children[0].born[0]}: numbers, strongest classes, confidences."
    images = [thumbnail(child.image) for child in children]
    sheet = draw_sheet([Section(heading, images, captions)], look=Look(columns=SHEET_COLUMNS))
    save_image(sheet, path)


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
    return {"born": kin.born, "parents": [], **_opinion(run, kin.cell, log_odds)}
