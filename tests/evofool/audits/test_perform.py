import dataclasses
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from evofool import UserError
from evofool.audits import INVALID, METRICS, PASSED, STOPPED, AuditResult, audit, pattern_of
from evofool.audits.elites import COLUMNS, read_elites
from evofool.audits.evidence import Evidence
from evofool.audits.nothing import noise
from evofool.audits.parts import Audit
from evofool.audits.workshop import StoppedError
from evofool.classifiers import Classifier
from evofool.images import as_png, to_image
from tests.evofool.audits.conftest import TINY, outside


def test_an_audit_has_all_its_parts(audited: AuditResult):
    record = audited.record
    assert (record["status"], record["reason"]) == (PASSED, "")
    assert all(check["passed"] for check in record["checks"])
    assert {check["name"] for check in record["checks"]} >= {"positive control", "negative control"}
    sources = [part["source"] for part in record["sources"]]
    assert sources == ["real", "cppn", "direct", "gradient", "noise", "constant", "ramp", "control"]
    parts = {"detectors", "calibration", "changes", "patches", "corruptions", "remedies"}
    assert parts <= record.keys()
    assert json.loads((audited.folder / "audit.json").read_text(encoding="utf-8")) == json.loads(
        json.dumps(record)
    )


def test_every_metric_has_a_name_that_gates_know(audited: AuditResult):
    unknown = [name for name in audited.record["metrics"] if pattern_of(name) is None]
    assert unknown == []
    found = {pattern_of(name) for name in audited.record["metrics"]}
    rest = {"replay@P", "evaluations.median"}  # of other audits, or of longer ones
    assert set(METRICS) - found <= rest


def test_values_are_read_by_name(audited: AuditResult):
    assert audited["accuracy"] == pytest.approx(0.9)
    with pytest.raises(UserError, match=r"replay@0.99 was not measured"):
        audited["replay@0.99"]


def test_the_elites_are_the_images_that_were_scored(audited: AuditResult, mock: Classifier):
    from evofool.evaluation import recognize

    earlier, images = read_elites(audited.folder)
    assert len(images) == 2 * 10 + 2 * 10 + 3
    seen = recognize(mock, np.stack(images))
    confidences = seen.confidence_in(np.array([image.index for image in earlier]))
    np.testing.assert_allclose(confidences, [image.confidence for image in earlier], rtol=1e-6)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.png,cppn,0,x,0,many", "line 2 is damaged"),
        (f"a.png,cppn,0,{'x' * 2**18},0,0.5", "field larger than field limit"),
        ("a.png,cppn,0,x,0,0.5", "cannot read"),
    ],
)
def test_images_that_are_damaged_are_named(tmp_path: Path, row: str, message: str):
    folder = tmp_path / "elites"
    folder.mkdir()
    (folder / "elites.csv").write_text(f"{','.join(COLUMNS)}\n{row}\n", encoding="utf-8")
    whole = as_png(to_image(np.zeros((8, 8, 1), np.uint8)))
    (folder / "a.png").write_bytes(whole.replace(b"IDAT", b"I?AT"))  # of which Pillow knows no type
    with pytest.raises(UserError, match=message):
        read_elites(tmp_path)


def test_the_page_is_one_file_without_scripts(audited: AuditResult):
    page = audited.page.read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;alert(&quot;x&quot;)" in page
    assert not re.search(r'(src|href)="(?!data:image/png|#)', page)
    assert "url(" not in page
    assert "@import" not in page
    ElementTree.fromstring(re.sub(r"^<!doctype html>|<(meta|img|br)([^>]*)>", "", page))


def test_junit_has_a_test_for_each_check_and_gate(audited: AuditResult):
    suite = ElementTree.parse(audited.folder / "junit.xml").getroot()
    names = {case.get("name") for case in suite.iter("testcase")}
    assert {"noise", "fooled@0.97<0.0", "positive control"} <= names
    assert suite.get("failures") == "0"
    assert suite.get("tests") == str(len(names))


def test_only_the_runs_of_the_subject_stay(audited: AuditResult):
    names = {path.name for path in audited.folder.iterdir()}
    assert names == {"audit.html", "audit.json", "junit.xml", "elites", "runs"}
    assert {path.name for path in (audited.folder / "runs").iterdir()} == {"cppn", "direct"}


class TestReplay:
    """The images of an audit shown again: with them a whole audit takes no time."""

    def replay(
        self, classifier: Classifier, audited: AuditResult, files: tuple[Path, Path], out: Path
    ) -> AuditResult:
        return audit(
            classifier,
            out=out,
            images=files[0],
            labels=files[1],
            budget=TINY,
            replay=audited.folder,
            not_worse_than=audited.folder,
        )

    def test_the_same_classifier_is_no_worse(
        self, audited: AuditResult, mock: Classifier, files: tuple[Path, Path], tmp_path: Path
    ):
        result = self.replay(mock, audited, files, tmp_path / "again")
        part = result.record["replay"]
        assert part["images"] == 43
        assert all(before == pytest.approx(after) for _, before, after in part["rows"][:20])
        assert (part["no_longer"], result.passed) == (0, True)

    def test_the_same_audit_gives_the_same_page(
        self, audited: AuditResult, mock: Classifier, files: tuple[Path, Path], tmp_path: Path
    ):
        one, two = (self.replay(mock, audited, files, tmp_path / name) for name in "ab")
        assert one.page.read_bytes() == two.page.read_bytes()
        assert {**one.record, "seconds": {}} == {**two.record, "seconds": {}}

    def test_a_more_certain_classifier_is_worse(
        self, audited: AuditResult, mock: Classifier, files: tuple[Path, Path], tmp_path: Path
    ):
        sharp = dataclasses.replace(mock, apply=lambda p, x: 4 * mock.apply(p, x))
        result = self.replay(sharp, audited, files, tmp_path / "sharp")
        assert result.record["status"] == "failed"
        failed = [t["gate"] for t in result.record["comparison"]["tests"] if not t["passed"]]
        assert failed == ["replayed images fool no more often"]

    def test_lower_confidence_everywhere_does_not_pass(
        self, audited: AuditResult, mock: Classifier, files: tuple[Path, Path], tmp_path: Path
    ):
        vague = dataclasses.replace(mock, apply=lambda p, x: mock.apply(p, x) / 100)
        before = audited["certain.real@0.99"]
        result = self.replay(vague, audited, files, tmp_path / "vague")
        assert result["certain.real@0.99"] == 0
        failed = [t["gate"] for t in result.record["comparison"]["tests"] if not t["passed"]]
        assert before > 0.2
        assert failed == ["certain.real@0.99 not less"]


def test_a_classifier_on_the_wrong_scale_makes_the_audit_invalid(
    mock: Classifier, files: tuple[Path, Path], tmp_path: Path
):
    wrong = outside(mock, factor=255.0)
    result = audit(wrong, out=tmp_path / "wrong", images=files[0], labels=files[1], budget=TINY)
    assert result.record["status"] == INVALID
    assert "noise" in result.record["reason"]
    assert result.record["sources"] == []
    assert "Not valid" in result.page.read_text(encoding="utf-8")


def test_no_confidence_is_counted_at_that_the_outputs_cannot_tell(
    audited: AuditResult, mock: Classifier, tmp_path: Path
):
    exact = outside(mock)

    def apply(params: object, images: np.ndarray) -> np.ndarray:
        coarse = np.floor(256 * exact.apply(params, images)) / 256
        coarse[:, 0] += 1 - coarse.sum(axis=1)  # int8 models round, and their sums are near 1
        return coarse

    quantised = dataclasses.replace(exact, apply=apply)
    result = audit(quantised, out=tmp_path / "steps", budget=TINY, replay=audited.folder)
    record = result.record
    assert record["about"]["step"] == pytest.approx(1 / 256)
    assert "replay@0.99" in record["metrics"]
    assert "replay@0.9999" not in record["metrics"]
    assert record["not_measured"]["confidence 0.9999"] == "the outputs come in steps of 0.00391"
    assert "written no finer" in result.page.read_text(encoding="utf-8")


def test_a_classifier_that_fails_stops_the_audit_which_then_goes_on(
    audited: AuditResult, mock: Classifier, tmp_path: Path
):
    is_there, asked = False, 0

    def apply(params: object, images: np.ndarray) -> np.ndarray:
        nonlocal asked
        asked += 1
        if len(images) == 43 and not is_there:  # the images that are replayed
            raise ConnectionError("the service is gone")
        return service.apply(params, images)

    service = outside(mock)
    flaky = dataclasses.replace(service, apply=apply)
    settings = {"out": tmp_path / "flaky", "budget": TINY, "replay": audited.folder}
    stopped = audit(flaky, **settings)
    assert stopped.record["status"] == STOPPED
    assert "the service is gone" in stopped.record["reason"]
    before, is_there, asked = asked, True, 0
    assert audit(flaky, **settings).passed
    assert asked < before / 2  # validity was not asked for again
    assert not (tmp_path / "flaky" / "parts").exists()


def test_the_audit_that_is_replayed_is_not_overwritten(mock: Classifier, tmp_path: Path):
    (tmp_path / "audit.json").touch()
    with pytest.raises(UserError, match="is the audit whose images are replayed"):
        audit(mock, out=tmp_path, budget=TINY, replay=tmp_path, overwrite=True)
    assert (tmp_path / "audit.json").exists()


def test_only_an_audit_is_overwritten(mock: Classifier, tmp_path: Path):
    (tmp_path / "parts").mkdir()  # of somebody's project
    (tmp_path / "golden.npz").touch()
    with pytest.raises(UserError, match=r"holds more than an audit: golden\.npz"):
        audit(mock, out=tmp_path, budget=TINY, overwrite=True)
    assert (tmp_path / "golden.npz").exists()


def test_an_audit_that_is_interrupted_says_how_it_goes_on(mock: Classifier, tmp_path: Path):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="the same command goes on"):
        audit(mock, out=tmp_path / "a", budget=TINY, report=interrupt)


def test_an_audit_that_is_stopped_while_it_searches_shows_what_it_found(
    mock: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def make(parts: Audit, source: str) -> Evidence:
        if source != "cppn":
            raise StoppedError("time is over")
        images = noise(mock.card.input_shape, 10, seed=0)
        return Evidence(source, images, np.arange(10), np.zeros(10, int), 10)

    monkeypatch.setattr(Audit, "check", lambda parts: [])
    monkeypatch.setattr(Audit, "_make", make)
    result = audit(mock, out=tmp_path, budget=TINY)
    assert (result.record["status"], result.record["reason"]) == (STOPPED, "time is over")
    assert "Most certain" in result.page.read_text(encoding="utf-8")
    assert [image.index for image in read_elites(tmp_path)[0]] == [*range(10)]


def test_time_that_is_over_stops_the_audit(mock: Classifier, tmp_path: Path):
    result = audit(mock, out=tmp_path / "late", budget=TINY, max_seconds=1e-9)
    assert result.record["status"] == STOPPED
    assert "max_seconds" in result.record["reason"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fail_if": ["fooled>"]}, "fail_if is 'fooled>'"),
        ({"fail_if": ["foled@0.9>1"]}, "unknown metric 'foled@0.9'"),
        ({"threshold": 1.0}, "threshold is 1"),
        ({"expect_accuracy": 0.9}, "expect_accuracy is of real images"),
        ({"remedies": ["prayer"]}, "unknown remedy 'prayer'"),
        ({"budget": "huge"}, "unknown budget 'huge'"),
        ({"images": "x"}, "give the real images once"),
        ({"invert": True}, "invert and data are about real images"),
        ({"baseline": "nowhere"}, "there is no audit nowhere"),
        ({"replay": "nowhere"}, "nowhere holds no elites/elites.csv"),
        ({"golden": "nowhere.npz"}, "cannot read nowhere.npz"),
    ],
)
def test_what_cannot_be_used_is_refused(
    mock: Classifier, tmp_path: Path, settings: dict[str, object], message: str
):
    with pytest.raises(UserError, match=re.escape(message)):
        audit(mock, out=tmp_path / "out", **settings)
    assert not (tmp_path / "out").exists()
