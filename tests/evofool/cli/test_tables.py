import dataclasses
from io import StringIO

from rich.console import Console

from evofool.cli.tables import comparison_table, elites_report, elites_table, runs_table
from evofool.runs.comparison import RunFacts
from evofool.runs.inspection import EliteFacts


def printed(*things: object, width: int = 200) -> list[str]:
    console = Console(file=StringIO(), width=width)
    console.print(*things, sep="\n")
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def facts(index: int, label: str, group: str | None = None) -> EliteFacts:
    return EliteFacts(
        run_index=0,
        class_index=index,
        id=None,
        label=label,
        group=group,
        confidence=0.5,
        log_odds=float(index),
        runner_up="other, else",
        generation=3,
        nodes=None,
        connections=None,
        polished=0,
        nodes_before=None,
        connections_before=None,
        ancestors=2,
        class_changes=1,
    )


def test_digits_need_no_column_of_labels():
    assert "label" not in printed(elites_table([facts(7, "7")]))[0]
    assert "label" in printed(elites_table([facts(7, "seven")]))[0]


def test_tables_show_the_first_of_the_names():
    line = printed(elites_table([facts(0, "tench, Tinca tinca")]))[1].split()
    assert line[:2] == ["0", "tench"]
    assert "other" in line
    assert "else" not in line


def test_of_many_elites_both_ends_are_shown_in_the_order_given():
    elites = [facts(i, f"label {i}") for i in range(1000)]
    lines = printed(elites_table(elites, ends=10))
    assert lines[11].split() == ["..."] * 10
    classes = [int(line.split()[0]) for line in lines[1:11] + lines[12:-1]]
    assert classes == [*range(10), *range(990, 1000)]
    assert lines[-1] == "and 980 between these"
    assert len(printed(elites_table(elites[:20], ends=10))) == 21


def test_the_report_of_many_elites_has_a_summary_and_their_groups():
    elites = [facts(i, f"label {i}", "dogs" if i % 2 else "cats") for i in range(40)]
    lines = printed(*elites_report(elites, ends=3))
    assert lines[0].startswith("40 elites: median ")
    assert "37 >= .9, 35 >= .99, 30 >= .9999" in lines[0]
    assert lines[2].split()[:3] == ["group", "classes", "median"]
    assert {tuple(line.split()[:2]) for line in lines[3:5]} == {("dogs", "20"), ("cats", "20")}
    assert lines[-1] == "and 34 between these"


def test_the_report_of_few_elites_is_their_table():
    elites = [facts(i, str(i), "dogs") for i in range(30)]
    assert printed(*elites_report(elites, ends=1)) == printed(elites_table(elites))


def test_numbers_are_not_folded_where_there_is_little_room():
    elites = [facts(index, "a long label, with synonyms") for index in range(3)]
    lines = printed(elites_table(elites), width=80)
    assert any(" 50.0000 % " in line for line in lines)
    assert max(map(len, lines)) <= 80


def test_numbers_that_older_runs_did_not_count_are_dashes():
    known = {"run": 0, "seed": 7, "min_confidence": 0.1, "median_confidence": 0.5}
    known |= {"classes_ge_99": 3, "classes_ge_9999": 2}
    assert printed(runs_table([known]))[1].split()[-3:] == ["-", "3", "2"]
    line = RunFacts(
        folder="runs/old",
        encoding="cppn",
        classifier="lenet",
        seed=7,
        generation=9,
        evaluations=100,
        min_confidence=0.1,
        median_confidence=0.5,
        classes=10,
        classes_ge_90=None,
        classes_ge_99=3,
        classes_ge_9999=2,
        median_at_90=None,
        median_at_9999=None,
    )
    assert printed(comparison_table([line]))[-1].split()[-5:] == ["-", "3/10", "2/10", "-", "-"]
    assert not any("lenet" in text for text in printed(comparison_table([line])))
    quantised = dataclasses.replace(line, resolution=0.01)
    assert printed(comparison_table([quantised]))[-1].split()[4:8] == ["10", "%", "50", "%"]
    other = dataclasses.replace(line, classifier="alexnet")
    named = "\n".join(printed(comparison_table([line, other]), width=140))
    assert "lenet" in named
    assert "alexnet" in named
