"""Regular images: drawn by evolved networks (CPPN encoding)."""

from evofool.experiments.bench import NETWORK
from evofool.experiments.registry import Experiment, Part
from evofool.experiments.regular.digits import (
    ONES,
    SOON,
    TWOS,
    measure_digits,
    measure_objects,
    report_digits,
    report_objects,
)
from evofool.experiments.regular.imagenet import CLAIMS, measure_thousand, report_thousand
from evofool.experiments.report import CERTAIN_MEDIAN

EXPERIMENT = Experiment(
    name="regular",
    title="Do images drawn by evolved networks fool a network, and what do they look like?",
    so_what=(
        "If stripes and rings get 99.99 %, a threshold on confidence keeps no nonsense out, and "
        "what they have in common with a class is what the network looks for."
    ),
    paper="sections 3.1 and 3.2, Figs. 1, 5, 7 and 8",
    parts={
        "mnist": Part(
            measure=measure_digits,
            report=report_digits,
            claims=(SOON, CERTAIN_MEDIAN, ONES, TWOS),
            networks=("lenet",),
            images=True,
            seeds=30,
        ),
        "cifar10": Part(
            measure=measure_objects, report=report_objects, networks=("cifar_cnn",), seeds=3
        ),
        "imagenet": Part(
            measure=measure_thousand,
            report=report_thousand,
            claims=CLAIMS,
            networks=(NETWORK,),
            seeds=2,
        ),
    },
)
