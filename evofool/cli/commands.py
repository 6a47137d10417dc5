"""The table of commands, in the groups that `evofool --help` shows."""

from collections.abc import Callable, Sequence

from evofool.cli import (
    animate,
    attack,
    audit,
    breed,
    card,
    classify,
    compare,
    corrupt,
    data,
    doctor,
    evolve,
    export,
    fine_tune,
    gallery,
    inspect,
    polish,
    quiz,
    render,
    reproduce,
    serve,
    site,
    survive,
    sweep,
    train,
    transfer,
    weights,
)
from evofool.cli.flags import complete_help

Command = Callable[..., int | None]
"""A function whose parameters are the flags; returns the exit code, where None is 0."""

Chooser = Callable[[Sequence[str]], tuple[str, Command, list[str]]]
"""Takes the arguments of a command; returns the name, the command and the flags to parse."""

GROUPS: dict[str, dict[str, Command]] = {
    "evolve": {
        "evolve": evolve.evolve,
        "resume": evolve.resume,
        "polish": polish.polish,
        "breed": breed.breed,
        "sweep": sweep.sweep,
    },
    "look": {
        "inspect": inspect.inspect,
        "compare": compare.compare,
        "render": render.render,
        "animate": animate.animate,
        "descent": render.descent,
        "gallery": gallery.gallery,
        "poster": gallery.poster,
        "site": site.site,
        "serve": serve.serve,
    },
    "share and check": {
        "export": export.export,
        "verify": export.verify,
        "survive": survive.survive,
        "transfer": transfer.transfer,
        "quiz": quiz.quiz,
    },
    "models": {
        "doctor": doctor.doctor,
        "audit": audit.audit,
        "audit-diff": audit.audit_diff,
        "card": card.card,
        "classify": classify.classify,
        "accuracy": classify.accuracy,
        "attack": attack.attack,
        "corrupt": corrupt.corrupt,
        "train": train.train,
        "fine-tune": fine_tune.fine_tune,
        "weights fetch": weights.weights_fetch,
        "weights convert": weights.weights_convert,
        "data fetch": data.data_fetch,
    },
    "experiments": {
        "reproduce": reproduce.reproduce,
    },
}
# Commands whose first argument decides which flags they have.
CHOOSERS: dict[str, Chooser] = {"attack": attack.choose}

COMMANDS = {name: command for group in GROUPS.values() for name, command in group.items()}

for _command in COMMANDS.values():
    complete_help(_command)
