"""Evolve images that an image classifier labels with near certainty, whatever they show.

    >>> import evofool, tempfile
    >>> folder = tempfile.mkdtemp() + "/run"
    >>> run = evofool.evolve("mock:10", generations=5, batch_size=20, out=folder)
    >>> run["class 7"].confidence > 0.5
    True

Each command of the command line is a function here, and `Run` opens a run directory. `__init__.pyi`
lists the public names and the rooms that define them. A name is loaded when it is first used, so
that `import evofool` takes no time and configures nothing.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
