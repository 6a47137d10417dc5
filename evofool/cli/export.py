"""The commands for handing elites on: export, verify."""

from pathlib import Path
from typing import Annotated, Literal

import tyro

from evofool.cli.exit_codes import FAILED, OK
from evofool.cli.flags import Json, RunFolder
from evofool.cli.lines import say
from evofool.cli.numbers import MaybeShare, Share
from evofool.cli.startup import start_jax

Formats = Annotated[tuple[Literal["png", "json", "glsl", "svg"], ...], tyro.conf.arg(name="format")]


def export(
    run: RunFolder,
    *,
    out: Path,
    layout: Literal["imagefolder", "pytorch-ood", "openood", "huggingface"] = "imagefolder",
    least: Share = 0.0,
    classes: tuple[str, ...] = (),
    favourites: Path | None = None,
    formats: Formats = ("png", "json"),
    strict: bool = True,
) -> None:
    """Writes each elite as a PNG and a genome, and a table of all.

    The genomes are JSON files beside the PNGs, the table is elites.csv. OUT/images has a folder for
    each class, the layout that torchvision's ImageFolder reads, named
    by WordNet id where the class has one. File names hold class, confidence and seed.

      evofool export runs/cppn-0 --out exported
      evofool export runs/cppn-0 --out shaders --format glsl svg --classes 3 7
      evofool export runs/cppn-0 --out data --layout huggingface --least 0.99

    Args:
        run: run directory.
        out: folder to write; empty or new.
        layout: imagefolder as above; pytorch-ood has the folders of FoolingImages; openood has a
            list of images, fooling.txt; huggingface is read by datasets' imagefolder, with
            metadata.jsonl and a data card.
        least: confidence that an elite must have.
        classes: indices, labels or WordNet ids of the classes to export; all unless given.
        favourites: file of favourites, as the browser exports them: only these elites.
        formats: files of each elite: png, its image; json, its genome; glsl, a shader that draws it
            in Shadertoy; svg, the graph of its network. The last two are of CPPNs.
        strict: if the newest checkpoint is damaged, export an older one's elites, with a warning;
            by default nothing is exported then, and the exit code is 1.
    """
    start_jax()
    from evofool.runs import publish

    paths = publish(
        run,
        out,
        layout=layout,
        least=least,
        classes=classes,
        favourites=favourites,
        formats=formats,
        strict=strict,
    )
    if layout == "imagefolder":
        say(f"{len(paths)} elites in {out / 'images'}, table in {out / 'elites.csv'}")
    else:
        say(f"{len(paths)} images for {layout} in {out}")


def verify(
    run: RunFolder,
    *,
    tolerance: MaybeShare = None,
    classifier: str | None = None,
    weights: Path | None = None,
    trust_code: bool = False,
    strict: bool = True,
    as_json: Json = False,
) -> int:
    """Draws and scores each elite again and compares confidences.

    Two images of each elite are scored: the one drawn from its genome and the one read back from a
    PNG of it. Before that, all files of the run directory are compared with the checksums that the
    run has left. The exit code is 1 if a file is damaged, or if a confidence differs by more than
    the tolerance.

      evofool verify runs/cppn-0
      evofool verify runs/cppn-0 --tolerance 1e-6 --json

    Args:
        run: run directory.
        tolerance: largest difference in confidence; by default 1e-5 on the kind of machine that
            made the run, otherwise 1e-2.
        classifier: name of the run's classifier, where it is found under another by now. Another
            classifier is refused.
        weights: its weights, where they are elsewhere by now.
        trust_code: run the code of the classifier that the run directory names, FILE.py:factory or
            module:factory. A name after --classifier is trusted without.
        strict: if files are damaged, warn and score the elites of the newest checkpoint that is
            whole; by default none are scored then.
        as_json: print JSON.
    """
    start_jax()
    from evofool.cli.console import print_json
    from evofool.runs import not_deterministic, verify

    result = verify(
        run,
        tolerance=tolerance,
        classifier=classifier,
        weights=weights,
        trust_code=trust_code,
        strict=strict,
    )
    if as_json:
        print_json(result.to_dict())
    else:
        if result.spread:
            say(not_deterministic(result.spread))
        machine = "the same kind of" if result.is_same_platform else "another kind of"
        for unchecked in result.unchecked:
            say(f"not checked: {unchecked}")
        other = ""
        if result.other_face is not None:
            other = f"                          by the other runtime:  {result.other_face:.3g}\n"
        say(
            f"{result.elites} elites, on {machine} machine\n"
            f"largest difference in confidence, drawn from the genome: {result.from_genome:.3g}\n"
            f"                                  read from the PNG:     {result.from_png:.3g}\n"
            f"{other}"
            f"tolerance {result.tolerance:g}: "
            + ("verified" if result.passed else f"FAILED, worst for class {result.worst}")
        )
    return OK if result.passed else FAILED
