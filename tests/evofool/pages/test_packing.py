import base64
import struct
import zlib

import numpy as np
import pytest

import cppn
from evofool import Run
from evofool.pages import packing
from evofool.pages.packing import Lines, elite_columns, pack, together


def unpack(data: bytes) -> tuple[list[int], list[int], list[int], list[float]]:
    """Reads what `pack` writes, as `assets/genome.js` does."""
    nodes, connections = struct.unpack_from("<2H", data)
    shorts = struct.unpack_from(f"<{nodes - cppn.NUM_INPUTS + 2 * connections}H", data, 4)
    weights = struct.unpack_from(f"<{connections}f", data, 4 + 2 * len(shorts))
    codes = nodes - cppn.NUM_INPUTS
    assert len(data) == 4 + 2 * len(shorts) + 4 * connections
    return (
        list(shorts[:codes]),
        list(shorts[codes : codes + connections]),
        list(shorts[codes + connections :]),
        list(weights),
    )


def test_packed_networks_are_whole(cppn_run: Run):
    spec = cppn.GenomeSpec(outputs=1, activations=cppn_run.config.cppn.activations)
    for elite in cppn_run.elites():
        codes, sources, targets, weights = unpack(pack(elite.genome))
        expected = cppn.to_json(elite.genome, spec)
        assert [spec.activations[code] for code in codes] == expected["nodes"]
        found = [list(connection) for connection in zip(sources, targets, weights, strict=True)]
        assert found == expected["connections"]


def test_relatives_are_written_in_less_than_half(cppn_run: Run):
    packed = Lines(cppn_run, cppn_run.all_elites()).networks
    text = together(packed)
    assert zlib.decompress(base64.b64decode(text)) == b"".join(packed)
    assert len(text) < sum(map(len, packed)) * 4 / 3 / 2


def test_lines_lead_to_every_ancestor_of_every_independent_run(cppn_run: Run):
    elites = cppn_run.all_elites()
    found = Lines(cppn_run, elites)
    lines, packed = found.facts(), found.networks
    assert len(packed) == len(lines["generations"]) == len(found)
    assert len(set(packed)) > 1
    for elite, line in zip(elites, lines["members"], strict=True):
        steps = elite.steps[:0:-1]
        assert [lines["generations"][number] for number, _ in line] == [s.generation for s in steps]
        assert [held for _, held in line] == [cppn_run.outputs[s.cell] for s in steps]
        for (number, _), genome in zip(line, elite.ancestors()[:0:-1], strict=True):
            assert packed[number] == pack(genome)


@pytest.mark.parametrize("most", [1, 15])
def test_long_lines_are_thinned_alike(cppn_run: Run, monkeypatch: pytest.MonkeyPatch, most: int):
    elites = cppn_run.all_elites()
    monkeypatch.setattr(packing, "MOST_ANCESTORS", most)
    found = Lines(cppn_run, elites)
    lines, packed = found.facts(), found.networks
    lengths = [len(line) for line in lines["members"]]
    assert max(lengths) < max(len(elite.steps) - 1 for elite in elites)
    assert len(packed) <= max(most, len(elites))
    for elite, line in zip(elites, lines["members"], strict=True):
        if line:
            assert lines["generations"][line[0][0]] == elite.steps[-1].generation


def test_columns_have_a_value_for_every_elite(direct_run: Run):
    elites = direct_run.elites()
    columns = elite_columns(elites)
    assert {len(values) for values in columns.values()} == {len(elites)}
    assert columns["class"] == [3, 7, 9]
    np.testing.assert_allclose(columns["logOdds"], [e.fitness for e in elites], atol=1e-5)
    assert set(columns["nodes"]) == {None}
