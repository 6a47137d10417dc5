"""Evolve images that an image classifier is certain about although they show nothing of the kind.

    >>> import evofool, tempfile
    >>> folder = tempfile.mkdtemp() + "/run"
    >>> run = evofool.evolve("mock:10", generations=5, batch_size=20, out=folder)
    >>> run["class 7"].confidence > 0.5
    True

Every command of the command line is a function here, and `Run` opens a run directory. The public
names and their homes are listed once, in `__init__.pyi`: each is loaded when it is first used, so
that `import evofool` takes no time and configures nothing.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
