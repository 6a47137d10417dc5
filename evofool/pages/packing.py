"""What a site knows of a run, as the values that its scripts read.

`assets/genome.js` unpacks networks, `assets/runs.js` the rest.
"""

import base64
import zlib
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import groupby

import jax
import numpy as np

import cppn
from evofool.evolution import Step, cppn_spec, cppn_style
from evofool.runs import Elite, Run, facts
from evofool.support import JsonValue

PER_FILE = 250  # networks in a data file
MOST_ANCESTORS = 6000  # networks of ancestors in a site, of each run: some 1.2 MB


def run_facts(run: Run, elites: Sequence[Elite]) -> JsonValue:
    """Returns what is said once for all elites of a run; `look` is None for directly encoded."""
    height, width, channels = run.card.input_shape
    known = [facts(elite) for elite in elites]
    is_drawn = run.config.encoding == "cppn"
    return {
        "name": run.folder.resolve().name,
        "classifier": run.config.classifier,
        "generation": run.generation,
        "seed": run.config.seed,
        "runs": run.config.runs,
        "classes": {fact.class_index: [fact.label, fact.id, fact.group] for fact in known},
        "shape": [height, width, channels],
        "look": _look(run) if is_drawn else None,
    }


def _look(run: Run) -> JsonValue:
    """Returns how all networks of a run are drawn."""
    height, width, channels = run.card.input_shape
    spec = cppn_spec(run.config.cppn, channels)
    return {
        "height": height,
        "width": width,
        "outputs": spec.outputs,
        "activations": list(spec.activations),
        "style": cppn_style(run.config.cppn, channels)._asdict(),
    }


def elite_columns(elites: Sequence[Elite]) -> JsonValue:
    """Returns what is known of elites, as columns: a value for each of them under every name."""
    known = [facts(elite) for elite in elites]
    return {
        "class": [fact.class_index for fact in known],
        "index": [fact.run_index for fact in known],
        "logOdds": [round(fact.log_odds, 5) for fact in known],
        "runnerUp": [fact.runner_up for fact in known],
        "born": [list(elite.born) for elite in elites],
        "nodes": [fact.nodes for fact in known],
        "connections": [fact.connections for fact in known],
        "ancestors": [fact.ancestors for fact in known],
        "changes": [fact.class_changes for fact in known],
    }


def pack(genome: cppn.Genome) -> bytes:
    """Writes a network: counts of nodes and connections, activations, sources, targets.

    These are little-endian uint16; the weights, float32, come last.
    """
    genome = jax.tree.map(np.asarray, genome)
    nodes, connections = int(genome.num_nodes), int(genome.num_connections)
    numbers = np.concatenate(
        [
            [nodes, connections],
            genome.activation[cppn.NUM_INPUTS : nodes],
            genome.source[:connections],
            genome.target[:connections],
        ]
    )
    weights = genome.weight[:connections].astype("<f4").tobytes()
    return numbers.astype("<u2").tobytes() + weights


def together(packed: Iterable[bytes]) -> str:
    """Writes networks one after the other, compressed, as base64.

    Relatives share weights, so that less than half is left.
    """
    return base64.b64encode(zlib.compress(b"".join(packed), level=9)).decode("ascii")


class Lines:
    """The lines of descent of a run's elites, the oldest ancestor first.

    Where all together have more than `MOST_ANCESTORS`, as many of each are taken, at equal
    distances, as keeps within.

    Args:
        run: the run.
        elites: of all its independent runs.
    """

    def __init__(self, run: Run, elites: Sequence[Elite]):
        lines = [elite.steps[:0:-1] for elite in elites]  # without itself
        indices = [elite.run_index for elite in elites]
        lines = _thinned(lines, indices)
        self._run = run
        self._born = sorted(
            {
                (index, *_born(step))
                for index, line in zip(indices, lines, strict=True)
                for step in line
            }
        )
        numbers = {born: number for number, born in enumerate(self._born)}
        self._members = [
            [[numbers[index, *_born(step)], _class_of(run, step)] for step in line]
            for index, line in zip(indices, lines, strict=True)
        ]

    def __len__(self) -> int:
        return len(self._born)

    def facts(self) -> JsonValue:
        """Returns for every elite its ancestors, and the generation of every ancestor.

        The former are pairs of an ancestor's number and the class that it held.
        """
        generations = [generation for _, generation, _ in self._born]
        return {"members": self._members, "generations": generations}

    @cached_property
    def networks(self) -> list[bytes]:
        """Those of all ancestors, which are made again for it."""
        packed = []
        for index, members in groupby(self._born, key=lambda born: born[0]):
            wanted = [(generation, child) for _, generation, child in members]
            genomes = self._run.remake(index, wanted)
            packed += [pack(genomes[born]) for born in wanted]
        return packed


def _born(step: Step) -> tuple[int, int]:
    return step.generation, step.child


def _class_of(run: Run, step: Step) -> int:
    return run.outputs[step.cell] - run.card.class_offset


def _thinned(lines: list[list[Step]], run_indices: list[int]) -> list[list[Step]]:
    """Takes so many steps of each line that at most `MOST_ANCESTORS` different ones are left."""
    most = max(map(len, lines), default=0)
    while most > 1:
        chosen = [_spread(line, most) for line in lines]
        different = {
            (index, *_born(step))
            for index, line in zip(run_indices, chosen, strict=True)
            for step in line
        }
        if len(different) <= MOST_ANCESTORS:
            return chosen
        most = most * 3 // 4
    return [line[:1] for line in lines]


def _spread(line: list[Step], most: int) -> list[Step]:
    """Takes at most so many steps of a line at equal distances, the first and the last included."""
    if len(line) <= most:
        return line
    return [line[round(i * (len(line) - 1) / (most - 1))] for i in range(most)]
