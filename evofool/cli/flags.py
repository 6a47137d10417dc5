"""Flags that several commands share, and the settings that a preset or a file gives."""

import argparse
import inspect
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

import tyro

from evofool.config import EvolveConfig, make_config
from evofool.support import UserError, is_service

Sort = Literal["class", "confidence", "group"]
RunFolder = Annotated[Path, tyro.conf.Positional]
Json = Annotated[bool, tyro.conf.arg(name="json")]
ClassName = Annotated[str, tyro.conf.arg(name="class")]
MaybeClassName = Annotated[str | None, tyro.conf.arg(name="class")]
ClassNames = Annotated[tuple[str, ...], tyro.conf.arg(name="class")]
Settings = Annotated[EvolveConfig, tyro.conf.arg(name="")]
Start = Annotated[tuple[Path, ...], tyro.conf.arg(name="from")]
ConfigFile = Annotated[Path | None, tyro.conf.arg(name="config")]


def starting_config(arguments: Sequence[str]) -> EvolveConfig:
    """Returns what `--preset` and `--config` ask for; the other flags then change it.

    Raises:
        UserError: an unknown preset, a file that cannot be used, or flags that the others make
            meaningless.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in ("preset", "config", "classifier", "encoding", "algorithm", "direct.mutation"):
        parser.add_argument(f"--{name}", nargs="?")
    parser.add_argument("--polish", "--polish.steps", nargs="?")
    parser.add_argument("--trust-code", "--trust_code", action="store_true")
    known, others = parser.parse_known_args(arguments)
    typed = {"classifier": known.classifier} if known.classifier else {}
    config = make_config(
        preset=known.preset, file=known.config, trust_code=known.trust_code, **typed
    )
    settled = {
        "encoding": config.encoding,
        "algorithm": config.algorithm,
        "direct.mutation": config.direct.mutation,
        "polish": str(config.polish.steps),
    }
    for name, unused in _DECISIVE.items():
        value = getattr(known, name) or settled[name]
        for flag in others:
            if flag.startswith(tuple(unused.get(value, ()))):
                raise UserError(f"{flag.partition('=')[0]} has no effect with --{name} {value}")
    return config


# The flags that have no effect, by the setting and its value that make them so.
_DECISIVE = {
    "encoding": {"cppn": ["--direct."], "direct": ["--cppn.", "--polish.widen"]},
    "algorithm": {"map-elites": ["--population"]},
    "direct.mutation": {
        "waves": ["--direct.mutation-rate", "--direct.mutation-eta", "--direct.halve-every"]
    },
    "polish": {"0": ["--polish."]},
}


def refuse_unused(reason: str, **flags: object) -> None:
    """Refuses flags that would be ignored.

    Args:
        reason: why, for instance "with --list".
        **flags: the values of such flags, by their names; those that were not given are None,
            False or empty.

    Raises:
        UserError: names the flags that were given.
    """
    given = [f"--{name.replace('_', '-')}" for name, value in flags.items() if value]
    if given:
        raise UserError(f"{', '.join(given)} {'have' if given[1:] else 'has'} no effect {reason}")


def check_settings(config: EvolveConfig) -> None:
    """Refuses settings of a new run that would do nothing, or nothing but take memory.

    Raises:
        UserError: as `check_combine`, or a micro-batch larger than the batch, which is filled up.
    """
    check_combine(config.classifier, config.combine)
    if not config.wear:
        by = config.expect_by if config.expect_by != "mean" else None
        refuse_unused("without --expect", expect_by=by, expect_copies=config.expect_copies)
    if config.micro_batch is not None and config.micro_batch > config.batch_size:
        raise UserError(
            f"micro_batch is {config.micro_batch}; expected at most batch_size, which is "
            f"{config.batch_size}"
        )


def check_combine(classifier: str, combine: str) -> None:
    """Refuses a way to combine the members of an ensemble where there is one classifier.

    Raises:
        UserError: the classifier is none of several, and the way is not the default.
    """
    if combine != "mean" and "+" not in classifier:
        refuse_unused(f"on {classifier!r}, which is no ensemble a+b", combine=combine)


# the parameters of commands that name a classifier, which may be a service
_CLASSIFIERS = {"classifier", "models", "judge", "config"}
QUERIES_HELP = (
    "Of a service, --queries N is the most images that it may be sent, as queries=N in its address."
)


def may_name_service(command: Callable[..., object]) -> bool:
    """Says whether a command has a flag or an argument that may be the address of a service."""
    texts = documented_arguments(command)
    is_named = "classifier" in texts.get("address", "")
    return is_named or not _CLASSIFIERS.isdisjoint(inspect.signature(command).parameters)


def with_query_budget(arguments: Sequence[str]) -> list[str]:
    """Moves `--queries N` into the address of the service that the other arguments name.

    All commands have the flag thereby, and runs record the budget with the address.

    Raises:
        UserError: the number is missing, no service is named, or its address has a budget.
    """
    rest = [part for word in arguments for part in _split(word)]
    if "--queries" not in rest:
        return list(arguments)
    place = rest.index("--queries")
    if rest.count("--queries") > 1 or place + 1 == len(rest):
        raise UserError("expected one --queries N, the most images that a service may be sent")
    most = rest[place + 1]
    del rest[place : place + 2]
    services = [number for number, word in enumerate(rest) if is_service(word) and "#" in word]
    if not services:
        raise UserError(
            "--queries has no effect without the address of a service; give it, also of a run's "
            "service: --classifier 'http://HOST/PATH#input=224x224x3'"
        )
    for number in services:
        if re.search("[#&]queries=", rest[number]):
            raise UserError(f"--queries and queries= in {rest[number]}; give one of them")
        rest[number] += f"&queries={quote(most)}"
    return rest


def _split(word: str) -> list[str]:
    """Splits a flag of which the budget may need to know from its value."""
    flag, equals, value = word.partition("=")
    return [flag, value] if equals and flag in ("--queries", "--classifier", "--judge") else [word]


def complete_help(command: Callable[..., object]) -> None:
    """Tells tyro how to show the flags of a command.

    Their texts are those of its docstring, with line breaks of its source removed, and
    "(default: None)" and "(default: False)" are left out.
    """
    texts = documented_arguments(command)
    for name, annotation in command.__annotations__.items():
        if name != "return":
            flag = tyro.conf.arg(help=texts.get(name), help_behavior_hint=_default_hint)
            command.__annotations__[name] = Annotated[annotation, flag]


def _default_hint(default: str) -> str:
    return "" if default in ("None", "False", "", "''") else f"(default: {default})"


def documented_arguments(command: Callable[..., object]) -> dict[str, str]:
    """Reads the section "Args" of a docstring: the text of each argument, on one line."""
    section = inspect.cleandoc(command.__doc__ or "").partition("\nArgs:\n")[2].partition("\n\n")[0]
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", section, flags=re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}
