from pathlib import Path

import pytest

from evofool.config import EvolveConfig
from evofool.sweeps import work


def test_a_point_goes_on_with_the_classifier_and_the_weights_of_its_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    given: dict[str, object] = {}

    def resume(folder: Path, **arguments: object) -> None:
        given.update(arguments, folder=folder)
        raise KeyboardInterrupt

    monkeypatch.setattr(work, "resume", resume)
    (tmp_path / "config.json").touch()
    config = EvolveConfig(classifier="mine", weights="s3://bucket/nets").to_dict()
    with pytest.raises(KeyboardInterrupt):
        work._evolved(work.Task("name", str(tmp_path), config, 1, str(tmp_path)))
    assert given["folder"] == tmp_path
    assert (given["classifier"], given["weights"]) == ("mine", "s3://bucket/nets")
