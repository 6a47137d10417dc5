import json

import numpy as np
import pytest

import evofool
from evofool import UserError
from tests.evofool import fourier

SETTINGS = {"generations": 3, "batch_size": 30, "quiet": True}


def check_that_it_is_made_again(elite):
    drawn = next(elite.run.draw(elite.ancestors()[:1]))[0]
    np.testing.assert_array_equal(np.rint(drawn * 255), elite.image())


@pytest.mark.slow
def test_a_run_begins_with_the_elites_of_others(cppn_run, tmp_path):
    run = evofool.evolve("mock:10", start=cppn_run, out=tmp_path / "run", **SETTINGS)
    first = next(line for line in run.metrics if line["generation"] == 0)
    best = cppn_run.confidences.max(axis=0)
    assert first["median_confidence"] == pytest.approx(np.median(best), rel=1e-5)
    assert evofool.verify(run).passed
    for elite in run:  # lines of descent end with what was given
        check_that_it_is_made_again(elite)


@pytest.mark.slow
def test_elites_that_descend_from_others_are_bred_and_polished(cppn_run, tmp_path):
    run = evofool.evolve("mock:10", start=cppn_run, out=tmp_path / "run", **SETTINGS)
    classes = [elite.label for elite in run.all_elites()[:3]]
    brood = evofool.breed(run, classes=classes, children=6, out=tmp_path / "bred")
    assert {len(child.parents) for child in brood.children} == {1, 2}
    again = evofool.breed(brood.run, numbers=[1, 2], children=2)
    assert evofool.verify(again.run).passed
    better = evofool.polish(run, steps=2, out=tmp_path / "polished", quiet=True)
    for elite in (*again.run, *better):
        check_that_it_is_made_again(elite)


@pytest.mark.slow
def test_a_run_that_begins_with_genomes_goes_on_as_if_it_had_never_stopped(cppn_run, tmp_path):
    settings = SETTINGS | {"runs": 2}
    short = evofool.evolve("mock:10", start=[cppn_run.folder], out=tmp_path / "a", **settings)
    longer = evofool.resume(short, generations=5, quiet=True)
    whole = evofool.evolve(
        "mock:10", start=[cppn_run.folder], out=tmp_path / "b", **settings | {"generations": 5}
    )
    assert longer.finished["archive_sha256"] == whole.finished["archive_sha256"]


@pytest.mark.slow
def test_a_network_in_a_file_is_a_start_for_other_activations(cppn_run, tmp_path):
    exported = evofool.export(cppn_run, tmp_path / "out")[0].with_suffix(".json")
    content = json.loads(exported.read_text(encoding="utf-8"))
    alone = tmp_path / "alone.json"
    alone.write_text(json.dumps(content["genome"]), encoding="utf-8")
    settings = SETTINGS | {"generations": 0, "batch_size": 1}
    names = ("gaussian", "sine", "tanh", "linear", "sigmoid")
    for file in (exported, alone):
        run = evofool.evolve(
            "mock:10", start=file, cppn={"activations": names}, out=tmp_path / file.stem, **settings
        )
        given = cppn_run.elites(content["run_index"])[content["class_index"]]
        np.testing.assert_array_equal(run["0"].image(), given.image())
    with pytest.raises(
        UserError, match=r"cannot start from .*: its networks have cppn.activations"
    ):
        evofool.evolve(
            "mock:10", start=alone, cppn={"activations": ("relu",)}, out=tmp_path / "c", **settings
        )


@pytest.mark.slow
def test_runs_of_ones_own_encoding_are_starts_of_others(tmp_path):
    fourier.register()
    settings = SETTINGS | {"encoding": "fourier"}
    first = evofool.evolve("mock:10", out=tmp_path / "a", **settings)
    second = evofool.evolve("mock:10", start=first, out=tmp_path / "b", seed=1, **settings)
    assert (second.confidences >= first.confidences - 1e-6).all()
    assert evofool.verify(second).passed


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 1}, "different genomes; expected 1..1"),
        ({"encoding": "direct"}, "its encoding is 'cppn', that of the run 'direct'"),
        (
            {"cppn": {"coordinates": "pixels"}},
            "coordinates 'centered'; the run has 'grey' and 'pixels'",
        ),
        ({"algorithm": "single-class"}, "start is for algorithm 'map-elites'"),
    ],
)
def test_a_start_that_does_not_fit_is_refused(settings, message, cppn_run, tmp_path):
    with pytest.raises(UserError, match=message):
        evofool.evolve("mock:10", start=cppn_run, out=tmp_path / "run", **SETTINGS | settings)
    assert not (tmp_path / "run").exists()


def test_a_file_without_a_genome_is_refused(tmp_path):
    (tmp_path / "x.json").write_text('{"genome": null}', encoding="utf-8")
    with pytest.raises(UserError, match=r"cannot start from .*x\.json: it holds no CPPN"):
        evofool.evolve("mock:10", start=tmp_path / "x.json", out=tmp_path / "run", **SETTINGS)
