"""The error a user can act on, and the sentence that offers the nearest valid name."""

import difflib
from collections.abc import Iterable, Sequence

_LONGEST_NAME = 100  # letters; comparing longer ones takes long, and none is a slip of the finger


class UserError(ValueError):
    """Bad input; the message names what was given, what was expected and what to do.

    The command line prints it as one line, without a traceback, and exits with status 2.
    """


class MissingPackageError(UserError):
    """A package that this use needs is not installed; the message has the line that installs it."""


class DamagedFileError(UserError):
    """A file is not what was written; the message names it and says what to do.

    The command line exits with status 1, as after any check that failed.
    """


class StoppedEarlyError(UserError):
    """Work ended before its end, in order, as something is used up; the message says how to go on.

    The command line exits with status 4.
    """


class DamagedFileWarning(UserWarning):
    """A file is not what was written, and something else was used in its place."""


class ModelWarning(UserWarning):
    """A model is used otherwise than was asked for; the message says how and why."""


def unknown_name(
    kind: str,
    name: str,
    options: Iterable[str],
    *,
    nearest: Sequence[str] = (),
    separator: str = ", ",
) -> UserError:
    """Makes the error for a name that is not among `options`; suggests the nearest ones.

    Args:
        kind: what is named, for instance "preset".
        name: the name that was given.
        options: the valid names.
        nearest: options to suggest; by default those that are spelt alike.
        separator: between names; "; " where names may contain commas.

    Returns:
        An error to raise.
    """
    valid = [str(option) for option in options]
    if not nearest and len(name) <= _LONGEST_NAME:
        written = {option.lower(): option for option in valid}
        near = difflib.get_close_matches(name.lower(), written, n=3, cutoff=0.5)
        nearest = [written[option] for option in near]
    hint = f"did you mean {' or '.join(repr(v) for v in nearest)}? " if nearest else ""
    shown = separator.join(valid[:20])
    if len(valid) > 20:
        shown += f"{separator}... ({len(valid)} in all)"
    return UserError(f"unknown {kind} {name!r}; {hint}valid: {shown}")
