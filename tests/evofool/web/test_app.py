"""All pages but that of evolution, as HTTP: who may come in, and what is answered."""

import csv
import io
import sys
from pathlib import Path

import httpx2 as httpx
import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

import evofool
from evofool import Run
from evofool.pages import Site
from evofool.web.answering import Answering, placed_as_mnist
from evofool.web.app import Services, make_app
from evofool.web.breeding import Breeding
from evofool.web.guard import COOKIE, MOST_BYTES, Door, hosts_of
from evofool.web.quizzing import COLUMNS, Quizzes
from evofool.web.serving import Address, served

HOST = "127.0.0.1:8321"
BASE = f"http://{HOST}"


def visitor(services: Services, *, token: str | None = None) -> TestClient:
    app = make_app(services, Door((HOST,), token))
    return TestClient(app, base_url=BASE, headers={"Origin": BASE}, follow_redirects=False)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("answers") / "answers.csv"


@pytest.fixture(scope="module")
def client(cppn_run: Run, answers: Path) -> TestClient:
    services = Services(
        title="<b>a run</b>",
        answering=Answering(cppn_run.classifier),
        quizzes=Quizzes(cppn_run, None, answers),
        breeding=Breeding(cppn_run),
    )
    return visitor(services)


def png(levels: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(levels).save(content, "PNG")
    return content.getvalue()


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {}, 200),
        ("GET", {"Host": "evil.example:8321"}, 421),
        ("GET", {"Host": "127.0.0.1"}, 421),
        ("GET", {"Origin": "http://evil.example"}, 403),
        ("GET", {"Origin": "null"}, 403),
        ("POST", {"Origin": "http://evil.example"}, 403),
        ("POST", {"Content-Length": str(MOST_BYTES + 1)}, 413),
        ("POST", {"Content-Length": "-1"}, 413),
    ],
)
def test_who_may_ask(client: TestClient, method: str, headers: dict[str, str], status: int):
    address = "/draw" if method == "GET" else "/api/quiz"
    assert client.request(method, address, headers=headers).status_code == status


def test_a_change_without_origin_is_refused(cppn_run: Run):
    app = make_app(Services(title="", quizzes=Quizzes(cppn_run, None, None)), Door((HOST,), None))
    assert TestClient(app, base_url=BASE).post("/api/quiz").status_code == 403


def test_every_answer_has_a_strict_policy(client: TestClient):
    for address in ("/draw", "/api/about", "/no/such", "/web/draw.js", "/assets/style.css"):
        answer = client.get(address)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_pages_run_no_scripts_but_files(client: TestClient):
    for page in ("draw", "quiz", "breed"):
        text = client.get(f"/{page}").text
        assert "<script>" not in text
        assert " on" not in text.replace(" one", "").replace(" on a ", "").replace(" on,", "")
        for address in [part.split('"')[0] for part in text.split('src="')[1:]]:
            assert client.get(address).status_code == 200


def test_only_what_is_there_is_listed(client: TestClient, cppn_run: Run):
    names = [page["name"] for page in client.get("/api/about").json()["pages"]]
    assert names == ["draw", "quiz", "breed"]
    assert client.get("/").headers["location"] == "/draw"
    assert client.get("/live").status_code == 404
    assert client.get("/assets/../guard.py").status_code == 404


def test_another_address_needs_the_token(cppn_run: Run):
    door = visitor(
        Services(title="", answering=Answering(cppn_run.classifier)), token="s3cret-word"
    )
    assert door.get("/draw").status_code == 401
    assert door.get("/draw?token=wrong").status_code == 401
    opened = door.get("/draw?token=s3cret-word")
    assert opened.status_code == 303
    assert opened.headers["location"] == "/draw"
    assert "HttpOnly" in opened.headers["set-cookie"]
    assert "SameSite=strict" in opened.headers["set-cookie"]
    door.cookies.set(COOKIE, "s3cret-word")
    assert door.get("/draw").status_code == 200


def test_any_letters_may_be_a_token(cppn_run: Run):
    services, token = Services(title="", answering=Answering(cppn_run.classifier)), "1+1 = 2 & ☂#"
    with served(services, Address(host="0.0.0.0", port=0, token=token)) as shown:
        query = shown.partition("/?")[2]
    door = visitor(services, token=token)
    assert door.get(f"/draw?{query}").status_code == 303
    assert door.get("/draw").status_code == 200  # with the cookie


@pytest.mark.skipif(sys.platform != "linux", reason="others have one address of this network")
def test_any_address_of_the_loopback_network_is_answered(cppn_run: Run):
    services = Services(title="a run", answering=Answering(cppn_run.classifier))
    with served(services, Address(host="127.0.0.2", port=0)) as base:
        assert httpx.get(f"{base}api/about").json()["title"] == "a run"


def test_browsers_leave_the_usual_port_out():
    assert hosts_of(["127.0.0.1", "::1"], 80) == ("127.0.0.1", "[::1]")
    assert hosts_of(["127.0.0.1", "::1"], 8321) == ("127.0.0.1:8321", "[::1]:8321")


def test_a_drawing_is_answered_with_the_five_likeliest_classes(client: TestClient):
    levels = np.zeros((280, 280), np.uint8)
    levels[40:240, 130:150] = 255
    answer = client.post("/api/draw/drawing", content=png(levels)).json()
    shares = [guess["confidence"] for guess in answer["guesses"]]
    assert len(shares) == 5
    assert shares == sorted(shares, reverse=True)
    assert answer["seen"].startswith("data:image/png;base64,")


@pytest.mark.parametrize("content", [b"", b"<svg/>", b"\x89PNG\r\n\x1a\n", b"%!PS-Adobe-3.0 EPSF"])
def test_what_is_no_image_is_refused_in_a_line(client: TestClient, content: bytes):
    answer = client.post("/api/draw/photograph", content=content)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error.startswith("the image ")
    assert "\n" not in error
    assert "/tmp" not in error


def test_too_much_is_cut_off_whatever_it_says_of_itself(client: TestClient):
    parts = (b"x" * 2**20 for _ in range(30))  # without a length
    answer = client.post("/api/draw/photograph", content=parts)
    assert answer.status_code == 400
    assert "more than" in answer.json()["error"]


def test_black_digits_on_paper_are_inverted():
    answering = Answering(evofool.load_classifier("lenet"))
    levels = np.full((280, 280), 250, np.uint8)
    levels[40:240, 130:156] = 20  # a one
    answer = answering.photograph(png(levels))
    assert answer["guesses"][0]["label"] == "1"
    assert "inverted" in " ".join(answer["actions"])
    assert not any("--invert" in action for action in answer["actions"])
    assert answering.drawing(png(255 - levels))["guesses"][0]["label"] == "1"


def test_a_drawn_digit_is_placed_as_those_of_mnist():
    drawn = np.zeros((280, 280), np.uint8)
    drawn[10:60, 200:220] = 255  # small, and in a corner
    placed = placed_as_mnist(drawn)
    rows, columns = np.nonzero(placed)
    assert rows.max() - rows.min() + 1 == 20
    assert abs(rows.mean() - 13.5) <= 0.5
    assert abs(columns.mean() - 13.5) <= 0.5
    assert not placed_as_mnist(np.zeros((280, 280), np.uint8)).any()


def test_a_quiz_is_played_to_its_end(client: TestClient, answers: Path, cppn_run: Run):
    state = client.post("/api/quiz").json()
    address = f"/api/quiz/{state['id']}"
    assert state["questions"] == len(cppn_run.all_elites())
    assert client.get(f"{address}/1.png").status_code == 404  # has not been asked
    for number in range(state["questions"]):
        assert client.get(f"{address}/{number}.png").headers["content-type"] == "image/png"
        assert len(state["choices"]) == 4
        sent = {"number": number, "choice": state["choices"][0]["index"]}
        state = client.post(f"{address}/answers", json=sent).json()
        again = client.post(f"{address}/answers", json=sent).json()  # a second click
        assert len(again["answers"]) == number + 1
    assert "choices" not in state
    assert client.get(address).json() == state  # a reload
    table = list(csv.DictReader(io.StringIO(client.get(f"{address}/answers.csv").text)))
    assert tuple(table[0]) == COLUMNS
    found = evofool.quiz_results(answers)
    assert found.answers == len(table) == state["questions"]
    right = sum(answer["right"] for answer in state["answers"])
    assert found.overall[0].share.successes == right == sum(int(row["right"]) for row in table)


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"number": 5, "choice": 0}, "number is 5; expected 0"),
        ({"number": 0, "choice": 99}, "choice is 99"),
        ({"number": True, "choice": 0}, "number is missing"),
        ([], "expected a JSON object"),
    ],
)
def test_wrong_answers_to_quizzes_are_refused(client: TestClient, sent: object, message: str):
    id_ = client.post("/api/quiz").json()["id"]
    answer = client.post(f"/api/quiz/{id_}/answers", json=sent)
    assert answer.status_code == 400
    assert message in answer.json()["error"]
    assert client.get("/api/quiz/no-such").status_code == 404


def test_results_that_cannot_be_added_to_are_refused_at_once(cppn_run: Run, tmp_path: Path):
    Quizzes(cppn_run, None, tmp_path / "new" / "answers.csv")
    begun = (tmp_path / "new" / "answers.csv").read_bytes()
    assert begun.decode().strip() == ",".join(COLUMNS)
    Quizzes(cppn_run, None, tmp_path / "new" / "answers.csv")  # goes on with it
    assert (tmp_path / "new" / "answers.csv").read_bytes() == begun
    with pytest.raises(evofool.UserError, match="cannot add answers to"):
        Quizzes(cppn_run, None, tmp_path)
    (tmp_path / "mine.txt").write_text("not answers", encoding="utf-8")
    with pytest.raises(evofool.UserError, match="holds something else than answers"):
        Quizzes(cppn_run, None, tmp_path / "mine.txt")
    assert (tmp_path / "mine.txt").read_text(encoding="utf-8") == "not answers"


def test_real_images_are_mixed_with_elites(cppn_run: Run):
    class Black:
        def __len__(self) -> int:
            return 3

        def image(self, number: int) -> tuple[np.ndarray, int]:
            return np.zeros((28, 28, 1), np.uint8), number

    quizzes = Quizzes(cppn_run, Black(), None)
    quiz = quizzes._quizzes[quizzes.begin()]
    kinds = [question.kind for question in quiz.questions]
    assert len(kinds) == 20
    assert kinds.count("real") == kinds.count("elite") == 10
    assert all(question.class_index in question.choices for question in quiz.questions)
    assert quizzes.image(quiz.id, 0) is quiz.questions[0].image


def test_two_windows_breed_one_session(client: TestClient, in_tmp_path: Path):
    state = client.get("/api/breed").json()
    assert len(state["founders"]) == 10
    assert client.get("/api/breed/founders/3.png").status_code == 200
    first = {"classes": [3, 7], "numbers": [], "children": 4, "generation": 0}
    state = client.post("/api/breed", json=first).json()
    (children,) = state["generations"]
    generation, number = children[2]["born"]
    assert client.get(f"/api/breed/children/{generation}/{number}.png").status_code == 200
    second = {"classes": [], "numbers": [1, 2], "children": 3, "generation": generation}
    assert len(client.post("/api/breed", json=second).json()["generations"]) == 2
    late = client.post("/api/breed", json=second)  # another window, which does not know of it
    assert late.status_code == 400
    assert "another window has bred" in late.json()["error"]
    assert client.get("/api/breed").json()["session"] == state["session"]
    assert evofool.verify(in_tmp_path / state["session"]).passed


@pytest.mark.parametrize("sent", [{"classes": [99], "numbers": [], "children": 4, "generation": 0}])
def test_wrong_wishes_are_refused(client: TestClient, sent: dict):
    assert client.post("/api/breed", json=sent).status_code == 400


def test_files_of_the_gallery_are_made_when_they_are_asked_for(cppn_run: Run, tmp_path: Path):
    client = visitor(Services(title="a run", site=Site([cppn_run], tmp_path, title="a run")))
    assert "/web/menu.js" in client.get("/site/index.html").text
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
    answer = client.get("/site/data/run-0/elites.js")
    assert answer.text.startswith('evofool.receive("run-0/elites",')
    assert client.get("/site/data/run-0/sprite-0.png").content.startswith(b"\x89PNG")
    assert len([*tmp_path.rglob("*.*")]) == 3
    for outside in ("data/run-1/elites.js", "..%2f..%2fetc%2fpasswd", "data"):
        assert client.get(f"/site/{outside}").status_code == 404
