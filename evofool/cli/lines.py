"""Lines of text on standard output and standard error, made harmless for terminals.

Labels, file names and messages of other people's code are part of what commands say. Every line
goes through `say` or `complain`, and every table through `evofool.cli.console`.
"""

import sys

from evofool.support import printable, shortened

MOST_LETTERS = 2000  # of a message: one may quote a value of a file, of any length


def say(text: object, *, to_errors: bool = False) -> None:
    """Prints text at once, with control characters as their escapes; line ends stay.

    Args:
        text: to print.
        to_errors: on standard error.
    """
    print(printable(str(text), keep="\n"), file=sys.stderr if to_errors else None, flush=True)


def complain(message: str) -> None:
    """Prints why a command was refused, on standard error."""
    say(f"evofool: {shortened(message, MOST_LETTERS)}", to_errors=True)
