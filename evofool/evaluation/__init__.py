"""Images shown to a classifier: its classes, confidences and accuracy.

`recognize` is the way to show a classifier 8-bit levels: it returns classes, confidences and
log-odds. `evaluate` is the forward pass below it, of values in [0, 1], in micro-batches.
*Log-odds* are log(p / (1 - p)) of a confidence p; they do not saturate where float32
probabilities end at 1.
"""

from evofool.evaluation.features import extract_features
from evofool.evaluation.forward import (
    ACCELERATOR_VALUES,
    CPU_VALUES,
    choose_gradient_batch,
    choose_micro_batch,
    evaluate,
    evaluate_levels,
    evaluate_log_odds,
    in_parts,
    micro_batch_for,
)
from evofool.evaluation.labelled import Labelled, read_labelled
from evofool.evaluation.on_files import accuracy, classify, summarize_actions
from evofool.evaluation.programs import Model, model_of, once_per_model
from evofool.evaluation.recognition import Corrupted, Recognized, corrupt, recognize
from evofool.evaluation.selftest import Check, check_digits, check_photographs, check_scale
from evofool.evaluation.speed import FaceSpeeds, compare_faces

__all__ = [
    "ACCELERATOR_VALUES",
    "CPU_VALUES",
    "Check",
    "Corrupted",
    "FaceSpeeds",
    "Labelled",
    "Model",
    "Recognized",
    "accuracy",
    "check_digits",
    "check_photographs",
    "check_scale",
    "choose_gradient_batch",
    "choose_micro_batch",
    "classify",
    "compare_faces",
    "corrupt",
    "evaluate",
    "evaluate_levels",
    "evaluate_log_odds",
    "extract_features",
    "in_parts",
    "micro_batch_for",
    "model_of",
    "once_per_model",
    "read_labelled",
    "recognize",
    "summarize_actions",
]
