"""What to type to go on with a run, or to repair it."""

import shlex
from pathlib import Path

from evofool.support import names_code


def resume_command(folder: Path, *, classifier: str = "") -> str:
    """Returns what to type to go on with a run.

    Args:
        folder: the run directory.
        classifier: the name in its `config.json`, where the user gave it in this process: `resume`
            wants the user's word for code and for services that only a file names.
    """
    name = str(folder)
    word = " --trust-code" if names_code(classifier) else ""
    return f"evofool resume {shlex.quote(f'./{name}' if name.startswith('-') else name)}{word}"


def makes_again(folder: Path) -> str:
    """Returns what makes a damaged file of a run directory again."""
    return f"'{resume_command(folder)}' makes it again"
