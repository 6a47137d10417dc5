"""What there is to say about the elites of a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

import cppn
from evofool.config import EvolveConfig
from evofool.evolution import HIGH, class_changes, cppn_spec, cppn_style, genome_arrays
from evofool.runs.choosing import group_of, select
from evofool.runs.run import Elite, Run
from evofool.support import JsonValue


def fitness_text(config: EvolveConfig) -> str:
    """Says in a line what the confidences of a run are those of."""
    if not config.wear:
        return "the image as it is"
    kinds = ", ".join(config.wear)
    return (
        f"the {config.expect_by} log-probability of {config.looks} copies of the image, "
        f"worn at random by {kinds}"
    )


@dataclass(frozen=True, kw_only=True)
class EliteFacts:
    """One elite in numbers.

    Attributes:
        run_index: which of the run's independent runs.
        class_index: the class it was evolved for.
        id: its WordNet id; None where classes have none.
        label: of that class.
        group: of ImageNet's classes that it is in; None where classes have none.
        confidence: of the classifier in that class, in [0, 1].
        log_odds: the fitness, log(confidence / (1 - confidence)); never saturates.
        runner_up: label of the strongest other class.
        generation: in which it was born.
        nodes: of its network, inputs and outputs included; None for directly encoded images.
        connections: of its network; None for directly encoded images.
        polished: rounds of polishing in that line.
        nodes_before: of the network that the first round began with; None where there was none.
        connections_before: the same of its connections.
        ancestors: generations in its line of first parents.
        class_changes: how often that line passed from one class to another.
    """

    run_index: int
    class_index: int
    id: str | None
    label: str
    group: str | None
    confidence: float
    log_odds: float
    runner_up: str
    generation: int
    nodes: int | None
    connections: int | None
    polished: int
    nodes_before: int | None
    connections_before: int | None
    ancestors: int
    class_changes: int


@dataclass(frozen=True, kw_only=True)
class GroupFacts:
    """The elites of one group of ImageNet's classes in numbers.

    Attributes:
        group: its name.
        classes: number of elites.
        median_confidence: over them, in [0, 1].
        share_ge_99: share of them at or above .99, in [0, 1].
    """

    group: str
    classes: int
    median_confidence: float
    share_ge_99: float


def inspect(
    run: str | Path | Run,
    *,
    run_index: int = 0,
    group: str | None = None,
    sort: str | None = "class",
) -> list[EliteFacts]:
    """Describes the elites of one of a run's independent runs.

    Args:
        run: a run directory.
        run_index: which of the independent runs.
        group: of ImageNet's classes, for instance "dogs"; all unless given.
        sort: "class", "confidence" (most certain first), or "group" (most certain first within);
            None: by class up to 30 classes and by confidence beyond.

    Raises:
        UserError: not a run directory, no such run, group or order, or it has no checkpoint yet.
    """
    elites = select(Run.open(run), run_index=run_index, group=group, sort=sort)
    return [facts(elite) for elite in elites]


def inspect_groups(elites: Sequence[EliteFacts]) -> list[GroupFacts]:
    """Describes the groups of elites, the most certain group first.

    Args:
        elites: as `inspect` gives them; those whose classes have no groups are left out.
    """
    members: dict[str, list[float]] = {}
    for elite in elites:
        if elite.group is not None:
            members.setdefault(elite.group, []).append(elite.confidence)
    groups = [
        GroupFacts(
            group=group,
            classes=len(values),
            median_confidence=float(np.median(values)),
            share_ge_99=float(np.mean(np.array(values) >= HIGH)),
        )
        for group, values in members.items()
    ]
    return sorted(groups, key=lambda group: -group.median_confidence)


def facts(elite: Elite) -> EliteFacts:
    """Describes one elite in numbers."""
    is_cppn = isinstance(elite.genome, cppn.Genome)
    ids, steps, config = elite.run.card.ids, elite.steps, elite.run.config
    polished = sum(step.generation > config.last_generation for step in steps)
    added = polished * config.polish.widen  # nodes, all of them fed by all inputs
    wires = added * (cppn.NUM_INPUTS + elite.run.card.input_shape[2])
    return EliteFacts(
        run_index=elite.run_index,
        class_index=elite.class_index,
        id=ids[elite.class_index] if ids else None,
        label=elite.label,
        group=group_of(elite) or None,
        confidence=elite.confidence,
        log_odds=elite.fitness,
        runner_up=elite.runner_up,
        generation=elite.born[0],
        nodes=int(elite.genome.num_nodes) if is_cppn else None,
        connections=int(elite.genome.num_connections) if is_cppn else None,
        polished=polished,
        nodes_before=int(elite.genome.num_nodes) - added if is_cppn and polished else None,
        connections_before=int(elite.genome.num_connections) - wires
        if is_cppn and polished
        else None,
        ancestors=len(steps) - 1,
        class_changes=class_changes(steps),
    )


def genome_text(elite: Elite) -> str:
    """Writes an elite's network as text that people can read.

    A directly encoded image is its own genome; the text says so.
    """
    if elite.run.config.encoding not in ("cppn", "direct"):
        shapes = (f"{array.dtype}{list(array.shape)}" for array in jax.tree.leaves(elite.genome))
        return f"{elite.run.config.encoding}: {', '.join(shapes)}"
    if not isinstance(elite.genome, cppn.Genome):
        height, width, channels = elite.run.card.input_shape
        return f"{height} x {width} x {channels} pixels, each a gene in 0..255"
    return cppn.to_text(elite.genome, spec_of(elite))


def genome_json(elite: Elite) -> dict[str, JsonValue] | None:
    """Returns an elite's network as plain values, with how to draw it, as `cppn.to_json` does.

    A directly encoded image has None: it is its own genome. One of a user's encoding has its
    arrays, as nested lists by name.
    """
    if elite.run.config.encoding not in ("cppn", "direct"):
        names = genome_arrays(elite.run.encoding, prefix="genome")
        arrays = map(np.asarray, jax.tree.leaves(elite.genome))
        return {name: array.tolist() for name, array in zip(names, arrays, strict=True)}
    if not isinstance(elite.genome, cppn.Genome):
        return None
    return cppn.to_json(elite.genome, spec_of(elite), style=style_of(elite))


def spec_of(elite: Elite) -> cppn.GenomeSpec:
    """Returns what an elite's network has in common with all of its run."""
    return cppn_spec(elite.run.config.cppn, elite.run.card.input_shape[2])


def style_of(elite: Elite) -> cppn.Style:
    """Returns how an elite's network is drawn."""
    return cppn_style(elite.run.config.cppn, elite.run.card.input_shape[2])
