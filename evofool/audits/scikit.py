"""The one place that imports scikit-learn, which comes with the extra `audit`."""

import importlib
from typing import Any

from evofool.support import UserError


def scikit(module: str) -> Any:  # a module, whose types scikit-learn does not declare
    """Imports a module of scikit-learn.

    Raises:
        UserError: it is not installed; says how to install it.
    """
    try:
        return importlib.import_module(f"sklearn.{module}")
    except ModuleNotFoundError as error:
        raise UserError(
            "an audit needs scikit-learn, for two detectors and a control: pip install "
            "'evofool[audit]'"
        ) from error
