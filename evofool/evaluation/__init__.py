"""Images shown to a classifier, and what it says of them.

`evaluate` is the forward pass in micro-batches; `recognize` is the one way to ask a classifier
about levels: its class, confidence and log-odds. *Log-odds* are log(p / (1 - p)) of a confidence
p; they do not saturate where float32 probabilities end at 1.
"""

from evofool.evaluation.features import extract_features
from evofool.evaluation.forward import (
    ACCELERATOR_VALUES,
    CPU_VALUES,
    choose_micro_batch,
    evaluate,
    evaluate_log_odds,
    in_parts,
)
from evofool.evaluation.on_files import accuracy, classify, summarize_actions
from evofool.evaluation.recognition import Recognized, corrupt, recognize
from evofool.evaluation.selftest import Check, check_digits, check_photographs

__all__ = [
    "ACCELERATOR_VALUES",
    "CPU_VALUES",
    "Check",
    "Recognized",
    "accuracy",
    "check_digits",
    "check_photographs",
    "choose_micro_batch",
    "classify",
    "corrupt",
    "evaluate",
    "evaluate_log_odds",
    "extract_features",
    "in_parts",
    "recognize",
    "summarize_actions",
]
