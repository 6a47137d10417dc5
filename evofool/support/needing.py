"""Packages that only some uses need."""

import contextlib
from collections.abc import Iterator

from evofool.support.errors import MissingPackageError


@contextlib.contextmanager
def needing(what: str, *packages: str) -> Iterator[None]:
    """Turns an import that fails into the line that installs what is missing.

    Args:
        what: needs the packages, in the plural.
        packages: as pip names them. Not the extra of evofool that holds them: its name is of use
            only where evofool was installed from.

    Raises:
        MissingPackageError: the import failed.
    """
    try:
        yield
    except ImportError as error:
        raise MissingPackageError(
            f"{what} need a package that is not here ({error}); run pip install "
            f"{' '.join(packages)}"
        ) from error
