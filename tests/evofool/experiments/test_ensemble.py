import numpy as np
import pytest

from evofool.experiments import ensemble
from evofool.experiments.bench.lab import Lab
from evofool.experiments.bench.supplies import Supplies

pytestmark = pytest.mark.slow


class DirectLab(Lab):
    """Evolves pixels, whose loop compiles ten times as fast as that of CPPNs."""

    def evolve(self, network, **settings):
        return super().evolve(network, encoding="direct", **settings)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The LeNet three times, as its own ensemble and as the other network; findings and lab."""
    lab = DirectLab(
        experiment="ensemble",
        domain="mnist",
        scale="small",
        seeds=1,
        out=tmp_path_factory.mktemp("ensemble"),
        supplies=Supplies(),
    )
    lab.folder.mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ensemble, "OBJECTS", ("lenet",) * 3)
        patch.setattr(ensemble, "OTHER_OBJECTS", "lenet")
        patch.setattr(ensemble, "PUBLISHED", 1)
        return ensemble.imagenet(lab), lab


def test_the_published_figure_stands_beside_the_mean_of_three(made):
    findings, _ = made
    first, *others = findings.rows
    assert (first.what, first.paper) == ("mean of three: classes >= 90 %", "1")
    assert not any(row.paper for row in others)
    assert findings.verdict.outcome == ("reproduced" if first.ours[0] >= 1 else "differs")


def test_growth_ends_with_the_counts_of_the_rows(made):
    findings, _ = made
    growth, _, _ = findings.tables
    counts = {row.what: row.ours[0] for row in findings.rows}
    assert [row[0] for row in growth.rows] == [0, 1]
    for name, text in zip(growth.header[1:], growth.rows[-1][1:], strict=True):
        assert text.startswith(f"{counts[f'{name}: classes >= 90 %']} / ")


def test_networks_judge_as_they_did_during_evolution(made):
    _, lab = made
    run = lab.evolve("lenet+lenet+lenet", generations=1, batch_size=20)
    with np.load(lab.folder / "steps" / "judged mean of three.npz") as judged:
        found = judged["confidence"]
    own = [elite.confidence for elite in run.elites()]
    assert found.shape == (4, 10)
    np.testing.assert_allclose(found, np.broadcast_to(own, (4, 10)), atol=1e-5)


def test_shares_are_of_all_members_at_once(made):
    findings, lab = made
    _, who, _ = findings.tables
    with np.load(lab.folder / "steps" / "judged lenet.npz") as judged:
        hits = judged["is_hit"]
    (alone, _) = who.rows
    assert alone[0] == "lenet"
    assert alone[5] == f"{hits[0].mean():.1%}"
    assert alone[-1] == 10


def test_images_are_left(made):
    findings, lab = made
    assert all((lab.folder / image.file).exists() for image in findings.images)
