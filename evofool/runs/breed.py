"""The verb that breeds: children of elites that a person has chosen."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from evofool.classifiers import Classifier
from evofool.evolution import Reporter, breeding, make_plan
from evofool.runs.breeding_record import (
    BreedingRecord,
    everybody,
    is_session,
    kin_of,
    read_session,
)
from evofool.runs.breeding_session import (
    MOST_CHILDREN,
    Brood,
    add_generation,
    begin,
    check_finished,
    children_of,
    plan_session,
)
from evofool.runs.choosing import find_favourite
from evofool.runs.favourites import Favourite, read_favourites
from evofool.runs.folders import named, new_run_folder
from evofool.runs.launch import carry_out, set_last
from evofool.runs.progress import reporting
from evofool.runs.run import Run
from evofool.support import UserError, locked


def breed(
    run: str | Path | Run,
    *,
    favourites: str | Path | None = None,
    classes: Sequence[str] = (),
    numbers: Sequence[int] = (),
    children: int = 24,
    out: str | Path | None = None,
    overwrite: bool = False,
    classifier: str | Classifier | None = None,
    weights: str | Path | None = None,
    trust_code: bool = False,
    reporter: Reporter | None = None,
) -> Brood:
    """Breeds children of chosen elites, and leaves a session that can be gone on with.

    A child has one of the chosen for its parent, or two that are crossed, and is mutated as in
    evolution. A session is a run directory: it holds the chosen and, of what was bred, the best
    image of every class that some child looks like to the classifier. Of a run, a new session is
    begun. In a session, one more generation is bred; there, parents may be any children of it.

    Args:
        run: a run directory, or a session.
        favourites: file of favourites, as the browser saves them.
        classes: elites by index, label or WordNet id of their class.
        numbers: of a session, children of the newest generation, counted from 1.
        children: how many, 1 to 100.
        out: folder of a new session; `runs/<run>-bred`, with a number where that exists, unless
            given.
        overwrite: replace a run directory that `out` names.
        classifier: the run's, where it cannot be loaded by the name that the run directory holds.
        weights: its weights, where they are no longer where the run found them.
        trust_code: whether to run the code of a classifier that only the run directory names.
        reporter: is told how it goes, instead of the person at the terminal or notebook.

    Returns:
        The session, with the children.

    Raises:
        UserError: nobody is chosen, somebody is not there, `children` is out of range, the
            classifier is another one by now, `out` is there already, or the session is not finished
            or was bred from by another process since it was opened.

    Example:
        >>> import evofool, tempfile
        >>> folder = tempfile.mkdtemp() + "/run"
        >>> run = evofool.evolve("mock:10", generations=5, batch_size=20, out=folder)
        >>> chosen = {"classes": ["class 3", "class 7"], "out": folder + "-bred"}
        >>> brood = evofool.breed(run, children=6, **chosen)
        >>> brood = evofool.breed(brood.run, numbers=[2, 5], children=6)
        >>> brood.run.generation, len(brood.children)
        (7, 6)
    """
    run = Run.open(run, classifier=classifier, weights=weights, trust_code=trust_code)
    if not 1 <= children <= MOST_CHILDREN:
        raise UserError(f"children is {children}; expected 1..{MOST_CHILDREN}")
    goes_on = is_session(run.folder) and out is None
    if numbers and not goes_on:
        raise UserError(
            f"numbers is {' '.join(map(str, numbers))}, but children have numbers only where a "
            "session goes on: give it as RUN, without --out"
        )
    run_index, parents = _chosen(run, favourites, classes, numbers, goes_on=goes_on)
    with reporting(reporter=reporter) as reporter:
        if goes_on:
            run.check_identity(run.classifier)
            with locked(run.folder, report=reporter.message):
                # as it is now that nobody else writes it
                session = Run(run.folder, classifier=run.classifier, strict=True)
                if session.generation != run.generation:
                    raise UserError(
                        f"{run.folder} has been bred from meanwhile: its newest children are of "
                        f"generation {session.generation}, not {run.generation}; choose again"
                    )
                check_finished(session)
                record = read_session(session.folder, session.generation)
                return _breed(session, record, parents, children, reporter)
        plan, name = plan_session(run, run_index), f"{named(run.folder).name}-bred"
        say, source = reporter.message, run.folder
        begun = new_run_folder(out, name=name, overwrite=overwrite, report=say, source=source)
        with begun as folder:
            record = begin(folder, plan, run, run_index, parents)
            session = Run(folder, classifier=run.classifier)
            return _breed(session, record, parents, children, reporter)


def _breed(
    session: Run,
    record: BreedingRecord,
    parents: Sequence[breeding.Kin],
    count: int,
    reporter: Reporter,
) -> Brood:
    """Breeds one more generation, and finishes what can be looked at."""
    generation = add_generation(session, record, parents, count)
    set_last(session, generation)
    config = dataclasses.replace(session.config, generations=generation)
    run = carry_out(session.folder, make_plan(config, session.classifier), reporter)
    return Brood(run, children_of(run))


def _chosen(
    run: Run,
    favourites: str | Path | None,
    classes: Sequence[str],
    numbers: Sequence[int],
    *,
    goes_on: bool,
) -> tuple[int, list[breeding.Kin]]:
    """Returns the independent run that the parents are of, and the parents, each once.

    Raises:
        UserError: nobody is chosen, somebody is not there, or they are of several runs.
    """
    members = {}
    if goes_on:
        record = read_session(run.folder, run.generation)
        members = {kin.born: kin for kin in map(kin_of, everybody(record))}
        newest = [kin_of(child) for child in record["generations"][-1]]
        wrong = [number for number in numbers if not 1 <= number <= len(newest)]
        if wrong:
            raise UserError(
                f"number is {wrong[0]}; expected 1..{len(newest)}, the newest children of "
                f"{run.folder}"
            )
    chosen = [(0, newest[number - 1]) for number in numbers] if goes_on else []
    entries = [] if favourites is None else read_favourites(favourites)
    here = [entry for entry in entries if entry["seed"] - run.config.seed in range(run.config.runs)]
    for entry in here:
        if (kin := _found(run, entry, members)) is not None:
            chosen.append((entry["seed"] - run.config.seed, kin))
    if entries and not chosen:
        raise UserError(
            f"{favourites}: none of its {len(entries)} favourites is an elite of {run.folder}"
        )
    indices = {run_index for run_index, _ in chosen} or {0}
    if len(indices) > 1:
        raise UserError(
            f"the favourites are of the independent runs {', '.join(map(str, sorted(indices)))} of "
            f"{run.folder}; choose those of one"
        )
    run_index = indices.pop()
    elites = [run.elite(name, run_index) for name in classes]
    chosen += [(run_index, breeding.Kin(elite.born, elite.cell)) for elite in elites]
    if not chosen:
        raise UserError("nobody is chosen; give --favourites, --classes or --numbers")
    return run_index, list(dict.fromkeys(kin for _, kin in chosen))


def _found(
    run: Run, entry: Favourite, members: dict[tuple[int, int], breeding.Kin]
) -> breeding.Kin | None:
    """Returns a favourite as a parent; None if it is not of this run, or an elite no more."""
    generation, child = entry["born"]
    if (generation, child) in members:
        return members[generation, child]
    elite = find_favourite(run, entry)
    return None if elite is None else breeding.Kin(elite.born, elite.cell)
