"""Evolution: a generation as one compiled step, and all that a run needs around it.

An *encoding* says how a genome is made, varied and drawn. A *generation* makes *children* of
*parents*, draws and classifies them, and offers each to the *cells* of the archive; the occupant
of a cell is its *elite*. Modules, from the inside out: `encodings`, `selection`, `generation`
(the compiled step), `engine` and `driver` (calls of it), `session` (one process's work on a run
directory), `checkpoint`, `lineage` and `metrics` (what it leaves there).
"""

from evofool.evolution import lineage, metrics
from evofool.evolution.checkpoint import archive_sha256, load_newest, run_of
from evofool.evolution.configured import configure, load_configured
from evofool.evolution.encodings import Encoding, cppn_spec, cppn_style, make_encoding, make_rates
from evofool.evolution.engine import make_engine
from evofool.evolution.forecast import Forecast, forecast_run
from evofool.evolution.generation import RunState
from evofool.evolution.lineage import Lineage, Step, class_changes
from evofool.evolution.metrics import HIGH, LIKELY, NEAR_CERTAIN, generation_reaching, summarize
from evofool.evolution.random_genomes import random_images
from evofool.evolution.selection import best_of_class, make_selection
from evofool.evolution.session import (
    INTERRUPTED,
    MAX_SECONDS,
    Outcome,
    Quiet,
    Reporter,
    Runner,
    lost_process,
    resume_command,
)

__all__ = [
    "HIGH",
    "INTERRUPTED",
    "LIKELY",
    "MAX_SECONDS",
    "NEAR_CERTAIN",
    "Encoding",
    "Forecast",
    "Lineage",
    "Outcome",
    "Quiet",
    "Reporter",
    "RunState",
    "Runner",
    "Step",
    "archive_sha256",
    "best_of_class",
    "class_changes",
    "configure",
    "cppn_spec",
    "cppn_style",
    "forecast_run",
    "generation_reaching",
    "lineage",
    "load_configured",
    "load_newest",
    "lost_process",
    "make_encoding",
    "make_engine",
    "make_rates",
    "make_selection",
    "metrics",
    "random_images",
    "resume_command",
    "run_of",
    "summarize",
]
