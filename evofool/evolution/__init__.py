"""Evolution: a generation as one compiled step, and all that a run needs around it.

An *encoding* says how a genome is made, varied and drawn. A *generation* makes *children* of
*parents*, draws and classifies them, and offers each to the *cells* of the archive; the occupant
of a cell is its *elite*. Read `encodings`, `generation` and `loop`, in this order, to know what
happens to a genome; `selection` (which child may take which cell, and who become parents) and
`sharding` (which device makes which child) are parts of a generation. Around it, from the inside
out: `plan` (a run's settings, resolved), `calls` (of the compiled loop), `journal` (the metrics,
lineage and checkpoints that a run leaves), `session` (one process's work on a run directory).
"""

from cppn import register_activation
from evofool.evolution import (
    breeding,
    lineage,
    lineage_files,
    metrics,
    polished,
    starters,
    testing,
)
from evofool.evolution.advice import makes_again, resume_command
from evofool.evolution.checkpoint import (
    Checkpoint,
    archive_sha256,
    load,
    load_newest,
    load_whole,
    run_of,
    saved_generations,
)
from evofool.evolution.cppn_encoding import cppn_spec, cppn_style
from evofool.evolution.encodings import (
    Encoding,
    Genomes,
    Rates,
    compiled_render,
    genome_arrays,
    genomes_from,
    make_encoding,
    make_rates,
    register_encoding,
)
from evofool.evolution.expectation import expectation_of
from evofool.evolution.fixed_encoding import FixedEncoding
from evofool.evolution.forecast import Forecast, forecast_run
from evofool.evolution.generation import Item, RunState
from evofool.evolution.journal import micro_batches
from evofool.evolution.lineage import Lineage, Step, class_changes, entries
from evofool.evolution.loop import Loop, compile_loop, compile_polish
from evofool.evolution.manifest import (
    MicroBatches,
    changed_settings,
    damaged_history,
    damaged_lineage,
    damaged_metrics,
    has_its_seal,
    sealed,
    settings_message,
)
from evofool.evolution.memory import image_bytes
from evofool.evolution.metrics import (
    HIGH,
    LIKELY,
    NEAR_CERTAIN,
    Confidences,
    MetricsLine,
    generation_reaching,
    summarize,
)
from evofool.evolution.objective import (
    Cells,
    CellsFunction,
    FitnessFunction,
    register_cells,
    register_fitness,
    second_axis,
)
from evofool.evolution.own_loop import OwnLoop, ask_tell
from evofool.evolution.plan import Plan, configure, load_configured, make_plan
from evofool.evolution.random_genomes import random_images
from evofool.evolution.reporting import Quiet, Reporter, Watcher, Wish
from evofool.evolution.rescoring import score_again
from evofool.evolution.selection import best_of_class, elites_of, make_selection
from evofool.evolution.session import (
    INTERRUPTED,
    MAX_SECONDS,
    TARGET_REACHED,
    Outcome,
    Reason,
    Session,
    begin_with,
    lost_process,
)

__all__ = [
    "HIGH",
    "INTERRUPTED",
    "LIKELY",
    "MAX_SECONDS",
    "NEAR_CERTAIN",
    "TARGET_REACHED",
    "Cells",
    "CellsFunction",
    "Checkpoint",
    "Confidences",
    "Encoding",
    "FitnessFunction",
    "FixedEncoding",
    "Forecast",
    "Genomes",
    "Item",
    "Lineage",
    "Loop",
    "MetricsLine",
    "MicroBatches",
    "Outcome",
    "OwnLoop",
    "Plan",
    "Quiet",
    "Rates",
    "Reason",
    "Reporter",
    "RunState",
    "Session",
    "Step",
    "Watcher",
    "Wish",
    "archive_sha256",
    "ask_tell",
    "begin_with",
    "best_of_class",
    "breeding",
    "changed_settings",
    "class_changes",
    "compile_loop",
    "compile_polish",
    "compiled_render",
    "configure",
    "cppn_spec",
    "cppn_style",
    "damaged_history",
    "damaged_lineage",
    "damaged_metrics",
    "elites_of",
    "entries",
    "expectation_of",
    "forecast_run",
    "generation_reaching",
    "genome_arrays",
    "genomes_from",
    "has_its_seal",
    "image_bytes",
    "lineage",
    "lineage_files",
    "load",
    "load_configured",
    "load_newest",
    "load_whole",
    "lost_process",
    "make_encoding",
    "make_plan",
    "make_rates",
    "make_selection",
    "makes_again",
    "metrics",
    "micro_batches",
    "polished",
    "random_images",
    "register_activation",
    "register_cells",
    "register_encoding",
    "register_fitness",
    "resume_command",
    "run_of",
    "saved_generations",
    "score_again",
    "sealed",
    "second_axis",
    "settings_message",
    "starters",
    "summarize",
    "testing",
]
