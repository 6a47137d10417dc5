"""Loads the type checker that `--jaxtyping-packages` names, before anything that it checks."""

import tests.shapes  # noqa: F401
