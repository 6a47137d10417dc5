import numpy as np
import pytest

import evofool
from evofool import UserError
from tests.evofool import fourier

SETTINGS = {"encoding": "fourier", "batch_size": 20, "quiet": True}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    fourier.register()
    folder = tmp_path_factory.mktemp("fourier") / "run"
    return evofool.evolve("mock:10", generations=4, out=folder, **SETTINGS)


def test_the_tutorials_encoding_has_fewer_than_80_lines():
    assert len(fourier.FILE.read_text(encoding="utf-8").splitlines()) < 80


def test_a_run_of_ones_own_encoding_is_one_like_any_other(run, tmp_path):
    assert evofool.verify(run).passed
    assert evofool.gallery(run)[0].width > 28
    assert len(run["7"].ancestors()) == len(run["7"].steps)
    facts = evofool.inspect(run)[0]
    assert (facts.nodes, facts.log_odds) == (None, run["0"].fitness)
    exported = evofool.export(run, tmp_path / "out")
    assert len(exported) == len(run)
    with pytest.raises(UserError, match="is encoded as 'fourier': its images have no detail"):
        run["7"].render(100)


def test_it_goes_on_as_if_it_had_never_stopped(run, tmp_path):
    whole = evofool.evolve("mock:10", generations=6, out=tmp_path / "whole", **SETTINGS)
    longer = evofool.resume(run, generations=6, quiet=True)
    assert longer.finished["archive_sha256"] == whole.finished["archive_sha256"]


def test_it_is_polished_without_a_word_of_its_own(run):
    polished = evofool.polish(run, steps=5, quiet=True)
    assert (polished.confidences >= run.confidences).all()
    assert (polished.confidences > run.confidences).any()


def test_genomes_of_other_shapes_are_refused(run):
    genomes = {name: leaf[None] for name, leaf in run["7"].genome.items()}
    assert run.encoding.fault_of(genomes) == ""
    assert "expected float32 (16,) each" in run.encoding.fault_of(
        genomes | {"phase": genomes["phase"][:, :3]}
    )
    assert "not finite" in run.encoding.fault_of(
        genomes | {"phase": np.full_like(genomes["phase"], np.nan)}
    )


def test_what_is_no_encoding_is_refused(tmp_path):
    evofool.register_encoding("empty", lambda shape: object())
    with pytest.raises(UserError, match=r"has no name, num_parents.*derive it from evofool.Fixed"):
        evofool.evolve("mock:10", encoding="empty", out=tmp_path / "run", quiet=True)
