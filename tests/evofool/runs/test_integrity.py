"""Damage in a run directory: noticed, said, refused where strict, and repaired by `resume`."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import evofool
from evofool import Run, UserError, cli
from evofool.evolution import lineage_files, saved_generations
from evofool.runs import launch
from evofool.runs.examination import examine
from evofool.runs.integrity import check_arrays
from evofool.support import DamagedFileError, DamagedFileWarning, remove
from tests.evofool.editing import edit, edit_config
from tests.evofool.loop import CLASSIFIER, lines_of, records_of
from tests.tiers import few_quick

Damage = Callable[[Path], object]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with checkpoints of generations 2, 4 and 6, and a record of each before."""
    folder = tmp_path_factory.mktemp("integrity") / "run"
    settings = {"encoding": "direct", "batch_size": 13, "micro_batch": 5, "seed": 3}
    evofool.evolve(CLASSIFIER, generations=6, checkpoint_every=2, out=folder, **settings)
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(whole, tmp_path / "run"))


def flip(path: Path, place: int = -20) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def without_arrays(*generations: int) -> Damage:
    def damage(run: Path) -> None:
        for generation in generations:
            shutil.rmtree(run / "checkpoints" / str(generation) / "state" / "d")

    return damage


def replaced_by(make: Callable[[Path], object], name: str) -> Damage:
    """Puts something of another kind in the place of a file or folder."""

    def damage(run: Path) -> None:
        remove(run / name)
        make(run / name)

    return damage


REPAIRABLE: dict[str, tuple[Damage, str]] = {
    "newest checkpoint": (without_arrays(6), r"checkpoints/6 is damaged"),
    "two checkpoints": (without_arrays(6, 4), r"checkpoints/6 is damaged"),
    "all checkpoints": (without_arrays(6, 4, 2), r"checkpoints/6 is damaged"),
    "older checkpoint": (without_arrays(2), r"checkpoints/2 is damaged"),
    "late lineage": (
        lambda run: flip(run / "lineage" / "gen-00000006.npy"),
        "gen-00000006.npy is damaged",
    ),
    "early lineage": (
        lambda run: flip(run / "lineage" / "gen-00000002.npy"),
        "gen-00000002.npy is damaged",
    ),
    "lineage missing": (
        lambda run: (run / "lineage" / "gen-00000004.npy").unlink(),
        "cannot read .*gen-00000004.npy",
    ),
    "last metrics": (lambda run: flip(run / "metrics.jsonl"), "metrics.jsonl is damaged"),
    "first metrics": (lambda run: flip(run / "metrics.jsonl", 20), "metrics.jsonl is damaged"),
    "metrics missing": (lambda run: (run / "metrics.jsonl").unlink(), "metrics.jsonl is damaged"),
    "gallery": (lambda run: flip(run / "gallery.png"), "gallery.png is damaged or was changed"),
    "plot": (lambda run: flip(run / "convergence.png"), "convergence.png is damaged or was"),
    "summary": (lambda run: edit(run / "summary.json", evaluations=1), "summary.json is damaged"),
    "summary of another kind": (
        lambda run: edit(run / "summary.json", per_run=None),
        "summary.json: per_run is null; expected a list",
    ),
    "summary cut short": (
        lambda run: (run / "summary.json").write_text("{"),
        "summary.json is not valid JSON",
    ),
    "summary is a folder": (
        replaced_by(Path.mkdir, "summary.json"),
        "summary.json: it is a folder",
    ),
    "metrics are a folder": (
        replaced_by(Path.mkdir, "metrics.jsonl"),
        "metrics.jsonl: it is a fol",
    ),
    "metrics are a pipe": (replaced_by(os.mkfifo, "metrics.jsonl"), "metrics.jsonl: it is no reg"),
    "metrics without an end": (
        replaced_by(lambda path: path.symlink_to("/dev/zero"), "metrics.jsonl"),
        "metrics.jsonl: it is no regular file",
    ),
    "lineage is a file": (replaced_by(Path.touch, "lineage"), "cannot read .*gen-00000002.npy"),
    "a lineage file is a pipe": (
        replaced_by(os.mkfifo, "lineage/gen-00000004.npy"),
        "gen-00000004.npy: it is no regular file",
    ),
    "a file of a checkpoint is a pipe": (
        replaced_by(os.mkfifo, "checkpoints/6/state/manifest.ocdbt"),
        "manifest.ocdbt in it is no regular file",
    ),
    "a checkpoint is a file": (
        replaced_by(Path.touch, "checkpoints/6"),
        "checkpoints/6 is damaged",
    ),
    "a checkpoint is another": (
        replaced_by(lambda path: shutil.copytree(path.with_name("4"), path), "checkpoints/6"),
        "of another generation than its name says",
    ),
}
UNREPAIRABLE: dict[str, tuple[Damage, str]] = {
    "seed": (lambda run: edit_config(run, seed=4), r"config.json was edited .* config.seed"),
    "label": (
        lambda run: flip(run / "config.json", (run / "config.json").read_bytes().index(b"class 3")),
        r"config.json was edited .* classifier",
    ),
    "generations": (
        lambda run: edit_config(run, generations=9),
        "ends with generation 9, and it ended with 6",
    ),
}


def test_a_whole_run_has_no_damage_and_nothing_that_could_not_be_checked(whole: Path):
    assert examine(Run(whole)) == ([], [], [])


@pytest.mark.parametrize("name", REPAIRABLE | UNREPAIRABLE)
def test_verify_fails_on_damage_and_names_the_file(folder: Path, name: str):
    damage, says = (REPAIRABLE | UNREPAIRABLE)[name]
    damage(folder)
    with pytest.raises(DamagedFileError, match=says):
        evofool.verify(folder)


@pytest.mark.parametrize(
    "name",
    few_quick(
        REPAIRABLE,
        *("newest checkpoint", "all checkpoints", "late lineage", "lineage missing"),
        *("last metrics", "gallery", "summary cut short", "metrics are a pipe"),
    ),
)
def test_resume_makes_again_what_is_damaged(whole: Path, folder: Path, name: str):
    REPAIRABLE[name][0](folder)
    run = evofool.resume(folder)
    assert run.finished["archive_sha256"] == Run(whole).finished["archive_sha256"]
    assert (lines_of(folder), records_of(folder)) == (lines_of(whole), records_of(whole))
    assert examine(Run(folder)) == ([], [], [])
    assert saved_generations(folder / "checkpoints")[-1] == 6
    assert not [path for path in folder.iterdir() if path.name.startswith(".again")]


@pytest.mark.parametrize("name", ["gallery.png", "convergence.png"])
def test_an_image_that_was_removed_is_no_damage_and_drawn_again(
    folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
):
    (folder / name).unlink()
    assert examine(Run(folder)) == ([], [], [])
    # as another version of the libraries that draw it would
    monkeypatch.setitem(launch.IMAGES, name, lambda run, path: path.write_bytes(b"other bits"))
    evofool.resume(folder)
    assert (folder / name).read_bytes() == b"other bits"
    assert examine(Run(folder)) == ([], [], [])


def test_what_cannot_be_made_again_here_is_left_as_it_is(folder: Path, monkeypatch):
    from evofool.runs import repair

    def other_machine(folder: Path, plan: object, last: int, reporter: object) -> None:
        shutil.copytree(folder / "checkpoints" / "4", folder / ".again" / "checkpoints" / "4")

    monkeypatch.setattr(repair, "_make_again", other_machine)
    path = folder / "lineage" / "gen-00000002.npy"
    flip(path)
    before = path.read_bytes()
    with pytest.raises(DamagedFileError, match=r"gen-00000002.npy .* this machine computes other"):
        evofool.resume(folder)
    assert path.read_bytes() == before
    assert saved_generations(folder / "checkpoints") == [2, 4, 6]


def test_resume_refuses_settings_that_were_edited(folder: Path):
    edit_config(folder, batch_size=20)
    with pytest.raises(DamagedFileError, match=r"config.batch_size; put the old values back"):
        evofool.resume(folder)
    edit_config(folder, batch_size=13, checkpoint_every=3, weights="elsewhere")  # may be changed
    assert examine(Run(folder)) == ([], [], [])


@pytest.mark.parametrize("name", UNREPAIRABLE)
def test_resume_leaves_a_run_whose_settings_were_edited(folder: Path, name: str):
    damage, says = UNREPAIRABLE[name]
    damage(folder)
    with pytest.raises(DamagedFileError, match=says):
        evofool.resume(folder)
    assert saved_generations(folder / "checkpoints") == [2, 4, 6]


def test_an_older_checkpoint_stands_in_with_a_warning_unless_strict(folder: Path, tmp_path: Path):
    without_arrays(6)(folder)
    run = Run(folder)
    with pytest.warns(DamagedFileWarning, match=r"generation 6 is damaged .* older one is used"):
        assert run.generation == 4
    with pytest.raises(DamagedFileError, match="generation 6 is damaged"):
        Run(folder, strict=True).elites()
    for opened in (run, folder):
        with pytest.raises(DamagedFileError, match="generation 6 is damaged"):
            evofool.export(opened, tmp_path / "out")
    with pytest.warns(DamagedFileWarning):
        assert len(evofool.export(folder, tmp_path / "out", strict=False)) == 5
    with pytest.warns(DamagedFileWarning):
        assert evofool.verify(folder, strict=False).passed


READERS = (
    ("inspect",),
    ("compare",),
    ("gallery", "--out", "a.png"),
    ("descent", "--class", "1", "--out", "b.png"),
    ("quiz", "--out", "quiz"),
)


@pytest.mark.parametrize("words", [*READERS, ("export", "--out", "c"), ("verify",)], ids=str)
def test_commands_say_that_an_older_checkpoint_stands_in_and_fail_if_strict(
    folder: Path, words: tuple[str, ...], in_tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    without_arrays(6)(folder)
    name, *flags = words
    is_strict = name in ("export", "verify")
    assert cli.main([name, str(folder), *flags, *([] if is_strict else ["--strict"])]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "damaged" in err
    assert err.count("\n") == 1
    assert f"'evofool resume {folder}' makes it again" in err
    assert cli.main([name, str(folder), *flags, *(["--no-strict"] if is_strict else [])]) == 0
    out, err = capsys.readouterr()
    assert out
    assert "generation 6 is damaged" in err
    assert "an older one is used" in err


@pytest.mark.parametrize("name", ["late lineage", "lineage missing"])
def test_a_damaged_lineage_is_never_used(folder: Path, name: str):
    REPAIRABLE[name][0](folder)
    with pytest.raises(DamagedFileError, match="lineage"):
        evofool.inspect(folder)


def test_damaged_metrics_are_never_used(folder: Path):
    flip(folder / "metrics.jsonl", 20)
    with pytest.raises(DamagedFileError, match="metrics"):
        evofool.compare([folder])


@pytest.mark.slow
def test_every_bit_of_a_lineage_file_is_noticed(folder: Path):
    path = folder / "lineage" / "gen-00000004.npy"
    sha256 = lineage_files.checksums(path.parent)[path.name]
    lineage_files.check(path, sha256)
    content = path.read_bytes()
    for place in range(8 * len(content)):
        changed = bytearray(content)
        changed[place // 8] ^= 1 << place % 8
        path.write_bytes(changed)
        with pytest.raises(DamagedFileError):
            lineage_files.check(path, sha256)


def test_a_repair_that_was_stopped_goes_on(whole: Path, folder: Path, monkeypatch):
    from evofool.runs import repair

    flip(folder / "lineage" / "gen-00000002.npy")
    copytree = shutil.copytree

    def stop(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(repair.shutil, "copytree", stop)
    with pytest.raises(KeyboardInterrupt):
        evofool.resume(folder)
    monkeypatch.setattr(repair.shutil, "copytree", copytree)
    evofool.resume(folder)
    assert records_of(folder) == records_of(whole)
    assert examine(Run(folder)) == ([], [], [])


@pytest.mark.parametrize("make", [lambda path: None, Path.touch], ids=["missing", "a file"])
def test_a_finished_run_without_checkpoints_is_made_again(whole: Path, folder: Path, make):
    replaced_by(make, "checkpoints")(folder)
    run = evofool.resume(folder)
    assert run.finished["archive_sha256"] == Run(whole).finished["archive_sha256"]


@pytest.mark.parametrize("name", ["\u00b2", "\u0663", "020", "7" * 30])
def test_folders_that_no_checkpoint_is_named_like_are_left_alone(folder: Path, name: str):
    (folder / "checkpoints" / name).mkdir()
    assert examine(Run(folder)) == ([], [], [])


@pytest.mark.parametrize("name", ["a%20b#c?d", "a[1]*b", " "])
def test_a_run_directory_has_any_name(whole: Path, tmp_path: Path, name: str):
    assert examine(Run(shutil.copytree(whole, tmp_path / name))) == ([], [], [])


def test_a_backslash_in_its_name_is_said_to_be_the_fault(whole: Path, tmp_path: Path):
    with pytest.raises(UserError, match="rename the folder"):
        Run(shutil.copytree(whole, tmp_path / "back\\slash")).elites()


@pytest.mark.parametrize("word", ["[]", "{}", '{"micro_batch": "x"}', '{"micro_batch": 0}'])
def test_a_word_about_memory_that_is_none_is_refused(folder: Path, word: str):
    (folder / "memory.json").write_text(word, encoding="utf-8")
    with pytest.raises(UserError, match=r"memory\.json"):
        evofool.resume(folder, generations=7)


def test_a_checkpoint_that_claims_more_than_the_memory_is_refused(folder: Path, monkeypatch):
    monkeypatch.setattr("evofool.support.memory.available_memory", lambda: 100)
    with pytest.raises(UserError, match=r"checkpoints/6 would take about .* of memory"):
        Run(folder).elites()


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("source", 6, "a connection starts at a node that is not there"),
        ("target", -5, "a connection ends at an input"),
        ("num_nodes", 2**31 - 1, "num_nodes is 2147483647"),
        ("weight", np.nan, "a weight is not from"),
    ],
)
def test_genomes_that_no_run_makes_are_refused(cppn_run: Path, field: str, value: float, says: str):
    run = Run(cppn_run)
    assert run.newest is not None
    run.newest.table[f"archive.items.genome.{field}"][:] = value
    with pytest.raises(UserError, match=f"holds genomes that no run makes: {says}"):
        check_arrays(run.newest, run.config, run.card, cppn_run)


@pytest.fixture(scope="module")
def cppn_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cppn") / "run"
    evofool.evolve(CLASSIFIER, generations=1, batch_size=5, out=folder)
    return folder
