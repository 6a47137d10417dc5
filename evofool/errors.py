"""The error a user can act on, and the sentence that offers the nearest valid name."""

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """Bad input: names what was given, what was expected and what to do.

    The command line prints it as one line, without a traceback, and exits with status 2.
    """


def unknown_name(kind: str, name: str, options: Iterable[str]) -> UserError:
    """Makes the error for a name that is not among `options`, nearest ones first.

    Args:
        kind: what the name is of, for instance "preset".
        name: what came.
        options: the valid names.

    Returns:
        An error to raise.
    """
    valid = [str(option) for option in options]
    written = {option.lower(): option for option in valid}
    near = difflib.get_close_matches(name.lower(), written, n=3, cutoff=0.5)
    nearest = [written[option] for option in near]
    hint = f"did you mean {' or '.join(repr(v) for v in nearest)}? " if nearest else ""
    shown = ", ".join(valid[:20]) + (f", ... ({len(valid)} in all)" if len(valid) > 20 else "")
    return UserError(f"unknown {kind} {name!r}; {hint}valid: {shown}")
