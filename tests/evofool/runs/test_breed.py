import gc
import json
import shutil
from contextlib import suppress
from pathlib import Path

import jax
import numpy as np
import pytest

import evofool
from archive import NOBODY
from evofool import Run, UserError
from evofool.classifiers import ABSENT
from evofool.evolution import breeding
from evofool.images import to_levels
from evofool.runs import Brood, launch, stones_of
from evofool.runs.integrity import archive_of
from tests.evofool.cli.running import output_of
from tests.evofool.loop import KilledError
from tests.evofool.operations import DeadError, Operations

FOUNDERS = ("class 3", "class 7")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bred")


@pytest.fixture(scope="module")
def brood(cppn_run: Run, folder: Path) -> Brood:
    """Two generations of a session."""
    first = evofool.breed(cppn_run, classes=FOUNDERS, children=8, out=folder / "session")
    return evofool.breed(first.run, numbers=[1, 4, 6], children=8)


def favourites_of(run: Run, *names: str, run_index: int = 0) -> str:
    elites = [run.elite(name, run_index) for name in names]
    return json.dumps(
        {
            "format": "evofool-favourites",
            "version": 1,
            "favourites": [
                {
                    "run": run.folder.name,
                    "seed": run.config.seed + run_index,
                    "run_index": run_index,
                    "class_index": elite.class_index,
                    "label": elite.label,
                    "born": list(elite.born),
                }
                for elite in elites
            ],
        }
    )


def test_a_session_is_a_run_that_can_be_verified(cppn_run: Run, brood: Brood):
    assert brood.run.generation == cppn_run.generation + 2
    assert evofool.verify(brood.run.folder).passed
    labels = {elite.label for elite in Run(brood.run.folder).elites()}
    assert labels >= {*FOUNDERS, *(child.label for child in brood.children)}
    assert all((brood.run.folder / name).exists() for name in ("gallery.png", "children.png"))
    assert brood.run.finished["evaluations"] == 16


def test_some_children_have_two_parents_and_all_were_chosen(brood: Brood):
    generation = brood.run.generation - 1
    chosen = {(generation, number) for number in (0, 3, 5)}
    assert {parent for child in brood.children for parent in child.parents} <= chosen
    assert {len(child.parents) for child in brood.children} == {1, 2}


def test_every_child_is_made_again_from_its_line_of_descent(brood: Brood):
    run = Run(brood.run.folder)
    for child in brood.children:
        steps = run.lineage.descent(0, child.born, child.cell)
        assert steps[-1].generation == 0
        again = run.replay(0, steps[:1])[0]
        for one, other in zip(jax.tree.leaves(again), jax.tree.leaves(child.genome), strict=True):
            n = np.shape(other)[0] if np.ndim(other) else None
            np.testing.assert_array_equal(one[:n] if n else one, other)
        np.testing.assert_array_equal(to_levels(next(run.draw([again]))[0]), child.image)


def test_the_same_choice_gives_the_same_children(cppn_run: Run, brood: Brood, folder: Path):
    first = evofool.breed(cppn_run, classes=FOUNDERS, children=4, out=folder / "again")
    again = evofool.breed(first.run, numbers=[1, 4], children=4)
    other = evofool.breed(cppn_run, classes=FOUNDERS, children=8, out=folder / "other")
    for one, two in zip(first.children, other.children, strict=False):
        np.testing.assert_array_equal(one.image, two.image)  # whatever their number
    assert again.run.generation == brood.run.generation


def test_favourites_of_an_independent_run_are_bred(cppn_run: Run, folder: Path):
    path = folder / "favourites.json"
    path.write_text(favourites_of(cppn_run, "class 2", "class 5", run_index=1), encoding="utf-8")
    brood = evofool.breed(cppn_run, favourites=path, children=3, out=folder / "favourites")
    assert brood.run.config.seed == cppn_run.config.seed + 1
    assert evofool.verify(brood.run.folder).passed


def test_pixels_are_bred(direct_run: Run, folder: Path):
    brood = evofool.breed(direct_run, classes=("3", "9"), children=4, out=folder / "direct")
    assert evofool.verify(brood.run.folder).passed


@pytest.mark.slow
def test_children_are_scored_by_worn_copies_where_the_run_is(folder: Path):
    settings = {"encoding": "direct", "batch_size": 8, "generations": 1, "quiet": True}
    run = evofool.evolve("mock:3", expect="shift,noise", out=folder / "worn", **settings)
    brood = evofool.breed(run, classes=["1"], children=4, out=folder / "worn-bred")
    assert evofool.verify(brood.run.folder).passed
    assert brood.run.metrics[-1]["evaluations"] == 2 * 4
    elite = brood.run.elites()[0]
    assert stones_of(elite)[-1].confidence == pytest.approx(elite.confidence, abs=1e-6)


def test_a_child_that_competes_in_no_cell_takes_none(direct_run: Run):
    elites = breeding.founded(archive_of(direct_run.table, direct_run.encoding), 0, [1])
    log_odds = np.array([[ABSENT, ABSENT, ABSENT], [ABSENT, ABSENT, 0.5]], np.float32)
    scores = breeding.Scores(log_odds, np.zeros((2, 2), np.int32))
    genomes = [elite.genome for elite in direct_run.elites()[:2]]
    after, winner = breeding.offer(elites, genomes, 13, scores)
    assert winner.tolist() == [[NOBODY, NOBODY, 1]]
    assert np.isfinite(after.fitness).tolist() == [[False, True, True]]


@pytest.mark.slow
def test_a_polished_run_is_bred(cppn_run: Run, folder: Path):
    polished = evofool.polish(
        evofool.evolve("mock:10", batch_size=20, generations=3, out=folder / "base"), steps=2
    )
    brood = evofool.breed(polished, classes=FOUNDERS, children=4, out=folder / "polished")
    assert evofool.verify(brood.run.folder).passed
    assert max(len(elite.ancestors()) for elite in Run(brood.run.folder).elites()) > 1


@pytest.mark.slow
def test_evolution_goes_on_from_a_session(brood: Brood, session: Path):
    last = brood.run.generation + 3
    bred = evofool.breed(
        evofool.breed(session, numbers=[1], children=2).run, numbers=[1], children=2
    )
    evolved = evofool.resume(bred.run, generations=last)
    assert evolved.generation == last
    assert evofool.verify(evolved.folder).passed


# A session whose writer is killed


@pytest.fixture
def session(brood: Brood, tmp_path: Path) -> Path:
    """A copy of the session of two generations."""
    return Path(shutil.copytree(brood.run.folder, tmp_path / "session"))


def die(*arguments: object, **options: object) -> None:
    raise KilledError


def said_of(folder: Path) -> dict[str, object]:
    """What a session holds, but for times."""
    names = ("breeding.json", "children.png", "gallery.png")
    files: dict[str, object] = {name: (folder / name).read_bytes() for name in names}
    summary = json.loads((folder / "summary.json").read_text())
    config = json.loads((folder / "config.json").read_text())["config"]
    return files | {"archive": summary["archive_sha256"], "config": config}


def test_resume_finishes_a_session_and_evolves_nothing(brood: Brood, session: Path):
    for name in ("summary.json", "children.png", "convergence.png"):
        (session / name).unlink()
    config = json.loads((session / "config.json").read_text())
    config["config"]["generations"] += 3
    (session / "config.json").write_text(json.dumps(config))
    resumed = evofool.resume(session)
    assert resumed.generation == brood.run.generation
    assert resumed.finished["evaluations"] == brood.run.finished["evaluations"]
    assert said_of(session) == said_of(brood.run.folder)
    (session / "children.png").unlink()
    evofool.resume(session)
    assert said_of(session) == said_of(brood.run.folder)
    assert evofool.verify(session).passed


def test_a_generation_without_its_checkpoint_was_never_bred(
    brood: Brood, session: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    with monkeypatch.context() as patch:
        patch.setattr(breeding.CheckpointWriter, "save", die)
        with pytest.raises(KilledError):
            evofool.breed(session, numbers=[2], children=3)
    half = Path(shutil.copytree(session, tmp_path / "half"))
    assert Run(session).generation == brood.run.generation
    evofool.resume(session)
    assert said_of(session) == said_of(brood.run.folder)
    whole = evofool.breed(session, numbers=[2], children=3)
    again = evofool.breed(half, numbers=[2], children=3)  # without a repair before
    assert said_of(again.run.folder) == said_of(whole.run.folder)


def test_children_that_were_not_shown_are_no_parents(
    session: Path, monkeypatch: pytest.MonkeyPatch
):
    before = (session / "children.png").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(launch, "write_children", die)
        with pytest.raises(KilledError):
            evofool.breed(session, numbers=[2], children=3)
    assert (session / "children.png").read_bytes() == before
    with pytest.raises(UserError, match=r"go on with 'evofool resume .*session'"):
        evofool.breed(session, numbers=[1])
    assert (evofool.resume(session).folder / "children.png").read_bytes() != before
    assert len(evofool.breed(session, numbers=[3], children=2).children) == 2


@pytest.mark.parametrize("last", ["begin", "add"])
def test_a_session_that_was_only_begun_is_begun_again(
    cppn_run: Run, brood: Brood, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: str
):
    def begin() -> Brood:
        return evofool.breed(cppn_run, classes=FOUNDERS, children=2, out=tmp_path / "new")

    with monkeypatch.context() as patch:
        patch.setattr(breeding.BredRun, last, die)
        with pytest.raises(KilledError):
            begin()
    with pytest.raises(UserError, match="nobody was bred"):
        evofool.resume(tmp_path / "new")
    assert len(begin().children) == 2
    with pytest.raises(UserError, match="is there already; go on with"):
        begin()


@pytest.mark.slow
@pytest.mark.parametrize("is_new", [True, False])
def test_a_session_that_is_killed_at_any_file_is_whole_in_the_end(
    direct_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_new: bool
):
    choice = {"classes": ["3"], "children": 2}
    session = evofool.breed(direct_run, **choice, out=tmp_path / "session").run.folder
    later = {"numbers": [2], "children": 2}

    def breed(folder: Path) -> None:
        if is_new:
            evofool.breed(direct_run, **choice, out=folder)
        else:
            evofool.breed(folder, **later)

    def renew(folder: Path) -> Path:
        return folder if is_new else Path(shutil.copytree(session, folder))

    whole = renew(tmp_path / "whole")
    with monkeypatch.context() as patch:
        operations = Operations(patch, last=float("inf"))
        breed(whole)
    assert operations.count > 20
    for last in range(operations.count):
        folder = renew(tmp_path / str(last))
        with monkeypatch.context() as patch:
            Operations(patch, last=last)
            with suppress(DeadError, UserError):
                breed(folder)
        gc.collect()  # of locks
        summary = folder / "summary.json"
        is_done = summary.exists() and Run(folder).generation == Run(whole).generation
        if not is_done:  # else the next generation would be bred
            with suppress(UserError):  # which advises to resume
                breed(folder)
        evofool.resume(folder)
        assert said_of(folder) == said_of(whole), last
        assert list(folder.rglob(".*")) == [], last


def test_a_session_that_was_bred_from_meanwhile_is_not_bred_from(session: Path):
    opened = Run(session)
    assert opened.generation  # is read at first use
    evofool.breed(session, numbers=[1], children=2)
    with pytest.raises(UserError, match="has been bred from meanwhile"):
        evofool.breed(opened, numbers=[1])


def test_damage_to_the_list_of_the_bred_is_noticed(session: Path):
    path = session / "breeding.json"
    path.write_text(path.read_text().replace('"cell": 3', '"cell": 2'))
    for verb in (evofool.verify, evofool.resume):
        with pytest.raises(UserError, match=r"breeding.json is damaged or was edited"):
            verb(session)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "nobody is chosen"),
        ({"classes": ["3"], "children": 0}, r"children is 0; expected 1\.\.100"),
        ({"numbers": [2]}, "only where a session goes on"),
        ({"classes": ["no such"]}, "no such"),
    ],
)
def test_wrong_choices_are_refused(cppn_run: Run, folder: Path, arguments, message: str):
    with pytest.raises(UserError, match=message):
        evofool.breed(cppn_run, out=folder / "refused", **arguments)
    assert not (folder / "refused").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "no file of favourites"),
        ('{"format": "evofool-favourites", "version": 9}', "9"),
        ('{"format": "evofool-favourites", "version": 1, "favourites": []}', "has no favourites"),
        ('{"format": "evofool-favourites", "version": 1, "favourites": [3]}', "favourites"),
    ],
)
def test_wrong_files_of_favourites_are_refused(
    cppn_run: Run, tmp_path: Path, text: str, message: str
):
    path = tmp_path / "favourites.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        evofool.breed(cppn_run, favourites=path, out=tmp_path / "refused")


def test_numbers_beyond_the_children_are_refused(brood: Brood):
    with pytest.raises(UserError, match="number is 99; expected 1"):
        evofool.breed(brood.run.folder, numbers=[99])


def test_favourites_of_another_run_are_refused(cppn_run: Run, direct_run: Run, tmp_path: Path):
    path = tmp_path / "favourites.json"
    path.write_text(favourites_of(direct_run, "3"), encoding="utf-8")
    with pytest.raises(UserError, match="none of its 1 favourites is an elite"):
        evofool.breed(cppn_run, favourites=path, out=tmp_path / "refused")


def test_the_command_says_how_to_go_on(
    cppn_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    shown = output_of(
        capsys,
        "breed",
        cppn_run.folder,
        "--classes",
        "3",
        "--children",
        "2",
        "--out",
        tmp_path / "s",
    )
    assert f"evofool breed {tmp_path / 's'} --numbers 1 2" in shown
    shown = output_of(capsys, "breed", tmp_path / "s", "--numbers", "2", "--json")
    assert len(json.loads(shown)["children"]) == 24
