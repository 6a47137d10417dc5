"""Packages that only some formats need."""

import contextlib
from collections.abc import Iterator

from evofool.support import UserError


@contextlib.contextmanager
def needing(extra: str, what: str) -> Iterator[None]:
    """Turns an import that fails into the line that installs what is missing.

    Args:
        extra: the optional dependencies of evofool that hold the package.
        what: needs it, in the plural.

    Raises:
        UserError: the import failed.
    """
    try:
        yield
    except ImportError as error:
        raise UserError(
            f"{what} need a package that is not here ({error}); run pip install 'evofool[{extra}]'"
        ) from error
