"""A run directory: made, resumed, opened, inspected, shown, exported, verified, compared.

`evolve` and `resume` (in `launch`) make runs; `Run` opens one and `Elite` is the best image of a
class in it. Everything else here reads a finished run.
"""

from evofool.runs import plots
from evofool.runs.adapters import save_npz, to_ribs
from evofool.runs.animation import animate
from evofool.runs.breed import breed
from evofool.runs.breeding_session import Brood, Child
from evofool.runs.choosing import MOST_BY_CLASS
from evofool.runs.comparison import RunFacts, compare
from evofool.runs.consoles import PlainConsole, progress_output
from evofool.runs.convergence import write_convergence
from evofool.runs.doctor import Diagnosis, doctor
from evofool.runs.drawing import render, render_files
from evofool.runs.exporting import export, write_csv
from evofool.runs.family_tree import Move, classes_held, goal_switches, kinship, move_matrix, moves
from evofool.runs.folders import result_folder
from evofool.runs.frames import Size
from evofool.runs.gallery import PER_PAGE, gallery
from evofool.runs.identity import Given, not_deterministic
from evofool.runs.inspection import (
    EliteFacts,
    GroupFacts,
    facts,
    fitness_text,
    genome_json,
    genome_text,
    inspect,
    inspect_groups,
)
from evofool.runs.launch import STOPPED_EARLY, evolve, resume
from evofool.runs.layouts import Layout, publish
from evofool.runs.line_of_descent import descent, draw_stones, stepping_stones, stones_of
from evofool.runs.polish import polish
from evofool.runs.poster import colourfulness, contrast, poster, striking
from evofool.runs.progress import reporting
from evofool.runs.quiz import quiz
from evofool.runs.run import Elite, IndependentRun, Run
from evofool.runs.summary import Manifest, RunSummary, Summary
from evofool.runs.tables import Metrics
from evofool.runs.transfer import Judgement, Seen, look, transfer
from evofool.runs.transfer_matrix import TransferMatrix, transfer_matrix
from evofool.runs.verification import verify

__all__ = [
    "MOST_BY_CLASS",
    "PER_PAGE",
    "STOPPED_EARLY",
    "Brood",
    "Child",
    "Diagnosis",
    "Elite",
    "EliteFacts",
    "Given",
    "GroupFacts",
    "IndependentRun",
    "Judgement",
    "Layout",
    "Manifest",
    "Metrics",
    "Move",
    "PlainConsole",
    "Run",
    "RunFacts",
    "RunSummary",
    "Seen",
    "Size",
    "Summary",
    "TransferMatrix",
    "animate",
    "breed",
    "classes_held",
    "colourfulness",
    "compare",
    "contrast",
    "descent",
    "doctor",
    "draw_stones",
    "evolve",
    "export",
    "facts",
    "fitness_text",
    "gallery",
    "genome_json",
    "genome_text",
    "goal_switches",
    "inspect",
    "inspect_groups",
    "kinship",
    "look",
    "move_matrix",
    "moves",
    "not_deterministic",
    "plots",
    "polish",
    "poster",
    "progress_output",
    "publish",
    "quiz",
    "render",
    "render_files",
    "reporting",
    "result_folder",
    "resume",
    "save_npz",
    "stepping_stones",
    "stones_of",
    "striking",
    "to_ribs",
    "transfer",
    "transfer_matrix",
    "verify",
    "write_convergence",
    "write_csv",
]
