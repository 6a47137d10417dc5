"""Exports as the libraries read them that they are for."""

import numpy as np
import pytest

import evofool
from tests.compare.peers import mend_torchvision

REASON = 'needs pip install -e ".[compare]"'
mend_torchvision(pytest.importorskip("torch", reason=REASON))  # pytorch-ood imports it
pytest.importorskip("pytorch_ood", reason=REASON)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> evofool.Run:
    folder = tmp_path_factory.mktemp("layouts") / "run"
    return evofool.evolve(
        "mock:4:16x16x3", generations=2, batch_size=8, runs=2, out=folder, quiet=True
    )


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # leaves files open
def test_pytorch_ood_reads_its_fooling_images(run, tmp_path):
    from pytorch_ood.dataset.img import FoolingImages

    evofool.publish(run, tmp_path / "out", layout="pytorch-ood")

    class Ours(FoolingImages):
        def _check_integrity(self) -> bool:  # compares the archive that the authors published
            return True

    data = Ours(root=str(tmp_path / "out"))
    assert len(data) == 8
    wanted = sorted(elite.image().tobytes() for elite in run.all_elites())
    assert sorted(np.asarray(image.convert("RGB")).tobytes() for image, _ in data) == wanted
    assert {label for _, label in data} == {-1}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # leaves files open
def test_datasets_reads_images_and_what_is_known_of_them(run, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    evofool.publish(run, tmp_path / "out", layout="huggingface")
    data = datasets.load_dataset(
        "imagefolder", data_dir=str(tmp_path / "out"), cache_dir=str(tmp_path / "cache")
    )["train"]
    assert len(data) == 8
    by_key = {(row["seed"], row["label"]): row for row in data}
    for elite in run.all_elites():
        row = by_key[elite.seed, elite.label]
        assert row["confidence"] == elite.confidence
        np.testing.assert_array_equal(np.asarray(row["image"].convert("RGB")), elite.image())


def test_torchvision_reads_the_folders_of_classes(run, tmp_path):
    from torchvision.datasets import ImageFolder

    evofool.export(run, tmp_path / "out")
    data = ImageFolder(str(tmp_path / "out/images"))
    assert len(data) == 8
    assert len(data.classes) == 4


def test_pyribs_holds_the_archive(run):
    archive = run.to_ribs()
    assert archive.stats.num_elites == 8
    table = archive.data(["objective", "measures", "confidence"], return_type="pandas")
    assert table["objective"].max() == max(elite.fitness for elite in run.all_elites())
    best = archive.best_elite
    elite = max(run.all_elites(), key=lambda elite: elite.fitness)
    np.testing.assert_allclose(best["solution"], elite.image() / 255)
