"""Are they unrecognisable? A blind quiz for people, and what stands in for people until then.

The paper calls its images unrecognisable to humans and shows them; it asks nobody. Here two
kinds of proxies say whether an image resembles what the network takes it for: other networks
(judges), and the real image that is nearest to it. Neither is worth anything by itself, so that
the same is asked of real images of which the network is as certain.
"""

from functools import partial

from evofool.classifiers import imagenet_group
from evofool.experiments.bench import (
    NETWORK,
    Lab,
    evolve_digits,
    evolve_directly,
    evolve_imagenet_directly,
    evolve_long,
)
from evofool.experiments.recognisability.measures import Question, measure
from evofool.experiments.recognisability.report import CLAIMS, report
from evofool.experiments.registry import Experiment, Part

DIGIT_JUDGES = ("lenet-b", "seed000-cnn", "mlp")
OTHERS = ("mobilenet_v1_0.75_192", "mobilenet_v2_1.0_224_qat", "squeezenet_v1.0_deepcompression")


def prepare_digits(lab: Lab) -> Question:
    """Digits evolved for the LeNet that ships with evofool, and test digits."""
    names = lab.choose(full=DIGIT_JUDGES, small=DIGIT_JUDGES[-1:])
    digits, few = lab.dataset(), lab.choose(full=None, small=1000)
    return Question(
        network=lab.network("lenet"),
        judges={name: lab.network(name) for name in names},
        runs={"CPPN": evolve_digits(lab, "lenet"), "direct": evolve_directly(lab, "lenet")},
        reals=digits.test_images[:few],
        labels=digits.test_labels[:few].astype(int),
        examples=digits.train_images[:few],
        example_labels=digits.train_labels[:few].astype(int),
        kind=str,
    )


def prepare_photographs(lab: Lab) -> Question:
    """A thousand classes evolved for the smallest MobileNetV1, and photographs."""
    names = lab.choose(full=OTHERS, small=OTHERS[:1])
    network = lab.network(NETWORK)
    photographs, labels = lab.photographs(network)
    return Question(
        network=network,
        judges={name: lab.network(name) for name in names},
        runs={"CPPN": evolve_long(lab), "direct": evolve_imagenet_directly(lab)},
        reals=photographs,
        labels=labels,
        examples=photographs,
        example_labels=labels,
        kind=imagenet_group,
    )


EXPERIMENT = Experiment(
    name="recognisability",
    title="Are they unrecognisable? The blind quiz and its proxies.",
    so_what=(
        "If people and other networks do not see the class, what a network takes for an object "
        "is not what we do."
    ),
    paper="Figs. 1, 4, 5 and 8; no figures given",
    parts={
        "mnist": Part(
            measure=partial(measure, prepare=prepare_digits),
            report=partial(report, prepare=prepare_digits),
            claims=CLAIMS,
            networks=("lenet", *DIGIT_JUDGES),
            images=True,
            seeds=30,
        ),
        "imagenet": Part(
            measure=partial(measure, prepare=prepare_photographs),
            report=partial(report, prepare=prepare_photographs),
            claims=CLAIMS,
            networks=(NETWORK, *OTHERS),
            images=True,
        ),
    },
)
