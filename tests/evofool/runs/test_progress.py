import re
import sys
from io import StringIO
from types import SimpleNamespace

import pytest
from rich.console import Console

import evofool
from evofool.evolution import Quiet
from evofool.runs import progress
from evofool.runs.progress import NotebookReporter, ProgressReporter, reporting


def test_progress_in_a_pipe_is_plain_lines():
    console = Console(file=StringIO(), force_terminal=False, width=40)
    line = {"median_confidence": 0.5, "min_confidence": 0.25, "classes_ge_9999": 3}
    with ProgressReporter(console) as reporter:
        reporter.message("compiling")
        for generation in range(5):
            lines = [line | {"evaluations_per_second": 1234.5}]
            reporter.progress(generation, 4, lines)
    assert console.file.getvalue() == (
        "compiling\n"
        "generation 4/4  median 50.0000 %  min 25.0000 %  3 classes >= 99.99 %  "
        "1,234 evaluations/s\n"
    )


@pytest.mark.parametrize(("width", "shown"), [(80, 3), (60, 2), (120, 4), (140, 5), (40, 1)])
def test_progress_in_a_terminal_fits_its_width(
    width: int, shown: int, monkeypatch: pytest.MonkeyPatch
):
    times = iter([0.0, 0.0, 60.0])
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: next(times)))
    console = Console(file=StringIO(), force_terminal=True, width=width, color_system=None)
    line = {"median_confidence": 0.999999, "min_confidence": 0.25, "classes_ge_9999": 1000}
    lines = [line | {"evaluations_per_second": 18_900}]
    with ProgressReporter(console) as reporter:
        reporter.progress(0, 5000, lines)
        reporter.progress(4000, 5000, lines)
    drawn = re.findall(r"generation 4000/5000[^\r\n\x1b]*", console.file.getvalue())[-1].rstrip()
    facts = ["15 s left", "median 99.9999 %", "min 25.0000 %"]
    facts += ["1000 classes >= 99.99 %", "18,900 evaluations/s"]
    assert [fact in drawn for fact in facts] == [i < shown for i in range(len(facts))]
    assert drawn.startswith("generation 4000/5000 ━━━")
    assert "…" not in drawn
    assert len(drawn) <= width


def test_a_run_in_python_shows_its_progress_unless_it_is_quiet(tmp_path, capsys):
    settings = {"generations": 2, "batch_size": 8, "encoding": "direct"}
    run = evofool.evolve("mock:3", out=tmp_path / "told", **settings)
    assert "generation 2/2  median" in capsys.readouterr().err
    evofool.evolve("mock:3", out=tmp_path / "quiet", quiet=True, **settings)
    evofool.resume(run, generations=3, quiet=True)
    assert capsys.readouterr() == ("", "")


def test_a_reporter_of_the_callers_is_the_only_one():
    mine = Quiet()
    with reporting(reporter=mine) as chosen:
        assert chosen is mine


def test_a_notebook_has_one_output_that_is_kept_up_to_date(monkeypatch):
    shown: list[str] = []

    def display(what, **options):
        shown.append(what)
        return SimpleNamespace(update=shown.append)

    there = SimpleNamespace(HTML=str, display=display)
    shell = SimpleNamespace(kernel=True)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", there)
    line = {"median_confidence": 0.5, "min_confidence": 0.25, "classes_ge_9999": 3}
    with reporting() as reporter:
        assert isinstance(reporter, NotebookReporter)
        reporter.message("<compiling>")
        for generation in range(101):
            reporter.progress(generation, 100, [line | {"evaluations_per_second": 10.0}])
    assert shown[0].startswith("<pre>&lt;compiling&gt;\n")
    assert "generation 100/100  median 50.0000 %" in shown[-1]
    assert len(shown) < 50, "not every generation travels to the browser"
