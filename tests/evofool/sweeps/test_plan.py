from pathlib import Path

import pytest

from evofool import UserError
from evofool.sweeps import read_plan
from evofool.sweeps.plan import identity

FILE = """
preset = "mnist-cppn"
generations = 3
seeds = 2

[grid]
cppn.add_node_rate = [0.1, 0.5]
classes = [["1", "2"], ["3"]]

[[points]]
classifier = "mock:10"
cppn.color = "grey"
[[points]]
classifier = "mock:5"

[slurm]
partition = "long"
timeout_min = 30
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "plan.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_plan_is_every_combination(tmp_path: Path):
    plan = read_plan(write(tmp_path, FILE))
    assert len(plan.points) == 2 * 2 * 2 * 2
    first, last = plan.points[0], plan.points[-1]
    assert first.settings == {
        "classifier": "mock:10",
        "cppn.color": "grey",
        "cppn.add_node_rate": 0.1,
        "classes": ["1", "2"],
        "seed": 0,
    }
    assert (first.config.cppn.color, first.config.cppn.add_node_rate) == ("grey", 0.1)
    assert (last.config.classifier, last.config.seed, last.config.generations) == ("mock:5", 1, 3)
    assert plan.resources == {"ray": {}, "slurm": {"partition": "long", "timeout_min": 30}}


def test_names_are_unique_and_of_harmless_letters(tmp_path: Path):
    names = [point.name for point in read_plan(write(tmp_path, FILE)).points]
    assert len(set(map(identity, names))) == len(names)
    assert names[0].startswith(
        "classifier=mock-10_cppn.color=grey_cppn.add_node_rate=0.1_classes=1+2"
    )
    assert all(set(name) <= set("=_.+-") | set(map(chr, range(48, 123))) for name in names)


def test_a_point_is_the_same_whatever_else_the_plan_has():
    small = {"classifier": "mock:4", "seeds": 1, "checkpoint_every": 7}
    large = {
        "grid": {"classifier": ["mock:4", "mock:5"], "encoding": ["direct", "cppn"]},
        "seeds": 3,
    }
    (point,) = read_plan(small).points
    others = {identity(other.name): other for other in read_plan(large).points}
    assert others[identity(point.name)].settings == {
        "classifier": "mock:4",
        "encoding": "cppn",
        "seed": 0,
    }
    (longer,) = read_plan(small | {"generations": 300}).points
    assert identity(longer.name) not in others


def test_points_that_are_listed_twice_are_one():
    plan = read_plan(
        {"points": [{"encoding": "cppn"}, {}, {"encoding": "direct"}], "seeds": [4, 2]}
    )
    assert [(point.config.encoding, point.config.seed) for point in plan.points] == [
        *[("cppn", 4), ("cppn", 2)],
        *[("direct", 4), ("direct", 2)],
    ]


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"grid": {"cppn": {"colour": ["hsv"]}}}, "unknown setting 'cppn.colour'; did you mean"),
        ({"grid": {"seed_": [1]}}, "unknown setting 'seed_'"),
        ({"grid": {"encoding": "cppn"}}, "grid: encoding is 'cppn'; expected a list of values"),
        ({"grid": 3}, r"\[grid\] is 3; expected a table"),
        ({"points": {"encoding": "cppn"}}, r"write each as \[\[points\]\]"),
        ({"seeds": 0}, "seeds is 0; expected how many, or a list"),
        ({"seeds": ["a"]}, "seed is 'a'; expected a whole number"),
        ({"seed": "3"}, "seed is '3'; expected a whole number"),
        ({"grid": {"seed": [1, 2]}}, r"name the seeds as seeds = \[0, 1, 2\]"),
        ({"points": [{"seed": 1}]}, r"name the seeds as seeds = \[0, 1, 2\]"),
        ({"runs": 2}, "say seeds = N"),
        ({"seeds": 1000, "grid": {"generations": list(range(1000))}}, "more than 100,000 points"),
        ({"preset": "nist"}, "unknown preset 'nist'"),
        ({"slurm": {"setup": "rm -rf /"}}, "unknown setting of .slurm. 'setup'"),
        ({"slurm": {"partition": "a\n#SBATCH --wrap=ls"}}, "expected one word"),
        ({"slurm": {"timeout_min": 1.5}}, "slurm.timeout_min is 1.5; expected a whole number"),
        ({"ray": {"num_cpus": True}}, "ray.num_cpus is True; expected a number"),
    ],
)
def test_what_a_plan_gets_wrong_is_named(plan: dict, message: str):
    with pytest.raises(UserError, match=message):
        read_plan(plan)


def test_code_that_only_a_file_names_is_refused(tmp_path: Path):
    path = write(tmp_path, '[grid]\nclassifier = ["lenet", "mine.py:make"]')
    with pytest.raises(UserError, match="--trust-code"):
        read_plan(path)
    assert len(read_plan(path, trust_code=True).points) == 2
