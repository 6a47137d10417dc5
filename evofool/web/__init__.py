"""A server on one's own machine: pages of a run with a classifier behind them.

`serve` shows a run; with `live`, one that is being evolved meanwhile. Each page has a module that
knows nothing of HTTP: `live`, `answering` (the pad), `quizzing`, `breeding`. `app` says which
address is answered by which, `guard` who may ask, `serving` where it listens. A *window* is a page
that is open in a browser.
"""

from evofool.support import needing

with needing("pages that a server has", "starlette", "uvicorn"):
    import starlette  # noqa: F401
    import uvicorn  # noqa: F401

from evofool.web.serve import evolve_live, serve
from evofool.web.serving import Address

__all__ = ["Address", "evolve_live", "serve"]
