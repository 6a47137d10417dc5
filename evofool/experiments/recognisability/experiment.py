"""Are they unrecognisable? A blind quiz for people, and what stands in for people until then.

The paper calls its images unrecognisable to humans and shows them; it asks nobody. Here two
kinds of proxies say whether an image resembles what the network takes it for: other networks
(judges), and the real image that is nearest to it. Neither is worth anything by itself, so that
the same is asked of real images that the network is as certain of.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from evofool.classifiers import Classifier, imagenet_group
from evofool.evaluation import extract_features, recognize
from evofool.experiments.bench import (
    NETWORK,
    Lab,
    evolve_digits,
    evolve_directly,
    evolve_imagenet_directly,
    evolve_long,
    images_of,
)
from evofool.experiments.recognisability.measures import (
    NEAR,
    Compared,
    Proxies,
    Shown,
    match_certainty,
    nearest,
)
from evofool.experiments.recognisability.report import report
from evofool.experiments.registry import Experiment, Whole
from evofool.experiments.report import Findings
from evofool.images import Levels, from_levels
from evofool.runs import Run, look
from evofool.support import UserError

DIGIT_JUDGES = ("lenet-b", "seed000-cnn", "mlp")
OTHERS = ("mobilenet_v1_0.75_192", "mobilenet_v2_1.0_224_qat", "squeezenet_v1.0_deepcompression")
MICRO_BATCH = 64  # images whose features are extracted together


class Examples(NamedTuple):
    """Real images to look for the nearest among.

    Attributes:
        images: levels 0..255.
        kinds: what counts as the same: classes, or groups of them.
    """

    images: Levels
    kinds: np.ndarray


class Question(NamedTuple):
    """What an experiment is done with.

    Attributes:
        network: that was fooled.
        judges: other networks, by name; the first one's penultimate layer is compared too.
        runs: evolved, by encoding.
        reals: real images that the network sees, and where they are among the examples, or -1.
        labels: what people say that those show.
        examples: to find the nearest among.
        kind: of a class, see `Examples`.
    """

    network: Classifier
    judges: Mapping[str, Classifier]
    runs: Mapping[str, Run]
    reals: Levels
    places: Int[np.ndarray, " reals"]
    labels: Int[np.ndarray, " reals"]
    examples: Examples
    kind: Callable[[int], str]


def mnist(lab: Lab) -> Findings:
    """Digits evolved for the LeNet that ships with evofool, and test digits."""
    names = lab.choose(full=DIGIT_JUDGES, small=DIGIT_JUDGES[-1:])
    digits, few = lab.dataset(), lab.choose(full=None, small=1000)
    labels = digits.test_labels[:few].astype(int)
    return _answer(
        lab,
        Question(
            network=lab.network("lenet"),
            judges={name: lab.network(name) for name in names},
            runs={"CPPN": evolve_digits(lab, "lenet"), "direct": evolve_directly(lab, "lenet")},
            reals=digits.test_images[:few],
            places=np.full(len(labels), -1),
            labels=labels,
            examples=Examples(
                digits.train_images[:few], digits.train_labels[:few].astype(int).astype(str)
            ),
            kind=str,
        ),
    )


def imagenet(lab: Lab) -> Findings:
    """A thousand classes evolved for the smallest MobileNetV1, and photographs."""
    names = lab.choose(full=OTHERS, small=OTHERS[:1])
    network = lab.network(NETWORK)
    photographs, labels = lab.photographs(network)
    direct = evolve_imagenet_directly(lab)
    return _answer(
        lab,
        Question(
            network=network,
            judges={name: lab.network(name) for name in names},
            runs={"CPPN": evolve_long(lab), "direct": direct},
            reals=photographs,
            places=np.arange(len(labels)),
            labels=labels,
            examples=Examples(photographs, np.array([imagenet_group(int(i)) for i in labels])),
            kind=imagenet_group,
        ),
    )


def _answer(lab: Lab, question: Question) -> Findings:
    seen = recognize(question.network, question.reals)
    certainty = seen.log_odds[np.arange(len(seen.classes)), seen.classes]
    evolved = {encoding: _elites_of(run) for encoding, run in question.runs.items()}
    pairs = {
        encoding: match_certainty(elites.log_odds, certainty)
        for encoding, elites in evolved.items()
    }
    pairs = {encoding: both for encoding, both in pairs.items() if len(both[0])}
    if "CPPN" not in pairs:
        raise UserError(
            f"{question.network.card.name} is as certain of none of {len(question.reals)} real "
            "images as of an elite, so that there is nothing to compare elites with; give more"
        )
    reals = {
        encoding: Shown(question.reals[rows], seen.classes[rows], certainty[rows])
        for encoding, (_, rows) in pairs.items()
    }

    def compute() -> dict[str, np.ndarray]:
        groups = {}
        for encoding, (_, rows) in pairs.items():
            nowhere = np.full(len(evolved[encoding].classes), -1)
            groups[f"{encoding} elites"] = evolved[encoding], nowhere
            groups[f"{encoding} reals"] = reals[encoding], question.places[rows]
        return {
            f"{name} {field}": values
            for name, proxies in _look(question, groups).items()
            for field, values in proxies._asdict().items()
        }

    key = [
        *(run.summary["archive_sha256"] for run in question.runs.values() if run.summary),
        *(one.card.sha256 for one in (question.network, *question.judges.values())),
        *(len(question.reals), len(question.examples.images), NEAR),
    ]
    kept = lab.arrays("proxies", compute, key=key)

    def proxies(name: str) -> Proxies:
        return Proxies(*(kept[f"{name} {field}"] for field in Proxies._fields))

    compared = {
        encoding: Compared(
            elites=evolved[encoding],
            reals=reals[encoding],
            matched=matched,
            of_elites=proxies(f"{encoding} elites"),
            of_reals=proxies(f"{encoding} reals"),
            labelled=seen.classes[rows] == question.labels[rows],
        )
        for encoding, (matched, rows) in pairs.items()
    }
    return report(
        lab,
        compared,
        judges=[*question.judges],
        spaces=[*_spaces(question)],
        kind=question.kind,
        card=question.network.card,
        examples=len(question.examples.images),
        unmatched=[encoding for encoding in question.runs if encoding not in compared],
    )


def _elites_of(run: Run) -> Shown:
    elites = [elite for index in range(run.config.runs) for elite in run.elites(index)]
    return Shown(
        images=images_of(run, elites),
        classes=np.array([elite.class_index for elite in elites]),
        log_odds=np.array([elite.fitness for elite in elites]),
    )


def _look(
    question: Question, groups: Mapping[str, tuple[Shown, Int[np.ndarray, " images"]]]
) -> dict[str, Proxies]:
    """Asks judges and neighbours about groups of images."""
    seen = {
        name: [
            look(judge, from_levels(group.images), group.classes.tolist())
            for judge in question.judges.values()
        ]
        for name, (group, _) in groups.items()
    }
    cosines: dict[str, list[np.ndarray]] = {name: [] for name in groups}
    is_same: dict[str, list[np.ndarray]] = {name: [] for name in groups}
    for features in _spaces(question).values():
        examples = features(question.examples.images)
        for name, (group, places) in groups.items():
            found, alike = nearest(features(group.images), examples, places)
            kinds = np.array([question.kind(int(index)) for index in group.classes])
            cosines[name].append(alike)
            is_same[name].append(question.examples.kinds[found] == kinds)
    return {
        name: Proxies(
            confirmed=np.stack([one.hits for one in seen[name]]),
            log_odds=np.stack([one.log_odds for one in seen[name]]),
            nearest=np.stack(cosines[name]),
            is_same=np.stack(is_same[name]),
        )
        for name in groups
    }


def _spaces(question: Question) -> dict[str, Callable[[Levels], np.ndarray]]:
    """Returns what images are compared by: pixels, and two penultimate layers."""

    def layer(network: Classifier) -> Callable[[Levels], np.ndarray]:
        return lambda images: extract_features(network, images, micro_batch=MICRO_BATCH)

    name, judge = next(iter(question.judges.items()))
    return {
        "pixels": lambda images: images.reshape(len(images), -1).astype(np.float32),
        f"features of {question.network.card.name}": layer(question.network),
        f"features of {name}": layer(judge),
    }


EXPERIMENT = Experiment(
    name="recognisability",
    title="Are they unrecognisable? The blind quiz and its proxies.",
    paper="Figs. 1, 4, 5 and 8; no figures given",
    parts={
        "mnist": Whole(run=mnist, networks=("lenet", *DIGIT_JUDGES), images=True, seeds=30),
        "imagenet": Whole(run=imagenet, networks=(NETWORK, *OTHERS), images=True),
    },
)
