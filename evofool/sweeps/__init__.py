"""Sweeps: runs for every combination of settings, on one machine or many, and what they show.

A *sweep* is a folder of runs that differ in some settings. A *point* is one of them: a run
directory named after its settings. An *engine* carries points out: processes on this machine, Ray
or SLURM. Where a point is carried out changes nothing about it, and finished points are never
repeated.
"""

from evofool.sweeps.comparison import Comparison, Group, Measure, compare_by, compared_runs
from evofool.sweeps.folder import PointFacts, Sweep, is_sweep
from evofool.sweeps.plan import Plan, Point, read_plan
from evofool.sweeps.showing import plot_comparison, rows_of, write_comparison
from evofool.sweeps.sweep import BACKENDS, Backend, sweep

__all__ = [
    "BACKENDS",
    "Backend",
    "Comparison",
    "Group",
    "Measure",
    "Plan",
    "Point",
    "PointFacts",
    "Sweep",
    "compare_by",
    "compared_runs",
    "is_sweep",
    "plot_comparison",
    "read_plan",
    "rows_of",
    "sweep",
    "write_comparison",
]
