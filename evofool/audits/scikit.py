"""The one place that imports scikit-learn, which comes with the extra `audit`."""

import importlib

from evofool.support import Foreign, needing


def scikit(module: str) -> Foreign:  # a module, whose types scikit-learn does not declare
    """Imports a module of scikit-learn.

    Raises:
        UserError: it is not installed; says how to install it.
    """
    with needing("two detectors and a control of audits", "scikit-learn"):
        return importlib.import_module(f"sklearn.{module}")
