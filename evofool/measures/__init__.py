"""Analyses of images and elites, which the experiments consist of.

Statistics with intervals and tests, similarity of images, repeated elements and their removal,
lesions of genomes, regularity and orientation, families of classes, survival of worn images,
answers to quizzes. The last two have commands of their own, `evofool survive` and `quiz --results`.
"""

from evofool.measures.answers import NamedRight, QuizResults, quiz_results
from evofool.measures.class_families import FamilyConfidence, family_probabilities
from evofool.measures.image_measures import (
    HORIZONTAL,
    VERTICAL,
    spectral_slope,
    stroke_energy,
    total_variation,
)
from evofool.measures.lesions import Lesion, lesions
from evofool.measures.patch_ablation import (
    CANDIDATES,
    DRAWS,
    FILLS,
    ablate,
    places_elsewhere,
    remove_patches,
)
from evofool.measures.repeats import Repeats, find_repeats
from evofool.measures.similarity import (
    GroupSimilarity,
    compare_groups,
    contrast_test,
    cosine,
    match_test,
)
from evofool.measures.statistics import (
    Median,
    Paired,
    Permuted,
    Share,
    TwoGroups,
    Values,
    holm,
    mann_whitney,
    median_interval,
    p_text,
    permutation_test,
    proportion_interval,
    signed_rank,
)
from evofool.measures.survival import Survival, SurvivalPoint, survive

__all__ = [
    "CANDIDATES",
    "DRAWS",
    "FILLS",
    "HORIZONTAL",
    "VERTICAL",
    "FamilyConfidence",
    "GroupSimilarity",
    "Lesion",
    "Median",
    "NamedRight",
    "Paired",
    "Permuted",
    "QuizResults",
    "Repeats",
    "Share",
    "Survival",
    "SurvivalPoint",
    "TwoGroups",
    "Values",
    "ablate",
    "compare_groups",
    "contrast_test",
    "cosine",
    "family_probabilities",
    "find_repeats",
    "holm",
    "lesions",
    "mann_whitney",
    "match_test",
    "median_interval",
    "p_text",
    "permutation_test",
    "places_elsewhere",
    "proportion_interval",
    "quiz_results",
    "remove_patches",
    "signed_rank",
    "spectral_slope",
    "stroke_energy",
    "survive",
    "total_variation",
]
