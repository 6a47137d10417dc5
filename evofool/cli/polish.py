"""The command that polishes: gradient steps on every elite of a run."""

from pathlib import Path
from typing import Literal

from evofool.cli.evolve import Job, report_end, within_job
from evofool.cli.flags import Json, RunFolder, refuse_unused
from evofool.cli.numbers import MaybeCount, MaybeDevices, Rounds, Share, Steps, Width
from evofool.cli.startup import JobFlags, start_jax


def polish(
    run: RunFolder,
    *,
    steps: Steps = 100,
    rounds: Rounds = 1,
    weakest: Share = 1.0,
    widen: Width = 16,
    gain: float = 1.25,
    classes: tuple[str, ...] = (),
    expect: str | None = None,
    expect_by: Literal["mean", "least"] = "mean",
    expect_copies: MaybeCount = None,
    out: Path | None = None,
    overwrite: bool = False,
    classifier: str | None = None,
    weights: Path | None = None,
    trust_code: bool = False,
    devices: MaybeDevices = None,
    job: Job = JobFlags(),  # noqa: B008  (tyro reads its defaults)
    no_cache: bool = False,
    quiet: bool = False,
    as_json: Json = False,
) -> int:
    """Makes the elites of a run surer, by gradient steps on genomes.

    Every elite climbs towards more confidence in its class, by the gradient of the classifier: a
    network with its weights, after it got some new nodes; a directly encoded image with its
    pixels. Its best image is offered to all classes. Writes a new run directory, which every
    command reads; the run itself stays as it is. Ctrl-C writes a checkpoint and stops; evofool
    resume continues.

      evofool polish runs/cppn-0
      evofool polish runs/imagenet --steps 70 --rounds 3 --weakest 0.25
      evofool polish runs/imagenet --expect shift,crop,jpeg
      evofool polish runs/imagenet --classes tench n01443537 --out runs/two-fish

    Args:
        run: run directory.
        steps: gradient steps of each elite in a round.
        rounds: how often elites climb, each time from what the round before has left.
        weakest: part of a round's elites that climbs again in the next, the weakest; 1 for all.
        widen: new hidden nodes that networks get in a round; at first they change nothing.
        gain: what a step is to raise the log-odds by, if they were linear; it falls to 0.
        classes: classes whose elites climb, by index, label or WordNet id; by default all.
        expect: wear that the images are to survive: some of shift,crop,resize,jpeg,blur,noise,
            brightness,print. Elites are scored again by it; by default as the run.
        expect_by: whether the mean or the least log-probability of worn copies counts.
        expect_copies: worn copies of an image in every step; by default one of each kind.
        out: run directory to write; by default RUN-polished.
        overwrite: replace the run directory --out if it exists.
        classifier: name of the run's classifier, where it is found under another by now. Another
            classifier is refused.
        weights: its weights, where they are elsewhere by now.
        trust_code: run the code of the classifier that the run directory names, FILE.py:factory or
            module:factory. A name after --classifier is trusted without.
        devices: number of JAX devices to split the processor into; by default one per core.
        job: the processes that work together.
        no_cache: do not cache compiled programs on disk. The environment variable
            EVOFOOL_CACHE names the folder of the cache.
        quiet: print neither progress nor the table of elites.
        as_json: print the summary as JSON.
    """
    if expect is None:
        by = expect_by if expect_by != "mean" else None
        refuse_unused("without --expect", expect_by=by, expect_copies=expect_copies)
    start_jax(devices=devices, evolves=True, cache=not no_cache, job=job)
    from evofool.runs import polish

    with within_job():
        polished = polish(
            run,
            steps=steps,
            rounds=rounds,
            weakest=weakest,
            widen=widen,
            gain=gain,
            classes=classes,
            expect=expect,
            expect_by=expect_by,
            expect_copies=expect_copies,
            out=out,
            overwrite=overwrite,
            classifier=classifier,
            weights=weights,
            trust_code=trust_code,
            quiet=quiet,
        )
    return report_end(polished, quiet, as_json)
