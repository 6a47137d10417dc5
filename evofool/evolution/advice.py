"""What to type to go on with a run, or to repair it."""

import shlex
from pathlib import Path


def resume_command(folder: Path) -> str:
    """Returns what to type to go on with a run."""
    name = str(folder)
    return f"evofool resume {shlex.quote(f'./{name}' if name.startswith('-') else name)}"


def makes_again(folder: Path) -> str:
    """Returns what makes a damaged file of a run directory again."""
    return f"'{resume_command(folder)}' makes it again"
