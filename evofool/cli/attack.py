"""The command that attacks image files: attack NAME, with the options of that attack as flags."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, get_type_hints

import tyro

from evofool.cli.flags import Json, check_combine, documented_arguments
from evofool.cli.lines import say
from evofool.cli.numbers import Seed, whole
from evofool.cli.startup import start_jax
from evofool.config import EvolveConfig
from evofool.support import Setting, percent, unknown_name

if TYPE_CHECKING:
    from evofool.attacks import Attacked, FileAttack

Command = Callable[..., None]
Images = Annotated[tuple[Path, ...], tyro.conf.Positional]
# how flags that take no value begin
_WITHOUT_VALUE = ("--json", "--invert", "--random-start", "--as-written", "--no-")
_COMMON = ("classifier", "weights", "combine", "invert", "label", "out", "as_json")

# named here, too, as this help does not load JAX; a test compares the names with the functions'
NAMES = (
    *("fgsm", "pgd", "apgd", "finite-differences", "universal", "patch", "deepfool", "lbfgs"),
    *("carlini-wagner", "hop-skip-jump", "boundary", "one-pixel", "gradient-ascent"),
)
MOST_REPEATS = 10_000  # steps, searches, pixels, candidates: many more never end
# flags whose values are not those that the functions take
_EPSILON = (
    "largest changes of a value to try, as shares of the range 0..255, from 1/255 to 1; 0.01, 0.02 "
    "and 0.05 unless given."
)
_RADIUS = (
    " With --norm l2, radii: the root of the sum of all squared changes, each a share of the range."
)
_SAVE = ".npz file of the state, from which a stopped attack is resumed."
_TARGET = "class that the images are to be taken for"


def attack(
    name: Annotated[str, tyro.conf.Positional],
    images: Images = (),
    *,
    classifier: str = EvolveConfig.classifier,
    weights: Path | None = None,
    combine: Literal["mean", "min"] = "mean",
    invert: bool = False,
    label: str | None = None,
    out: Path | None = None,
    as_json: Json = False,
) -> None:
    """Changes images a little, so that their class changes.

    'evofool attack NAME --help' shows the options of an attack. Results have 8 bits. With --out
    each image gets a strip (original, change, result) and a curve. NAME is one of

      fgsm                one step along the sign of the gradient
      pgd                 many small steps along the sign of the gradient
      apgd                the same with steps that adapt, and a choice of losses
      finite-differences  one step along a sign measured from outputs alone
      universal           one change for all images
      patch               a square that gives a chosen class wherever it lies
      deepfool            nearly the smallest change, over the nearest border
      lbfgs               nearly the smallest change that leads to a chosen class
      carlini-wagner      nearly the smallest change, by a longer descent
      hop-skip-jump       a small change, from the likeliest class alone
      boundary            the same by a random walk, which takes longer
      one-pixel           a change of one pixel, or a few, from outputs alone
      gradient-ascent     an image made from noise; takes no image files

      evofool attack fgsm cat.png --classifier NAME --weights nets --target airliner --out fooled
      evofool attack one-pixel ship.png --classifier cifar_cnn --weights nets --pixels 3
      evofool attack universal a.jpg b.jpg --classifier NAME --weights nets --epsilon 0.04
      evofool attack patch photos/*.jpg --classifier NAME --weights nets --target toaster --out made
      evofool attack gradient-ascent --target 7 --settings decay --out seven

    Args:
        name: of the attack.
        images: image files.
        classifier: a name such as lenet, the address of a model such as timm:resnet18, "a+b" for an
            ensemble, or module:factory.
        weights: .safetensors file, or the folder that holds it.
        combine: confidence of an ensemble: the mean or the minimum of its members'.
        invert: exchange dark and bright, for instance for black digits on white paper.
        label: class of the images; the likeliest class of each unless given.
        out: folder for images.
        as_json: print JSON.
    """
    del images, classifier, weights, combine, invert, label, out, as_json
    raise unknown_name("attack", name, NAMES)  # `choose` finds those that are known


def choose(arguments: Sequence[str]) -> tuple[str, Command, list[str]]:
    """Finds the attack that is named, and builds its command.

    Args:
        arguments: what follows `evofool attack`.

    Returns:
        The words of the command, the function whose signature is its flags, and the arguments
        without its name. Without a name, the command that lists the attacks.

    Raises:
        UserError: there is no such attack, or it has no such option.
    """
    place = _place_of_name(arguments)
    if place is None:
        return "attack", attack, list(arguments)
    name = arguments[place].replace("_", "-")
    if name not in NAMES:
        raise unknown_name("attack", name, NAMES)
    start_jax()
    from evofool.attacks import find_attack

    chosen, rest = find_attack(name), [*arguments[:place], *arguments[place + 1 :]]
    _refuse_options_of_others(chosen, rest)
    return f"attack {name}", _make_command(chosen), rest


def _place_of_name(arguments: Sequence[str]) -> int | None:
    """Returns where the name is: the first argument or, after flags, the first that is a name."""
    if arguments and not arguments[0].startswith("-"):
        return 0
    for place, (before, argument) in enumerate(pairwise(arguments), 1):
        takes_value = "=" not in before and not before.startswith(_WITHOUT_VALUE)
        is_value = before.startswith("--") and takes_value
        if argument.replace("_", "-") in NAMES and not is_value:
            return place
    return None


def _refuse_options_of_others(chosen: "FileAttack", arguments: Sequence[str]) -> None:
    """Says which attacks have an option that this one has not."""
    from evofool import attacks

    known = {option for other in attacks.ATTACKS.values() for option in other.options}
    for argument in arguments:
        option = argument.partition("=")[0].removeprefix("--").replace("-", "_")
        if argument.startswith("--") and option in known - chosen.options.keys():
            raise chosen.refusal(option)


class _Flag(NamedTuple):
    """A flag of a command.

    Attributes:
        parameter: its name, type and default.
        text: what the help says of it.
    """

    parameter: inspect.Parameter
    text: str


def _make_command(chosen: "FileAttack") -> Command:
    """Builds the command of an attack: the flags of all attacks, and the options of this one."""

    def command(images: tuple[Path, ...] = (), **values: Setting) -> None:  # as the signature says
        common = {name: values.pop(name) for name in _COMMON if name in values}
        options = {name: value for name, value in values.items() if value is not None}
        _run(chosen.name, images, options, **common)

    flags = [*_common_flags(chosen), *_flags_of_options(chosen)]
    # tyro reads these three attributes; the types, of the function below the tests' type checks
    command.__signature__ = inspect.Signature([flag.parameter for flag in flags])  # type: ignore[attr-defined]
    command.__doc__ = _docstring(chosen, flags)
    types = {flag.parameter.name: flag.parameter.annotation for flag in flags}
    command.__annotations__ = inspect.unwrap(command).__annotations__ = types
    return command


def _common_flags(chosen: "FileAttack") -> list[_Flag]:
    texts = documented_arguments(attack)
    absent = {"name", "images", "invert"} if chosen.starts_from_noise else {"name"}
    parameters = inspect.signature(attack).parameters.values()
    return [_Flag(p, texts[p.name]) for p in parameters if p.name not in absent]


def _flags_of_options(chosen: "FileAttack") -> list[_Flag]:
    hints, texts = get_type_hints(chosen.run), documented_arguments(chosen.described)
    flags = []
    for name, option in chosen.options.items():
        kind, text, default = hints[name], texts[name], option.default
        if name == "epsilon":
            kind, default = tuple[float, ...] | None, None
            text = _EPSILON + (_RADIUS if "norm" in chosen.options else "")
        elif name == "target" and option.default is option.empty:
            kind, text = str, f"{_TARGET}."
        elif name == "target":
            kind, text = str | None, f"{_TARGET}; any other unless given."
        elif name == "size":
            kind = tuple[float, ...]
        elif name == "save":
            kind, text = Path | None, _SAVE
        elif kind is int:
            kind = Seed if name == "seed" else Annotated[int, whole(0, MOST_REPEATS)]
        flags.append(_Flag(option.replace(annotation=kind, default=default), text))
    return flags


def _docstring(chosen: "FileAttack", flags: Sequence[_Flag]) -> str:
    """Returns the help of an attack: its function's first sentence, an example, the flags."""
    sentence = inspect.cleandoc(chosen.described.__doc__ or "").split("\n\n")[0]
    image = "" if chosen.starts_from_noise else " cat.png"
    target = " --target airliner" if chosen.needs("target") else ""
    lines = [
        *(sentence, ""),
        "Results have 8 bits. With --out each image gets a strip (original, change, result)"
        + ("." if chosen.axis is None else " and, if there is more than one, a curve over all")
        + {"epsilon": " epsilons.", "size": " sizes; the patch is patch.png.", None: ""}[
            chosen.axis
        ],
        "",
        f"  evofool attack {chosen.name}{image} --classifier NAME --weights nets{target}",
        *("", "Args:"),
        *(f"    {flag.parameter.name}: {flag.text}" for flag in flags),
    ]
    return "\n".join(lines)


def _run(
    name: str,
    images: Sequence[Path],
    options: Mapping[str, Setting],  # whatever the attack's signature says
    *,
    classifier: str,
    weights: Path | None,
    combine: Literal["mean", "min"],
    out: Path | None,
    as_json: bool,
    invert: bool = False,
    label: str | None = None,
) -> None:
    from evofool.attacks import attack
    from evofool.classifiers import load_classifier
    from evofool.cli.console import make_table, output, print_json
    from evofool.cli.progress import counting
    from evofool.evaluation import summarize_actions
    from evofool.runs import progress_output

    check_combine(classifier, combine)
    loaded = load_classifier(classifier, weights=weights, combine=combine)
    with counting(name, progress_output()) as report:
        about = {"invert": invert, "label": label, "out": out, "report": report}
        lines = attack(name, images, loaded, **about, **options)
    if as_json:
        print_json(lines)
        return
    rows = [_row(line, is_labelled=label is not None) for line in lines]
    output().print(make_table(list(rows[0]), [list(row.values()) for row in rows]))
    if any(line.success and line.already for line in lines):
        say("already: the original was misclassified before the attack")
    if any(line.held_out for line in lines):
        say(f"success on images held out: {_success_by_size(lines)}")
    if any(line.rounded_away for line in lines):
        say(
            "rounded away: a change between levels succeeds, and none of whole levels (8 bits) was "
            "found near it; try pgd"
        )
    actions = {line.image: line.actions for line in lines}
    for line in summarize_actions(actions.values()):
        say(line)
    if out is not None:
        say(f"images: {out}")


def _row(line: "Attacked", *, is_labelled: bool) -> dict[str, str | int | None]:
    """Returns a row of the table, by column."""
    from evofool.classifiers import first_name

    write = partial(percent, step=line.resolution)
    row: dict[str, str | int | None] = {
        "image": line.image,
        **_amount(line),
        "class": first_name(line.label),
        "before": write(line.before),
    }
    if is_labelled:  # else the class is the one it was taken for
        row["was taken for"] = f"{first_name(line.seen)} {write(line.seen_confidence)}"
    row |= {"taken for": first_name(line.found), "confidence": write(line.confidence)}
    if line.target_before is not None and line.of_target is not None:
        row["target before"] = write(line.target_before)
        row["target after"] = write(line.of_target)
    return row | {
        "success": _success(line),
        "linf": f"{line.linf:.4f}",
        "l2": f"{line.l2:.3f}",
        "pixels": line.l0,
    }


def _amount(line: "Attacked") -> dict[str, str | None]:
    """Returns the columns that say how large a change is."""
    if line.size is not None:
        return {"size": f"{line.size:g}", "held out": "yes" if line.held_out else "no"}
    return {"epsilon": None if line.epsilon is None else f"{line.epsilon:g}"}


def _success_by_size(lines: Sequence["Attacked"]) -> str:
    """Says how many images that a patch was not made with are successes, for each size."""
    by_size: dict[float | None, list[bool]] = {}
    for line in lines:
        if line.held_out:
            by_size.setdefault(line.size, []).append(line.success)
    return ", ".join(
        f"{sum(all_)} of {len(all_)} at size {size:g}" for size, all_ in by_size.items()
    )


def _success(line: "Attacked") -> str:
    """Says whether an attack succeeded, in a word or two."""
    if line.success:
        return "already" if line.already else "yes"
    return "rounded away" if line.rounded_away else "no"
