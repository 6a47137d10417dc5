"""The command that breeds: children of elites that a person has chosen."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from evofool.cli.flags import Json, RunFolder
from evofool.cli.lines import say
from evofool.cli.numbers import Count
from evofool.cli.startup import start_jax

if TYPE_CHECKING:
    from evofool.runs import Brood


def breed(
    run: RunFolder,
    *,
    favourites: Path | None = None,
    classes: tuple[str, ...] = (),
    numbers: tuple[Count, ...] = (),
    children: Count = 24,
    out: Path | None = None,
    overwrite: bool = False,
    classifier: str | None = None,
    weights: Path | None = None,
    trust_code: bool = False,
    as_json: Json = False,
) -> None:
    """Breeds children of the elites that you choose.

    A child has one of the chosen for its parent, or two that are crossed, and is mutated as in
    evolution. Of a run, this begins a session, which is a run directory of its own: it
    holds the chosen and, of their children, the best of each class that one looks like to the
    classifier. Of a session, it breeds the next generation, with any of its children for parents.
    children.png in the session shows the newest ones, with numbers to choose by.

      evofool breed runs/cppn-0 --classes 3 7
      evofool breed runs/cppn-0-bred --numbers 2 5 11
      evofool breed runs/imagenet --favourites favourites.json --children 40 --out mine

    Args:
        run: run directory, or a session.
        favourites: file of favourites, as the browser exports them.
        classes: elites to breed, by index, label or WordNet id of their class.
        numbers: children to breed, of the newest generation of a session.
        children: how many to breed.
        out: folder of a new session; by default runs/RUN-bred, with a number appended where that
            exists.
        overwrite: replace the run directory --out if it exists.
        classifier: name of the run's classifier, where it is found under another by now. Another
            classifier is refused.
        weights: its weights, where they are elsewhere by now.
        trust_code: run the code of the classifier that the run directory names, FILE.py:factory or
            module:factory. A name after --classifier is trusted without.
        as_json: print JSON.
    """
    start_jax()
    from evofool.runs import breed

    brood = breed(
        run,
        favourites=favourites,
        classes=classes,
        numbers=numbers,
        children=children,
        out=out,
        overwrite=overwrite,
        classifier=classifier,
        weights=weights,
        trust_code=trust_code,
    )
    if as_json:
        _print_json(brood)
    else:
        _print_table(brood)


def _print_json(brood: "Brood") -> None:
    from evofool.cli.console import print_json

    lines = [
        {
            "number": child.born[1] + 1,
            "born": child.born,
            "parents": child.parents,
            "class_index": child.class_index,
            "label": child.label,
            "confidence": child.confidence,
        }
        for child in brood.children
    ]
    print_json({"run": brood.run.folder, "generation": brood.run.generation, "children": lines})


def _print_table(brood: "Brood") -> None:
    from evofool.cli.console import make_table, output

    rows = [
        (
            child.born[1] + 1,
            child.label,
            brood.run.percent(child.confidence),
            " x ".join(f"{generation}/{number + 1}" for generation, number in child.parents),
        )
        for child in brood.children
    ]
    output().print(make_table(["number", "label", "confidence", "parents"], rows))
    folder = shlex.quote(str(brood.run.folder))
    say(
        f"images: {brood.run.folder / 'children.png'}; go on with:\n"
        f"  evofool breed {folder} --numbers 1 2"
    )
