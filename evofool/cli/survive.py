"""The command that wears the images of a run: survive."""

from pathlib import Path

from evofool.cli.flags import Json, RunFolder
from evofool.cli.lines import say
from evofool.cli.numbers import Seed
from evofool.cli.startup import start_jax


def survive(
    run: RunFolder,
    *,
    wear: str = "",
    classes: tuple[str, ...] = (),
    seed: Seed = 0,
    out: Path | None = None,
    classifier: str | None = None,
    weights: Path | None = None,
    trust_code: bool = False,
    as_json: Json = False,
) -> None:
    """Measures how much confidence elites keep as images wear.

    The images are shifted, cropped, resized, stored as JPEG, blurred, made noisy, made brighter or
    darker, and printed and photographed (a model of it), each from a little to a lot, and shown to
    the classifier again. Prints a table of medians with 95 % intervals; writes it to survival.csv
    and the curves to survival.png. Amounts that evolve --expect never draws are marked:
    no image was evolved under them.

      evofool survive runs/cppn-0
      evofool survive runs/imagenet --wear shift,jpeg --out measured
      evofool survive runs/imagenet --classes tench n01443537 --json

    Args:
        run: run directory.
        wear: some of shift,crop,resize,jpeg,blur,noise,brightness,print; by default all.
        classes: classes whose elites are shown, by index, label or WordNet id; by default all.
        seed: of directions, places and noise.
        out: folder for the two files; by default the run directory.
        classifier: name of the run's classifier, where it is found under another by now. Another
            classifier is refused.
        weights: its weights, where they are elsewhere by now.
        trust_code: run the code of the classifier that the run directory names, FILE.py:factory or
            module:factory. A name after --classifier is trusted without.
        as_json: print JSON.
    """
    start_jax()
    from functools import partial

    from evofool.cli.console import make_table, output, print_json
    from evofool.images import WEAR
    from evofool.measures import survive
    from evofool.support import percent

    result = survive(
        run,
        wear=wear.split(",") if wear else (),
        classes=classes,
        seed=seed,
        out=out,
        classifier=classifier,
        weights=weights,
        trust_code=trust_code,
    )
    if as_json:
        print_json({"run": run, **result.to_dict()})
        return
    write = partial(percent, step=result.resolution)
    rows = [
        [
            point.wear,
            f"{point.amount:g} % {WEAR[point.wear].unit}" if point.wear in WEAR else "",
            write(point.median_confidence),
            f"{write(point.low)} to {write(point.high)}",
            f"{100 * point.same_label:.1f} %",
            "*" if point.is_held_out else "",
        ]
        for point in result.points
    ]
    columns = ["wear", "amount", "median confidence", "95 % interval", "same label", ""]
    caption = "* stronger than what evolve --expect draws"
    output().print(make_table(columns, rows, caption=caption))
    say(f"{result.elites} elites; table in {result.table}, curves in {result.plot}")
