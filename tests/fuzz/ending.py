"""The command line, ending itself: `python -m tests.fuzz.ending NUMBER COMMAND ...`.

The process ends, as if killed, when it is about to rename or remove its NUMBER-th file.
"""

import os
import sys
from collections.abc import Callable
from typing import Any

from evofool import cli


def end_at(number: int) -> None:
    """Counts renames and removals, and ends the process before the `number`-th."""
    left = [number]

    def counted(operation: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] <= 0:
                os._exit(9)
            return operation(*arguments, **options)

        return counting

    for name in ("replace", "rename", "unlink"):
        setattr(os, name, counted(getattr(os, name)))


if __name__ == "__main__":
    end_at(int(sys.argv[1]))
    sys.exit(cli.main(sys.argv[2:]))
