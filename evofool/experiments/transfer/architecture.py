"""Transfer to networks of another architecture: who takes whose images for the same."""

from collections.abc import Mapping

import numpy as np

from evofool.analysis import Share
from evofool.evolution import HIGH, LIKELY, NEAR_CERTAIN
from evofool.experiments.bench import (
    NETWORK,
    Lab,
    evolve_digits,
    evolve_imagenet,
    evolve_imagenet_briefly,
)
from evofool.experiments.registry import Experiment, Whole
from evofool.experiments.report import Findings, Row, Table, Verdict, settings
from evofool.experiments.transfer.measures import (
    by_own_confidence,
    matrix,
    near_certain,
    seen_by,
    share,
)
from evofool.runs import Seen

DIGITS = ("lenet", "lenet-sigmoid", "seed000-cnn", "mlp", "linear")
FEW_DIGITS = ("lenet", "mlp", "linear")  # at small scale
NETWORKS = (NETWORK, "mobilenet_v2_1.0_224_qat", "squeezenet_v1.0_deepcompression")
FEW_NETWORKS = NETWORKS[::2]
PUBLISHED = (0.207, 0.173)  # GoogLeNet to AlexNet, and back
PAPER = "20.7 % and 17.3 % (GoogLeNet, AlexNet)"

Views = dict[str, dict[str, Seen]]  # by the network the images are for: what each makes of them


def mnist(lab: Lab) -> Findings:
    """Five networks of very different kinds, from a linear one to two deep ones."""
    networks = lab.choose(full=DIGITS, small=FEW_DIGITS)
    runs = {name: evolve_digits(lab, name) for name in networks}
    seen = {name: seen_by(lab, run, networks) for name, run in runs.items()}
    shares = _shares(seen)
    owners = {name: name for name in networks}
    image, table = matrix(lab, seen, owners)
    images = f"{len(shares)} ordered pairs, {next(iter(shares.values())).n} images each"
    return Findings(
        rows=[
            Row(
                what="same label on both, over the pairs of networks",
                ours=[one.share for one in shares.values()],
                unit="%",
                n=images,
            ),
            Row(
                what=">= 99.99 % on both, over the pairs of networks",
                ours=[one.share for one in _shares(seen, certain=True).values()],
                unit="%",
                n=images,
            ),
        ],
        tables=[table, _own(seen, owners)],
        images=[image],
        notes=[
            settings(runs[networks[0]]) + " The other networks' runs are of the same size.",
            "The figures over pairs are a median over ordered pairs of networks, with its interval "
            "over pairs. The paper did this on ImageNet only.",
        ],
        verdict=Verdict(outcome="new", because=_span(shares)),
    )


def imagenet(lab: Lab) -> Findings:
    """MobileNetV1, MobileNetV2 and SqueezeNet, with runs of one size."""
    networks = lab.choose(full=NETWORKS, small=FEW_NETWORKS)
    runs = {name: evolve_imagenet_briefly(lab, name) for name in networks}
    seen = {name: seen_by(lab, run, networks) for name, run in runs.items()}
    shares = _shares(seen)
    long = evolve_imagenet(lab)
    long_name = f"{NETWORK}, {long.config.generations} generations"
    all_seen = seen | {long_name: seen_by(lab, long, networks)}
    owners = {name: name for name in networks} | {long_name: NETWORK}
    image, table = matrix(lab, all_seen, owners)
    of_long = all_seen[long_name]
    return Findings(
        rows=[
            Row(
                what=f"{own} to {other}: same label on both",
                paper=PAPER,
                ours=[one.share],
                unit="%",
                n=f"{one.n} images, [{one.low:.1%}, {one.high:.1%}]",
            )
            for (own, other), one in shares.items()
        ],
        tables=[
            table,
            _own(all_seen, owners),
            *(
                by_own_confidence(of_long[NETWORK], of_long[name], title=f"{long_name}, to {name}")
                for name in networks[1:]
            ),
        ],
        images=[image],
        notes=[
            settings(runs[NETWORK]) + " The other networks' runs are of the same size.",
            settings(long),
            _why(of_long, long_name),
            "Images are scaled to the other's input, whole. All images count, also those whose "
            "own network finds another class likelier than the one they were evolved for.",
        ],
        verdict=_verdict(shares),
        summary=(PAPER, _span(shares)),
    )


def _shares(seen: Views, *, certain: bool = False) -> dict[tuple[str, str], Share]:
    """Returns, by ordered pair of networks, how many images both see alike (or surely so)."""
    found = {}
    for own, of_row in seen.items():
        for other, after in of_row.items():
            if other != own:
                before = of_row[own]
                kept = near_certain(before, after) if certain else before.top == after.top
                found[own, other] = share(kept)
    return found


def _span(shares: Mapping[tuple[str, str], Share]) -> str:
    least, most = (pick(shares, key=lambda pair: shares[pair].share) for pick in (min, max))
    return (
        f"{shares[least].share:.1%} ({' to '.join(least)}) to {shares[most].share:.1%} "
        f"({' to '.join(most)}) of the images keep their label"
    )


def _why(seen: Mapping[str, Seen], name: str) -> str:
    """Says what the length of a run and the certainty of its images change."""
    before = seen[NETWORK]
    sure = before.confidence >= HIGH
    parts = []
    for other in seen:
        if other == NETWORK:
            continue
        same = before.top == seen[other].top
        of_sure = f", of those at 99 % and more {share(same[sure])}" if sure.any() else ""
        parts.append(f"{other}: {share(same)}{of_sure}")
    return (
        f"By chance 0.1 % would keep their label. Longer runs and surer images transfer more "
        f"often: of {name}, to {'; to '.join(parts)}."
    )


def _verdict(shares: Mapping[tuple[str, str], Share]) -> Verdict:
    """Compares the pairs of networks with the two published shares, which differ by 3.4 points."""
    low, high = min(PUBLISHED) / 2, max(PUBLISHED) * 2
    near = sum(low <= one.share <= high for one in shares.values())
    return Verdict(
        outcome="reproduced" if near == len(shares) else "in part" if near else "differs",
        because=f"{_span(shares)}; {near} of {len(shares)} ordered pairs are within a factor of "
        "two of the published shares",
    )


def _own(seen: Views, owners: Mapping[str, str]) -> Table:
    """Says how well the images fool the networks that they are for."""
    rows = []
    for row, of_row in seen.items():
        own = of_row[owners[row]]
        high = [int(np.sum(own.confidence >= bar)) for bar in (LIKELY, HIGH, NEAR_CERTAIN)]
        rows.append([row, str(share(own.hits)), float(np.median(own.confidence)), *high])
    return Table(
        title="The images on the network that they were evolved for",
        header=[
            "evolved for",
            "likeliest class is theirs",
            "median",
            ">= .9",
            ">= .99",
            ">= .9999",
        ],
        rows=rows,
    )


EXPERIMENT = Experiment(
    name="transfer-architecture",
    title="Do images fool a network of another architecture?",
    paper="section 3.3, second part (GoogLeNet and AlexNet)",
    parts={
        "mnist": Whole(run=mnist, networks=DIGITS, seeds=10),
        "imagenet": Whole(run=imagenet, networks=NETWORKS),
    },
)
