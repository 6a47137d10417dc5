from pathlib import Path

import pytest

import evofool
from evofool import UserError
from evofool.cli import main

HEAD = "quiz,number,kind,class_index,label,answer_index,answer_label,right,confidence,seconds\n"


def write(path: Path, *lines: str) -> Path:
    path.write_text(HEAD + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return [
        write(
            tmp_path / "one.csv",
            "a,1,elite,3,three,3,three,1,0.99,2.0",
            "a,2,elite,3,three,5,five,0,0.99,2.0",
            "a,3,real,7,seven,7,seven,1,,1.0",
        ),
        write(
            tmp_path / "two.csv",
            "a,3,real,7,seven,7,seven,1,,",  # saved by the visitor as well
            "b,1,elite,1,'=one,0,zero,0,0.5,3.0",
        ),
    ]


def test_answers_are_counted_once_by_kind_and_class(files: list[Path]):
    found = evofool.quiz_results(files)
    assert (found.quizzes, found.answers) == (2, 4)
    shares = [(named.kind, named.share.successes, named.share.n) for named in found.overall]
    assert shares == [("elite", 1, 3), ("real", 1, 1)]
    by_class = [(named.kind, named.label, named.share.share) for named in found.by_class]
    assert by_class == [("elite", "=one", 0.0), ("elite", "three", 0.5), ("real", "seven", 1.0)]
    assert 0 < found.overall[0].share.low < 1 / 3 < found.overall[0].share.high < 1


def test_the_command_prints_shares_with_intervals(
    files: list[Path], capsys: pytest.CaptureFixture[str]
):
    assert main(["quiz", "--results", *map(str, files)]) == 0
    shown = capsys.readouterr().out
    assert "1 of 3" in shown
    assert "4 answers in 2 quizzes" in shown


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column 'quiz'"),
        (HEAD, "no answers yet"),
        (HEAD + "a,1,elite,x,three,3,three,1,0.9,2\n", "line 2: is no answer"),
        (HEAD + "a,1,drawn,3,three,3,three,1,0.9,2\n", "line 2: is no answer"),
        (HEAD + "a,1,elite\n", "line 2: is no answer"),
        (HEAD + f"a,1,elite,{'3' * 5000},three,3,three,1,0.9,2\n", "line 2: is no answer"),
        (HEAD + f"a,1,elite,3,{'e' * 200_000},3,three,1,0.9,2\n", "field larger than"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, message: str):
    path = tmp_path / "answers.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        evofool.quiz_results(path)
