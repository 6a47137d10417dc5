"""Command lines that work, at least one for every command, and how they are spoiled.

`spoil` changes one thing of a line that works, sometimes two, and says which words a refusal has to
name.
"""

import inspect
import random
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from evofool import cli
from evofool.support import printable
from tests.fuzz.conftest import NASTY, ask

# In the folder that `tests.fuzz.test_command_lines` makes: RUN, pictures, labels, a plan, settings,
# weights, an audit and a model's code. What is written is new, so that each line works again.
WORKING = """
evolve --classifier mock:5:8x8x1 --generations 2 --batch-size 4 --out new --quiet --seed 3
evolve --config settings.toml --encoding direct --classes 1 3 --micro-batch 2 --out new --json
evolve --classifier mine.py:make --generations 1 --batch-size 9 --quiet --from run --out new
resume run --generations 16 --quiet
polish run --steps 1 --rounds 1 --widen 2 --classes 1 --out new --quiet
breed run --classes 1 2 --children 3 --out new
sweep plan.toml --out new --backend local --workers 1 --quiet
inspect run --sort confidence --top 3 --run-index 0
inspect run --class 2 --json
compare run --by encoding --measure median_confidence --csv new.csv
render run --class 0 --size 16 --out new.png
animate run --class 0 --to 1 --size 8 --fps 2 --seconds 1 --out new.gif
descent run --class 1 --out new.png
gallery run --out new.png --per-page 3 --page 1 --columns 2
poster run --out new.png --count 2 --size 64 --least 0
site run --out new --title x
serve run --port 0 --photographs photographs --results new.csv
serve --classifier mock:5:8x8x1 --port 0
export run --out new --layout imagefolder --classes 1 2 --least 0
verify run --tolerance 0.1 --json
survive run --wear shift,jpeg --classes 1 --seed 3 --out new
transfer run mock:5:8x8x1 --top 3 --csv new.csv
quiz run --out new --questions 2 --seed 1
doctor --classifier mock:5:8x8x1 --devices 1
audit mock:5:8x8x1 --images pictures --labels labels.csv --max-seconds 0 --out new --quiet
audit-diff audit audit --json
card onnx:model.onnx --out new.json
classify picture.png --classifier mock:5:8x8x1 --top 3 --exact
classify picture.png --classifier lenet --weights nets --json
accuracy --classifier mock:5:8x8x1 --images pictures --labels labels.csv
attack fgsm picture.png --classifier lenet --epsilon 0.1 --out new --json
attack pgd picture.png --classifier lenet --steps 2 --epsilon 0.1 --target 3
attack one-pixel picture.png --classifier lenet --generations 1 --population 6
attack gradient-ascent --classifier mock:5:8x8x1 --target 3 --settings decay --out new
corrupt --classifier mock:5:8x8x1 --images pictures --labels labels.csv --limit 2 --shuffle 4
train linear --out new.safetensors --epochs 1 --examples 32 --quiet
fine-tune lenet --weights nets --out new.safetensors --images photographs --runs run --epochs 1
weights fetch resnet18 --out new --url http://127.0.0.1:9/w --quiet
weights convert nets/alien.safetensors --family resnet18 --out new --name x
data fetch mnist --dir new --url http://127.0.0.1:9/d --quiet
reproduce --list --json
"""

VALUES = (
    *(str(value) for value in NASTY if value is not None),
    *("nan", "inf", "-inf", "1e9", "1_0", "٣", "99999999999", "-5", "0", "-0.0", "1e-400", "0x10"),
    *("日本", "é" * 300, "\u202e", "\x00", "\x7f", "a b", "-", "--", "=", "~", "*", "%s", "'\""),
)
PLACES = (  # paths: of other kinds, missing, not allowed, and of what would run if it were trusted
    *(".", "..", "/dev/null", "/dev/full", "/proc/self/x", "nowhere", "nowhere/deep/x.png"),
    *("run", "run/config.json", "picture.png", "picture.png/x", "labels.csv", "empty", "pictures"),
    *("plan.toml", "settings.toml", "settings.json", "link", "pipe", "audit", "stranger"),
    *("x" * 300, "stranger.toml", "canary", "canary.py", "onnx:canary.py", "torch:canary.pt"),
    *("keras:canary.keras", "sub.canary", "half.png", "nets/lenet.json", "http://127.0.0.1:9/x"),
    "mock:canary",
)


@dataclass
class Line:
    """A command line in its parts.

    Attributes:
        command: one or two words.
        positional: arguments without a flag.
        options: flags, each with its values.
        names: what a refusal has to name one of; empty where nothing was changed.
        changes: what was done to the line, for the counts.
    """

    command: list[str]
    positional: list[str]
    options: list[tuple[str, list[str]]]
    names: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)

    @property
    def words(self) -> list[str]:
        """The arguments of `cli.main`."""
        given = [word for flag, values in self.options for word in (flag, *values)]
        return [*self.command, *self.positional, *given]


def parse(text: str) -> Line:
    """Takes a line that works apart."""
    words = shlex.split(text)
    length = 2 if " ".join(words[:2]) in cli.COMMANDS or words[0] == "attack" else 1
    line = Line(words[:length], [], [])
    for word in words[length:]:
        if word.startswith("--"):
            line.options.append((word, []))
        else:
            (line.options[-1][1] if line.options else line.positional).append(word)
    return line


LINES = WORKING.strip().splitlines()


def spoil(rng: random.Random) -> Line:
    """Draws a line that works, and changes one thing of it or two."""
    line = parse(rng.choice(LINES))
    for _ in range(rng.choice([1, 1, 1, 2])):
        change = rng.choice(CHANGES)
        names = change(line, rng)
        if names:
            line.names += names
            line.changes.append(change.__name__)
    return line if line.changes else spoil(rng)


def flags_of(command: Sequence[str]) -> list[str]:
    """The flags that a command's help shows."""
    name = " ".join(command)
    if name not in _flags:
        text = ask(*command, "--help").out
        _flags[name] = sorted(set(re.findall(r"(?<![\w-])--[a-z][\w.-]+", text)))
    return _flags[name]


_flags: dict[str, list[str]] = {}


def _value(rng: random.Random) -> str:
    return rng.choice(rng.choice([VALUES, PLACES]))


def replace_value(line: Line, rng: random.Random) -> list[str]:
    """Another value after a flag."""
    chosen = [(flag, values) for flag, values in line.options if values]
    if not chosen:
        return []
    flag, values = rng.choice(chosen)
    values[rng.randrange(len(values))] = value = _value(rng)
    return [flag, value]


def replace_argument(line: Line, rng: random.Random) -> list[str]:
    """Another argument without a flag."""
    if not line.positional:
        return []
    place = rng.randrange(len(line.positional))
    line.positional[place] = value = _value(rng)
    return [value, *_parameters(line)]


def drop_argument(line: Line, rng: random.Random) -> list[str]:
    """An argument without a flag is missing."""
    if not line.positional:
        return []
    line.positional.pop(rng.randrange(len(line.positional)))
    return _parameters(line)


def add_argument(line: Line, rng: random.Random) -> list[str]:
    """An argument too many."""
    line.positional.append(value := _value(rng))
    return [value, *_parameters(line)]


def drop_option(line: Line, rng: random.Random) -> list[str]:
    """A flag is missing, with its values."""
    if not line.options:
        return []
    flag, values = line.options.pop(rng.randrange(len(line.options)))
    return [flag, *values, *(flag for flag, _ in line.options), *_parameters(line)]


def drop_values(line: Line, rng: random.Random) -> list[str]:
    """A flag has no value."""
    chosen = [(flag, values) for flag, values in line.options if values]
    if not chosen:
        return []
    flag, values = rng.choice(chosen)
    values.clear()
    return [flag]


def repeat_option(line: Line, rng: random.Random) -> list[str]:
    """A flag is given twice, with two values."""
    if not line.options:
        return []
    flag, values = rng.choice(line.options)
    line.options.append((flag, [_value(rng)] if values else []))
    return [flag, *line.options[-1][1]]


def misspell(line: Line, rng: random.Random) -> list[str]:
    """A letter of a flag, or of the command, is missing, doubled or in capitals."""
    place = rng.randrange(-1, len(line.options))
    word = line.command[-1] if place < 0 else line.options[place][0]
    at = rng.randrange(2, len(word))
    wrong = word[:at] + rng.choice(["", 2 * word[at], word[at].upper(), "_"]) + word[at + 1 :]
    if place < 0:
        line.command[-1] = wrong
    else:
        line.options[place] = (wrong, line.options[place][1])
    return [wrong, word]


def add_option(line: Line, rng: random.Random) -> list[str]:
    """A flag of the command with any value, or none: it may contradict another."""
    flags = flags_of(line.command)
    if not flags:
        return []
    flag = rng.choice(flags)
    values = [_value(rng)] if rng.random() < 0.7 else []
    if rng.random() < 0.1 and values:
        line.options.append((f"{flag}={values[0]}", []))
    else:
        line.options.append((flag, values))
    return [flag, *values]


def unknown_option(line: Line, rng: random.Random) -> list[str]:
    """A flag that no command has."""
    flag = rng.choice(["--nonsense", "--out-put", "-x", "--", "---", "--run.", "--é", "--\x1b[31m"])
    line.options.append((flag, [_value(rng)] if rng.random() < 0.5 else []))
    return [flag, *line.options[-1][1]]


CHANGES: tuple[Callable[[Line, random.Random], list[str]], ...] = (
    *(replace_value, replace_value, replace_argument, add_option, add_option),
    *(drop_argument, add_argument, drop_option, drop_values, repeat_option, misspell),
    unknown_option,
)


def _parameters(line: Line) -> list[str]:
    """The names of what a command takes without flags, which a refusal may have instead."""
    command = cli.COMMANDS.get(" ".join(line.command)) or cli.COMMANDS.get(line.command[0])
    if command is None:
        return []
    given = inspect.signature(command).parameters.values()
    return [p.name for p in given if p.kind is not p.KEYWORD_ONLY]


def names_one(message: str, names: Sequence[str]) -> bool:
    """Says whether a refusal names one of some words, however it was wrapped.

    It may leave out the dashes of a flag, and the scheme of an address.
    """
    text = _plain(message)
    words = {word for name in names for word in (name, printable(name))}
    words |= {word.lstrip("-") or word for word in words} | {
        w.rpartition(":")[2] or w for w in words
    }
    return any(_plain(word)[:25] in text for word in words)


def _plain(text: str) -> str:
    return re.sub(r"[\s│╭╮╰╯─]|\x1b\[[0-9;]*m", "", text).replace("_", "-").lower()
