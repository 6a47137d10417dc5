import io
import json
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPResponse
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import evofool
from evofool import UserError, load_classifier
from evofool.classifiers import ClassifierError
from evofool.classifiers.services.asking import Asker, ServiceError
from evofool.classifiers.services.http import HttpClient
from evofool.classifiers.services.options import ServiceOptions, read_options
from evofool.classifiers.services.replies import BadReplyError, Replies
from evofool.classifiers.services.replies import scores_of as read_scores
from evofool.classifiers.services.service import load_service
from evofool.cli import main
from evofool.cli.commands import COMMANDS
from evofool.evaluation import evaluate
from evofool.support import JsonValue
from tests.evofool.classifiers.services.misbehaving import LABELS, Service, scores_of, serving

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1), np.uint8)
VALUES = IMAGES.astype(np.float32) / 255


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as running:
        yield running


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "labels.txt"
    path.write_text("\n".join(LABELS), encoding="utf-8")
    return path


def name_of(service: Service, tmp_path: Path, more: str = "") -> str:
    return f"{service.address}#input=8x8x1&replies={tmp_path / 'replies.jsonl'}{more}"


def grey_image(folder: Path) -> Path:
    Image.new("L", (8, 8), 90).save(folder / "grey.png")
    return folder / "grey.png"


def asker_of(service: Service, tmp_path: Path, **options) -> tuple[Asker, list[float]]:
    settings = ServiceOptions(shape=(8, 8, 1), **options)
    client = HttpClient(service.address, timeout=settings.timeout)
    pauses: list[float] = []
    replies = Replies(tmp_path / "replies.jsonl")
    return Asker(client, service.address, settings, replies, sleep=pauses.append), pauses


def test_a_service_is_a_classifier(service: Service, tmp_path: Path):
    classifier = load_classifier(name_of(service, tmp_path))
    assert classifier.card.labels == tuple(LABELS)
    outputs = np.exp(evaluate(classifier, VALUES, 4))[:, 1:]
    np.testing.assert_allclose(outputs, scores_of(IMAGES), rtol=1e-4, atol=1e-7)
    assert service.requests == [1, 4, 1]  # never filled up
    assert service.connections == 1


def test_no_image_is_asked_about_twice(service: Service, tmp_path: Path):
    asker, _ = asker_of(service, tmp_path, batch=2)
    first = asker.ask([*IMAGES, IMAGES[0]])
    assert service.requests == [2, 2, 1]
    assert first[0] == first[5]
    again, _ = asker_of(service, tmp_path)
    assert again.ask(list(IMAGES[::-1])) == first[4::-1]
    assert service.requests == [2, 2, 1]


@pytest.mark.parametrize("scores", [[0.01, 0.01, 0.0, 0.85, 0.14], [0.33, 0.34, 0.34]])
def test_rounded_scores_may_add_up_to_more_than_1(scores: list[float]):
    read = list(read_scores(dict(zip("abcde", scores, strict=False))).values())
    assert sum(read) == pytest.approx(1)
    np.testing.assert_allclose(read, np.array(scores) / sum(scores))


def test_replies_of_several_processes_are_all_kept(tmp_path: Path):
    path = tmp_path / "replies.jsonl"
    one, other = Replies(path), Replies(path)
    one.add(["a", "b"], [{"x": 0.5}, {"x": 0.25}])
    other.add(["b", "c"], [{"x": 0.75}, {"x": 1.0}])
    one.add(["d"], [{"x": 0.0}])
    assert [one.get(key) for key in "abcd"] == [{"x": 0.5}, {"x": 0.25}, {"x": 1.0}, {"x": 0.0}]
    assert [other.get(key) for key in "abc"] == [{"x": 0.5}, {"x": 0.25}, {"x": 1.0}]
    assert len(Replies(path)) == 4
    path.unlink()
    one.add(["e"], [{"x": 0.5}])
    assert len(Replies(path)) == 1


@pytest.mark.parametrize(
    ("length", "message"),
    [
        ("many", ""),
        ("2", ""),
        ("3", "was cut before the end"),
        (str(2**40), "was cut before the end"),
    ],
)
def test_a_length_that_is_no_number_is_passed_over(length: str, message: str):
    client = HttpClient("http://127.0.0.1/", timeout=1.0)
    content = f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n[]".encode()
    response = HTTPResponse(SimpleNamespace(makefile=lambda mode: io.BytesIO(content)))  # type: ignore[arg-type]
    response.begin()
    client._connection = SimpleNamespace(  # type: ignore[assignment]
        request=lambda *request: None, getresponse=lambda: response, close=lambda: None
    )
    if message:
        with pytest.raises(ServiceError, match=message):
            client.ask([IMAGES[0]])
    else:
        assert client.ask([IMAGES[0]]) == []


def test_threads_get_the_replies_to_their_own_images(tmp_path: Path):
    class Client:
        def ask(self, images: Sequence[np.ndarray]) -> JsonValue:
            self.shown = images
            time.sleep(0.01)
            return [{"x": float(image[0, 0, 0]) / 255} for image in self.shown]

        def close(self) -> None: ...

    settings = ServiceOptions(shape=(8, 8, 1))
    asker = Asker(Client(), "", settings, Replies(tmp_path / "replies.jsonl"))
    with ThreadPoolExecutor(5) as threads:
        found = [*threads.map(lambda image: asker.ask([image]), IMAGES)]
    assert found == [[{"x": float(image[0, 0, 0]) / 255}] for image in IMAGES]


@pytest.mark.parametrize("scores", [[0.9, 0.31], [0.98, 0.031], [12.5, 87.5], [1, 1], [1e-5, 1.1]])
def test_scores_that_no_rounding_explains_are_refused(scores: list[float]):
    with pytest.raises(BadReplyError, match="expected probabilities"):
        read_scores({"a": scores[0], "b": scores[1]})


def test_a_reply_that_was_cut_short_by_a_kill_is_asked_for_again(service: Service, tmp_path: Path):
    asker, _ = asker_of(service, tmp_path)
    expected = asker.ask(list(IMAGES))
    path = tmp_path / "replies.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    again, _ = asker_of(service, tmp_path)
    assert again.ask(list(IMAGES)) == expected
    assert service.requests == [5, 1]
    assert len(path.read_text(encoding="utf-8").splitlines()) == 5
    path.write_text("no reply\n", encoding="utf-8")
    with pytest.raises(UserError, match="byte 0: no reply of a service"):
        Replies(path)


@pytest.mark.parametrize(
    "fault", ["reset", "cut", "unsized", "html", "nan", "few", "sum", "500", "503", "429"]
)
def test_what_may_pass_is_tried_again(service: Service, tmp_path: Path, fault: str):
    asker, pauses = asker_of(service, tmp_path)
    service.faults = [fault, fault]
    found = asker.ask(list(IMAGES))
    assert [max(scores, key=lambda label: scores[label]) for scores in found] == [
        LABELS[index] for index in scores_of(IMAGES).argmax(axis=1)
    ]
    assert len(pauses) == 2
    assert pauses == [7, 7] if fault == "429" else pauses[1] > pauses[0] / 2
    assert asker.used == 3 * len(IMAGES)


def test_a_service_that_is_too_slow_is_asked_again(service: Service, tmp_path: Path):
    asker, pauses = asker_of(service, tmp_path, timeout=0.3)
    service.faults = ["slow"]
    assert len(asker.ask(list(IMAGES))) == 5
    assert len(pauses) == 1


@pytest.mark.parametrize("fault", ["reset", "html", "nan"])
def test_what_does_not_pass_is_an_error_and_no_reply(service: Service, tmp_path: Path, fault: str):
    asker, _ = asker_of(service, tmp_path, retries=2)
    service.faults = [fault] * 9
    with pytest.raises(ClassifierError, match="failed 3 times, the last time: ") as caught:
        asker.ask(list(IMAGES))
    assert len(service.requests) == 3
    assert not (tmp_path / "replies.jsonl").exists()
    assert "replies.jsonl" not in str(caught.value)


def test_what_is_kept_is_told_when_the_next_request_fails(service: Service, tmp_path: Path):
    asker, _ = asker_of(service, tmp_path, retries=0)
    asker.ask(list(IMAGES[:2]))
    service.faults = ["reset"]
    with pytest.raises(ClassifierError, match=r"; its replies so far are kept in .*replies\.jsonl"):
        asker.ask(list(IMAGES))


def test_what_is_wrong_with_the_request_is_not_tried_again(service: Service, tmp_path: Path):
    asker, _ = asker_of(service, tmp_path)
    service.faults = ["403"]
    with pytest.raises(ClassifierError, match="refuses the request: HTTP status 403"):
        asker.ask(list(IMAGES))
    assert len(service.requests) == 1


def test_the_rate_is_kept(service: Service, tmp_path: Path):
    settings = ServiceOptions(shape=(8, 8, 1), rate=20.0, batch=1)
    client = HttpClient(service.address, timeout=settings.timeout)
    asker = Asker(client, service.address, settings, Replies(tmp_path / "replies.jsonl"))
    began = time.monotonic()
    asker.ask(list(IMAGES))
    assert time.monotonic() - began >= 4 / 20


def test_classes_that_a_reply_leaves_out_are_unknown(
    service: Service, tmp_path: Path, labels: Path
):
    service.top = 2
    with pytest.raises(UserError, match=r"lists 2 classes .* #labels=FILE"):
        load_classifier(name_of(service, tmp_path))
    classifier = load_classifier(name_of(service, tmp_path, f"&labels={labels}"))
    logs = evaluate(classifier, VALUES, 8)
    expected = scores_of(IMAGES)
    is_listed = np.argsort(np.argsort(-expected, axis=1), axis=1) < 2
    np.testing.assert_array_equal(np.isfinite(logs[:, 1:]), is_listed)
    np.testing.assert_allclose(np.exp(logs[:, 1:])[is_listed], expected[is_listed], rtol=1e-4)
    odds = np.asarray(classifier.log_odds(logs))[:, 1:]
    p = expected[is_listed]
    np.testing.assert_allclose(odds[is_listed], np.log(p / (1 - p)), rtol=1e-3, atol=1e-3)
    assert (odds[~is_listed] == -np.inf).all()


def test_a_run_ends_in_order_when_the_budget_is_used_up(
    service: Service, tmp_path: Path, labels: Path, capsys: pytest.CaptureFixture[str]
):
    service.top = 5
    out = tmp_path / "run"

    def evolve_with(queries: int) -> list[str]:
        name = name_of(service, tmp_path, f"&labels={labels}&queries={queries}")
        return ["--classifier", name, "--quiet"]

    settings = ["--encoding", "direct", "--batch-size", "8", "--generations", "6"]
    code = main(["evolve", *settings, *evolve_with(30), "--out", str(out)])
    assert code == 4
    said = capsys.readouterr().err
    assert "the budget of 30 queries" in said
    assert f"evofool resume {out} --trust-code" in said
    assert sum(service.requests) == 8 + 2 * 8  # probes, and the children of two generations
    assert main(["resume", str(out), *evolve_with(1000)]) == 0
    asked = sum(service.requests)
    assert asked <= 8 + 7 * 8  # nothing twice
    assert main(["verify", str(out), *evolve_with(1000)[:2]]) == 0
    assert sum(service.requests) == asked
    straight = evofool.evolve(
        evolve_with(1000)[1],
        **{"encoding": "direct", "batch_size": 8, "generations": 6},
        out=tmp_path / "straight",
        quiet=True,
    )
    resumed = evofool.Run(out, classifier=evolve_with(1000)[1]).finished
    assert straight.finished["archive_sha256"] == resumed["archive_sha256"]
    assert sum(service.requests) == asked


PROGRAM = """
import json, sys
for number, line in enumerate(sys.stdin):
    images = json.loads(line)["images"]
    if {dies} and number == 1:
        sys.exit(3)
    replies = [{{"a": 0.25, "b": 0.75}} for _ in images]
    print(json.dumps(replies), flush=True)
"""


@pytest.mark.parametrize("dies", [False, True])
def test_a_program_is_asked_line_by_line(tmp_path: Path, dies: bool):
    program = tmp_path / "score.py"
    program.write_text(PROGRAM.format(dies=dies), encoding="utf-8")
    options = f"input=8x8x1&batch=2&replies={tmp_path / 'replies.jsonl'}"
    classifier = load_service(f"cmd:{sys.executable} {program}#{options}")
    assert classifier.card.labels == ("a", "b")
    outputs = np.asarray(classifier.apply(None, VALUES))
    np.testing.assert_allclose(outputs[:, 1:], [[0.25, 0.75]] * 5)
    lines = (tmp_path / "replies.jsonl").read_text(encoding="utf-8").splitlines()
    assert len({json.loads(line)["image"] for line in lines}) == 6


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("http://h/p", "say what images it takes with #input="),
        ("http://h/p#input=8x8x2", "input is '8x8x2'"),
        ("http://h/p#input=8x8&size=3", "unknown option of http://h/p 'size'"),
        ("http://h/p#input=8x8&batch=0", "batch is '0'; expected a whole number from 1"),
        ("http://h/p#input=8x8&rate=-1", "rate is '-1'; expected a number above 0"),
        ("http://h/p#input=8x8&labels=nowhere.txt", "cannot read nowhere.txt"),
    ],
)
def test_options_that_are_wrong_are_named(name: str, message: str):
    with pytest.raises(UserError, match=message):
        read_options(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("http://:80/p#input=8x8", "names no host"),
        ("cmd:#input=8x8", "names no program"),
        ("cmd:./no-such-program#input=8x8", "cannot start ./no-such-program"),
    ],
)
def test_what_cannot_be_asked_is_named(name: str, message: str, tmp_path: Path):
    with pytest.raises(UserError, match=message):
        load_service(f"{name}&replies={tmp_path / 'r.jsonl'}")


@pytest.mark.parametrize("name", ["http://127.0.0.1:1/p#input=8x8", "cmd:rm -rf a#input=8x8"])
def test_a_service_that_only_a_file_names_is_not_asked(name: str, tmp_path: Path):
    (tmp_path / "run.toml").write_text(f'classifier = "{name}"', encoding="utf-8")
    with pytest.raises(UserError, match="--trust-code"):
        evofool.make_config(file=tmp_path / "run.toml")


@pytest.mark.parametrize("flag", [["--queries", "3"], ["--queries=3"]])
def test_the_budget_is_a_flag_of_every_command(
    service: Service,
    tmp_path: Path,
    labels: Path,
    capsys: pytest.CaptureFixture[str],
    flag: list[str],
):
    name = name_of(service, tmp_path, f"&labels={labels}")
    out = tmp_path / "out"
    settings = ["--encoding", "direct", "--batch-size", "4", "--generations", "2", "--quiet"]
    for command in (
        ["evolve", f"--classifier={name}", *settings, "--out", str(out)],
        ["audit", name, "--out", str(tmp_path / "audit")],
        ["attack", *flag, "one-pixel", str(grey_image(tmp_path)), "--classifier", name],
    ):
        code = main(command if flag[0] in command else [*command, *flag])
        assert code in (3, 4)
        captured = capsys.readouterr()
        assert "the budget of 3 queries" in captured.out + captured.err, command
    assert sum(service.requests) <= 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--queries", "5"], "--queries has no effect without the address of a service"),
        (["--classifier", "lenet", "--queries=5"], "--queries has no effect without the address"),
        (["--classifier", "http://a/b#input=8x8x1", "--queries"], "expected one --queries N"),
        (["--classifier", "cmd:x#input=8x8x1&queries=4", "--queries", "5"], "give one of them"),
        (["--classifier", "cmd:x#input=8x8x1", "--queries", "many"], "queries is 'many'; expected"),
        (["--classifier", "cmd:x#input=8x8x1", "--queries", "1&batch=2"], "queries is '1&batch=2'"),
    ],
)
def test_a_budget_that_would_be_ignored_is_refused(
    in_tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
):
    assert main(["classify", str(grey_image(in_tmp_path)), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_commands_that_may_ask_a_service_tell_of_the_budget(capsys: pytest.CaptureFixture[str]):
    told = set()
    for name in COMMANDS:
        words = "attack pgd" if name == "attack" else name
        with pytest.raises(SystemExit):
            main([*words.split(), "--help"])
        if " --queries N " in " ".join(capsys.readouterr().out.split()):
            told.add(name)
    assert told == {
        *("evolve", "resume", "polish", "breed", "serve", "verify", "survive", "transfer"),
        *("quiz", "doctor", "audit", "classify", "accuracy", "attack", "corrupt", "fine-tune"),
    }
