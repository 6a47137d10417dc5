"""Code of the user's that registers names before a command runs: encodings, fitness, cells.

The environment variable `EVOFOOL_PLUGINS` names it: files that end in .py and modules, separated as
in PATH. To set it is the user's word; a run directory can name what they registered, and no code.
"""

import os

from evofool.support import PLUGINS


def load_plugins() -> None:
    """Runs the files and modules that the environment names, if there are any.

    Raises:
        UserError: there is no such file or module, or it fails.
    """
    places = [place for place in os.environ.get(PLUGINS, "").split(os.pathsep) if place]
    if places:
        from evofool.classifiers import run_code  # loads JAX

        for place in places:
            run_code(place)
