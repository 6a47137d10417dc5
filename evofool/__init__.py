"""Evolve pictures that an image classifier is certain about and no person recognises.

    >>> import evofool, tempfile
    >>> folder = tempfile.mkdtemp() + "/run"
    >>> run = evofool.evolve("mock:10", generations=5, batch_size=20, out=folder)
    >>> run["class 7"].confidence > 0.5
    True

Every verb of the command line is a function here: `evolve`, `resume`, `inspect`, `compare`,
`render`, `descent`, `gallery`, `export`, `poster`, `quiz`, `verify`, `classify`, `accuracy`,
`attack`, `corrupt`, `train_classifier`, `train_network`, `reproduce`, `fetch`, `convert_weights`,
`fetch_weights`, `doctor`. `Run` opens a run directory. Nothing is loaded before it is used, and
nothing is configured at import.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evofool.ablation import ablate
    from evofool.api import evolve, resume
    from evofool.attacks import (
        AttackResult,
        attack,
        deepfool,
        fgsm,
        finite_differences,
        gradient_ascent,
        lbfgs,
        one_pixel,
        pgd,
        universal,
    )
    from evofool.classification import accuracy, classify
    from evofool.classifiers import (
        Card,
        Classifier,
        convert_weights,
        fetch_weights,
        load_classifier,
        register_family,
    )
    from evofool.config import PRESETS, CppnConfig, DirectConfig, EvolveConfig, make_config
    from evofool.corruptions import blur, exchange_tiles, recolor, shuffle_pixels
    from evofool.data import fetch, load_cifar10, load_mnist
    from evofool.diagnosis import doctor
    from evofool.errors import UserError
    from evofool.experiments import reproduce
    from evofool.features import extract_features
    from evofool.finetuning import fine_tune
    from evofool.fitting import train_network
    from evofool.intensity_tables import intensity_table
    from evofool.recipes import train_classifier
    from evofool.recognition import corrupt, recognize
    from evofool.repeats import find_repeats
    from evofool.reports import (
        compare,
        descent,
        export,
        gallery,
        inspect,
        poster,
        quiz,
        render,
        verify,
    )
    from evofool.run import Elite, Run
    from evofool.statistics import (
        mann_whitney,
        median_interval,
        permutation_test,
        proportion_interval,
        signed_rank,
    )
    from evofool.transferring import transfer

_HOME = {
    "evofool.ablation": ("ablate",),
    "evofool.api": ("evolve", "resume"),
    "evofool.attacks": (
        "AttackResult",
        "attack",
        "deepfool",
        "fgsm",
        "finite_differences",
        "gradient_ascent",
        "lbfgs",
        "one_pixel",
        "pgd",
        "universal",
    ),
    "evofool.classification": ("accuracy", "classify"),
    "evofool.classifiers": (
        "Card",
        "Classifier",
        "convert_weights",
        "fetch_weights",
        "load_classifier",
        "register_family",
    ),
    "evofool.config": ("PRESETS", "CppnConfig", "DirectConfig", "EvolveConfig", "make_config"),
    "evofool.corruptions": ("blur", "exchange_tiles", "recolor", "shuffle_pixels"),
    "evofool.data": ("fetch", "load_cifar10", "load_mnist"),
    "evofool.diagnosis": ("doctor",),
    "evofool.errors": ("UserError",),
    "evofool.experiments": ("reproduce",),
    "evofool.features": ("extract_features",),
    "evofool.finetuning": ("fine_tune",),
    "evofool.fitting": ("train_network",),
    "evofool.intensity_tables": ("intensity_table",),
    "evofool.recipes": ("train_classifier",),
    "evofool.recognition": ("corrupt", "recognize"),
    "evofool.repeats": ("find_repeats",),
    "evofool.reports": (
        "compare",
        "descent",
        "export",
        "gallery",
        "inspect",
        "poster",
        "quiz",
        "render",
        "verify",
    ),
    "evofool.run": ("Elite", "Run"),
    "evofool.statistics": (
        "mann_whitney",
        "median_interval",
        "permutation_test",
        "proportion_interval",
        "signed_rank",
    ),
    "evofool.transferring": ("transfer",),
}

__all__ = [
    "PRESETS",
    "AttackResult",
    "Card",
    "Classifier",
    "CppnConfig",
    "DirectConfig",
    "Elite",
    "EvolveConfig",
    "Run",
    "UserError",
    "ablate",
    "accuracy",
    "attack",
    "blur",
    "classify",
    "compare",
    "convert_weights",
    "corrupt",
    "deepfool",
    "descent",
    "doctor",
    "evolve",
    "exchange_tiles",
    "export",
    "extract_features",
    "fetch",
    "fetch_weights",
    "fgsm",
    "find_repeats",
    "fine_tune",
    "finite_differences",
    "gallery",
    "gradient_ascent",
    "inspect",
    "intensity_table",
    "lbfgs",
    "load_cifar10",
    "load_classifier",
    "load_mnist",
    "make_config",
    "mann_whitney",
    "median_interval",
    "one_pixel",
    "permutation_test",
    "pgd",
    "poster",
    "proportion_interval",
    "quiz",
    "recognize",
    "recolor",
    "register_family",
    "render",
    "reproduce",
    "resume",
    "shuffle_pixels",
    "signed_rank",
    "train_classifier",
    "train_network",
    "transfer",
    "universal",
    "verify",
]


def __getattr__(name: str) -> Any:
    for module, names in _HOME.items():
        if name in names:
            return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module 'evofool' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
