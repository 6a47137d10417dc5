import jax
import numpy as np
import pytest
from scipy.special import logit

import cppn
from evofool.experiments import simplicity

ODDS = logit(np.array([[[0.9, 0.2, 0.999, 0.995], [0.1, 0.3, 0.2, 0.9]]]))


@pytest.fixture
def archives():
    """Two classes in four ranges of one seed."""
    return simplicity.Archives(
        log_odds=np.concatenate([ODDS, np.full((1, 2, len(simplicity.MOST) - 4), -np.inf)], 2),
        connections=np.broadcast_to(simplicity.MOST, (1, 2, len(simplicity.MOST))),
        images=np.zeros((2, len(simplicity.MOST), 4, 4, 1), np.uint8),
    )


def test_a_network_competes_among_those_of_as_many_connections():
    spec = cppn.GenomeSpec(outputs=1)
    genome = cppn.init(jax.random.key(0), spec, max_nodes=60, max_connections=60)
    sizes = np.array([0, 1, 5, 50, 51])
    genomes = jax.vmap(lambda n: genome._replace(num_connections=n))(sizes)
    places = [np.flatnonzero(row).tolist() for row in simplicity.ranges_of(genomes)]
    names = [[simplicity.NAMES[at] for at in row] for row in places]
    assert names == [["0 to 1"], ["0 to 1"], ["5 to 6"], ["26 to 50"], []]
    crowded = genome._replace(num_nodes=np.array(simplicity.ROOM))
    assert not simplicity.ranges_of(crowded).any()


def test_more_connections_do_not_take_confidence_away(archives):
    assert archives.at_most[0, 0, :4] == pytest.approx([0.9, 0.9, 0.999, 0.999])
    assert archives.fewest.tolist() == [[3, np.inf]]
    table = simplicity.tabulate_classes(archives, ["shark", "bold*"])
    assert [row[:2] for row in table.rows] == [["shark", "3"], ["bold\\*", "none"]]
    by_range = simplicity.tabulate_ranges(archives)
    assert [row[3] for row in by_range.rows[:3]] == ["0 %", "0 %", "50.0 %"]


@pytest.mark.slow
@pytest.mark.data
def test_digits_are_done_at_small_scale(at_small_scale):
    report, folder = at_small_scale("simplicity", "mnist")
    assert report.evaluations == 21 * 50
    fooled, median, fewest = report.findings.rows
    assert 0 < fooled.ours[0] <= 1
    assert median.ours[0] > 0.5
    assert fewest.ours[0] >= 1
    assert (folder / report.findings.images[0].file).exists()
    by_class = report.findings.tables[1]
    assert sorted(row[0] for row in by_class.rows) == [str(digit) for digit in range(10)]
