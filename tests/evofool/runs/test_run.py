import io
import json
import re
import shutil
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

import evofool
from evofool import Run, UserError
from evofool.classifiers.scores import log_odds
from evofool.evaluation.forward import evaluate
from evofool.evolution.cppn_encoding import CppnEncoding
from evofool.evolution.encodings import compiled_render
from evofool.runs import Metrics
from evofool.support import DamagedFileWarning, memory


@pytest.fixture(params=["cppn", "direct"])
def run(request: pytest.FixtureRequest) -> Run:
    return request.getfixturevalue(f"{request.param}_run")


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"not a run directory \(it has no config.json\)"):
        Run(tmp_path)


def test_a_run_without_a_checkpoint_says_what_to_do(tmp_path, cppn_run):
    shutil.copy(cppn_run.folder / "config.json", tmp_path)
    with pytest.raises(UserError, match=r"has no checkpoint yet; go on with 'evofool resume "):
        Run(tmp_path).elites()
    assert Run(tmp_path).summary is None
    assert Run(tmp_path).metrics == []


def test_an_elite_is_found_by_index_and_by_label(cppn_run):
    found = [cppn_run["7"], cppn_run["class 7"], cppn_run.elite(7)]
    assert {(elite.class_index, elite.born, elite.run_index) for elite in found} == {
        (7, found[0].born, 0)
    }
    with pytest.raises(UserError, match="unknown class '12'"):
        cppn_run["12"]


@pytest.mark.slow
def test_a_class_of_a_thousand_is_found_without_making_the_others(imagenet_run, monkeypatch):
    run = Run(imagenet_run.folder)
    monkeypatch.setattr(run, "elites", None)
    found = [run[name] for name in ("327", "starfish", "sea star", "n02317335")]
    assert {elite.class_index for elite in found} == {327}
    with pytest.raises(UserError, match=r"'crane' is ambiguous: 134 \(crane, n02012849\); 517"):
        run["crane"]
    with pytest.raises(UserError, match=r"'maillot' is ambiguous: 638 .* 639 \(maillot, tank"):
        run["maillot"]


def test_a_class_that_was_not_evolved_for_is_refused(direct_run):
    with pytest.raises(UserError, match="no elite for class 4; it evolved for class 3, class 7, c"):
        direct_run["4"]


def test_a_class_in_which_no_image_has_a_score_is_said_to_be_empty(direct_run):
    run = Run(direct_run.folder)
    fitness = run.table["archive.fitness"]
    run.__dict__["table"] = run.table | {"archive.fitness": fitness * float("nan")}
    with pytest.raises(UserError, match="no elite for class 3: no image has got a score in it"):
        run.elite("3")


def test_any_number_of_elites_is_drawn_by_one_program_in_micro_batches(imagenet_run, monkeypatch):
    run = Run(imagenet_run.folder)
    sizes = []
    render = CppnEncoding.render

    def counted(encoding, genomes):
        sizes.append(len(genomes.num_nodes))
        return render(encoding, genomes)

    monkeypatch.setattr(CppnEncoding, "render", counted)
    compiled_render.cache_clear()
    elites = run.elites()
    levels = run.images(elites)
    assert sizes == [], "nothing is drawn before it is asked for"
    for elite, image in zip(elites, levels, strict=True):
        assert image.shape == (16, 16, 3)
        if elite.class_index in (0, 555, 999):
            np.testing.assert_array_equal(image, elite.image())
    assert sizes == [run.micro_batch], "traced once"
    compiled_render.cache_clear()  # it holds the function that counts


def test_an_independent_run_that_is_not_there_is_refused(cppn_run):
    assert cppn_run.elite(3, 1).run_index == 1
    with pytest.raises(UserError, match=r"run index is 2; expected 0\.\.1"):
        cppn_run.elites(2)


def test_all_elites_are_those_of_every_independent_run(cppn_run):
    places = [(elite.run_index, elite.cell) for elite in cppn_run.all_elites()]
    assert places == [(run, cell) for run in range(2) for cell in range(10)]
    values = [elite.confidence for elite in cppn_run.all_elites()]
    assert cppn_run.confidences.shape == (2, 10)
    np.testing.assert_array_equal(cppn_run.confidences.ravel(), values)


def test_images_score_what_the_archive_says(run):
    elites = run.elites()
    images = np.stack(list(run.images(elites))).astype(np.float32) / 255
    outputs = evaluate(run.classifier, images, run.micro_batch)
    fitness = np.asarray(log_odds(jnp.asarray(outputs)))
    for elite, row in zip(elites, fitness, strict=True):
        assert row[elite.output] == pytest.approx(elite.fitness, rel=1e-4, abs=1e-4)
        order = [int(i) for i in np.argsort(-row) if i != elite.output]
        assert elite.runner_up == run.card.labels[order[0]]


def test_confidence_is_that_of_the_summary(run):
    values = [elite.confidence for elite in run.elites()]
    assert run.summary["per_run"][0]["min_confidence"] == pytest.approx(min(values))
    assert run.summary["per_run"][0]["median_confidence"] == pytest.approx(np.median(values))


def test_one_image_is_the_one_of_many(run):
    elites = run.elites()
    together = list(run.images(elites))
    assert together[1].dtype == np.uint8
    assert (elites[1].image() == together[1]).all()


def test_ancestors_lead_from_the_elite_to_the_initial_population(run):
    elite = run.elites()[0]
    genomes = elite.ancestors()
    assert len(genomes) == len(elite.steps)
    assert elite.steps[0].generation == elite.born[0]
    assert elite.steps[-1].generation == 0
    for ours, kept in zip(jax.tree.leaves(genomes[0]), jax.tree.leaves(elite.genome), strict=True):
        assert (np.asarray(ours) == np.asarray(kept)).all()
    drawn = np.concatenate(list(run.draw(genomes)))
    assert drawn.shape == (len(genomes), *run.card.input_shape)
    np.testing.assert_array_equal(np.rint(drawn[0] * 255), elite.image())


def test_cppn_elites_are_drawn_at_any_size(cppn_run):
    elite = cppn_run["3"]
    assert elite.render(100).size == (100, 100)
    assert (np.asarray(elite.render(28)) == elite.image()[..., 0]).all()
    with pytest.raises(UserError, match="size is 0"):
        elite.render(0)


def test_in_other_proportions_shapes_stay_and_more_of_the_plane_is_drawn(cppn_run):
    elite = cppn_run["3"]
    wide, square = np.asarray(elite.render((101, 41))), np.asarray(elite.render(41))
    assert wide.shape == (41, 101)
    difference = np.abs(wide[:, 30:71].astype(int) - square)
    assert np.mean(difference > 1) < 0.01, "up to the rounding of coordinates"


def test_direct_elites_have_no_other_size(direct_run):
    with pytest.raises(UserError, match="directly encoded"):
        direct_run.elites()[0].render(100)


def test_a_run_reads_the_checkpoint_before_a_damaged_one(tmp_path, direct_run):
    folder = tmp_path / "run"
    shutil.copytree(direct_run.folder, folder)
    newest = max((folder / "checkpoints").iterdir(), key=lambda path: int(path.name))
    assert direct_run.generation == int(newest.name)
    if len(list((folder / "checkpoints").iterdir())) == 1:
        shutil.copytree(newest, folder / "checkpoints" / "99")
        newest = folder / "checkpoints" / "99"
    shutil.rmtree(newest / "state")
    with pytest.warns(DamagedFileWarning, match=f"generation {newest.name} is damaged"):
        assert Run(folder).generation < int(newest.name)
    assert newest.exists(), "looking at a run changes nothing"


def test_opening_needs_nothing_but_the_folder(cppn_run):
    opened = evofool.Run.open(cppn_run.folder)
    assert opened.config == cppn_run.config
    assert evofool.Run.open(opened) is opened
    manifest = json.loads((cppn_run.folder / "config.json").read_text())
    assert opened.manifest == manifest


@pytest.mark.slow
@pytest.mark.parametrize("coordinates", ["centered", "pixels"])
def test_a_large_drawing_shows_the_scored_image_whatever_the_coordinates(coordinates, tmp_path):
    run = evofool.evolve(
        "mock:10",
        generations=2,
        batch_size=20,
        out=tmp_path / "run",
        cppn={"coordinates": coordinates},
    )
    elite = run.elites()[0]
    same = np.asarray(elite.render(28))
    assert (same == elite.image()[..., 0]).all()
    # every ninth sample of a drawing with 9 * 27 + 1 pixels falls on a pixel of the small one
    large = np.asarray(elite.render(9 * 27 + 1))[::9, ::9]
    assert np.mean(np.abs(large.astype(int) - same) <= 1) > 0.99


def test_images_that_do_not_fit_into_memory_are_refused_before_they_are_drawn(
    cppn_run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(memory, "available_memory", lambda: 10**6)
    with pytest.raises(UserError, match=r"an image of 1024x1024 pixels would take about 0\.0\d GB"):
        cppn_run["7"].render(1024)
    monkeypatch.setattr(memory, "available_memory", lambda: 10**5)
    with pytest.raises(UserError, match="drawing micro-batches of "):
        cppn_run["7"].image()


def test_a_run_is_a_collection_of_the_elites_of_its_first_independent_run(cppn_run):
    assert len(cppn_run) == len(list(cppn_run)) == 10
    assert [elite.born for elite in cppn_run] == [elite.born for elite in cppn_run.elites(0)]
    assert "7" in cppn_run
    assert 7 in cppn_run
    assert "class 7" in cppn_run
    assert "12" not in cppn_run
    assert 12 not in cppn_run
    assert None not in cppn_run


def test_independent_runs_are_collections_too(cppn_run):
    first, second = cppn_run.runs
    assert cppn_run.runs[-1] is second
    assert second.seed == first.seed + 1 == 1
    assert [elite.born for elite in second] == [elite.born for elite in cppn_run.elites(1)]
    assert second["7"].born == cppn_run.elite("7", 1).born
    assert len(second) == 10
    assert {line["seed"] for line in second.metrics} == {1}
    np.testing.assert_array_equal(second.confidences, cppn_run.confidences[1])
    with pytest.raises(IndexError):
        cppn_run.runs[2]


def test_classes_that_were_not_evolved_for_are_not_in_a_run(direct_run):
    assert len(direct_run) == 3
    assert "4" not in direct_run


def test_representations_are_a_line(cppn_run, direct_run, tmp_path):
    told = repr(cppn_run)
    assert re.fullmatch(
        r"Run\('.*', cppn against mock:10, seed 0\.\.1, 10 classes, median .* %\)", told
    ), told
    assert repr(cppn_run.runs[1]) == f"IndependentRun(1 of {told}, seed 1)"
    assert re.fullmatch(
        r"Elite\('class 7', [\d.]+ %, seed 5, generation \d+\)", repr(direct_run["7"])
    )
    shutil.copy(cppn_run.folder / "config.json", tmp_path)
    assert repr(Run(tmp_path)).endswith("10 classes, open)")
    (tmp_path / "summary.json").write_text("{")
    assert repr(Run(tmp_path)).endswith("damaged)")


def test_a_notebook_shows_the_gallery(cppn_run, tmp_path):
    shown = Image.open(io.BytesIO(cppn_run._repr_png_()))
    assert shown.size == evofool.gallery(cppn_run)[0].size
    assert '<img src="data:image/png;base64,iVBOR' in cppn_run._repr_html_()
    one = Image.open(io.BytesIO(cppn_run.runs[0]._repr_png_()))
    assert one.size == evofool.gallery(cppn_run, run_index=0)[0].size
    assert Image.open(io.BytesIO(cppn_run["7"]._repr_png_())).width >= 28
    shutil.copy(cppn_run.folder / "config.json", tmp_path)
    assert Run(tmp_path)._repr_html_() is None


def test_elites_and_metrics_are_tables(cppn_run, monkeypatch):
    pytest.importorskip("pandas")
    table = cppn_run.to_pandas()
    assert len(table) == 20
    assert table.groupby("seed")["confidence"].median().tolist() == [
        np.median(cppn_run.confidences[index]) for index in range(2)
    ]
    assert len(cppn_run.runs[1].to_pandas()) == 10
    metrics = cppn_run.metrics.to_pandas()
    assert metrics.shape == (2 * 13, len(cppn_run.metrics[0]))
    assert metrics["generation"].max() == 12
    assert set(Metrics().to_pandas()) == set(metrics)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UserError, match="pip install pandas"):
        cppn_run.metrics.to_pandas()
