import pytest

import evofool
from evofool import Run, UserError
from evofool.runs.choosing import SORTS, group_of, select


def test_few_classes_come_by_class_and_many_by_confidence(cppn_run: Run, imagenet_run: Run):
    assert [(e.run_index, e.class_index) for e in select(cppn_run)] == [
        (run, index) for run in range(2) for index in range(10)
    ]
    fitness = [elite.fitness for elite in select(imagenet_run)]
    assert fitness == sorted(fitness, reverse=True)
    assert len(fitness) == 1000


@pytest.mark.parametrize("sort", SORTS)
def test_an_order_leaves_no_elite_out(imagenet_run: Run, sort: str):
    elites = select(imagenet_run, sort=sort)
    assert sorted(elite.class_index for elite in elites) == list(range(1000))


def test_groups_come_by_name_and_the_most_certain_first_within(imagenet_run: Run):
    keys = [(group_of(e), -e.fitness) for e in select(imagenet_run, sort="group")]
    assert keys == sorted(keys)
    assert len({group for group, _ in keys}) > 10


def test_classes_are_named_in_any_way_and_counted_once(imagenet_run: Run):
    elites = select(imagenet_run, classes=("n02119789", "starfish", "327"), sort="class")
    assert [elite.class_index for elite in elites] == [278, 327]


def test_a_group_holds_its_classes(imagenet_run: Run):
    dogs = select(imagenet_run, group="dogs", sort="class")
    assert [elite.class_index for elite in dogs] == list(range(151, 269))
    with pytest.raises(UserError, match="unknown group 'dgos'; did you mean 'dogs'"):
        select(imagenet_run, group="dgos")
    with pytest.raises(UserError, match=r"unknown group 'dogs'.* valid: marine"):
        select(imagenet_run, classes=("starfish",), group="dogs")


def test_classes_without_groups_say_so(cppn_run: Run):
    for asked in ({"group": "dogs"}, {"sort": "group"}):
        with pytest.raises(UserError, match="classes of 'mock:10' have no groups"):
            select(cppn_run, **asked)


def test_an_unknown_order_is_refused(cppn_run: Run):
    with pytest.raises(UserError, match="unknown sort 'label'"):
        select(cppn_run, sort="label")


def test_a_run_without_any_elite_says_so(direct_run: Run):
    run = Run(direct_run.folder)
    fitness = run.table["archive.fitness"]
    run.__dict__["table"] = run.table | {"archive.fitness": fitness * float("nan")}
    verbs = (
        select,
        evofool.verify,
        lambda run: evofool.transfer(run, "mock:10"),
        lambda run: evofool.transfer_matrix(run, ["mock:10"]),
        lambda run: run.save_npz("never.npz"),
    )
    for verb in verbs:
        with pytest.raises(UserError, match="has no elites: no image has got a score"):
            verb(run)
