import itertools

import numpy as np

from evofool import Elite, Run, inspect
from evofool.classifiers.labels import label_of
from evofool.runs.inspection import genome_json, genome_text, inspect_groups
from evofool.runs.line_of_descent import stepping_stones


def elites_with_changes(run: Run) -> list[Elite]:
    return [elite for elite in run.all_elites() if len(stepping_stones(elite)) > 1]


def test_inspect_describes_the_elites_of_one_run(cppn_run: Run):
    for index in range(2):
        described = inspect(cppn_run.folder, run_index=index)
        assert [facts.class_index for facts in described] == list(range(10))
        assert {facts.run_index for facts in described} == {index}
        elites = cppn_run.elites(index)
        assert [f.log_odds for f in described] == [elite.fitness for elite in elites]
        assert [f.generation for f in described] == [elite.born[0] for elite in elites]


def test_ancestors_and_class_changes_agree_with_the_lineage(cppn_run: Run):
    for elite, facts in zip(cppn_run.elites(), inspect(cppn_run), strict=True):
        generations = [step.generation for step in elite.steps]
        assert facts.ancestors == len(generations) - 1
        assert generations == sorted(set(generations), reverse=True)
        assert generations[-1] == 0
        assert facts.class_changes == len(stepping_stones(elite)) - 1


def test_nodes_and_connections_are_those_of_the_genome(cppn_run: Run, direct_run: Run):
    for elite, facts in zip(cppn_run.elites(), inspect(cppn_run), strict=True):
        content = genome_json(elite)
        assert content is not None
        assert facts.nodes == 4 + len(content["nodes"])
        assert facts.connections == len(content["connections"])
    assert all(facts.nodes is None for facts in inspect(direct_run))


def test_stepping_stones_are_where_the_line_enters_a_class(cppn_run: Run):
    changed = elites_with_changes(cppn_run)
    assert changed  # or this test shows nothing
    for elite in changed:
        stones = stepping_stones(elite)
        assert stones[0].generation == 0
        assert stones[-1].label == elite.label
        held = {
            step.generation: label_of(cppn_run.card, cppn_run.outputs[step.cell])
            for step in elite.steps
        }
        assert all(held[stone.generation] == stone.label for stone in stones)
        labels = [stone.label for stone in stones]
        assert all(a != b for a, b in itertools.pairwise(labels))


def test_a_directly_encoded_image_is_its_own_genome(direct_run: Run):
    elite = direct_run["9"]
    assert genome_json(elite) is None
    assert genome_text(elite) == "28 x 28 x 1 pixels, each a gene in 0..255"


def test_groups_are_described_the_most_certain_first(imagenet_run: Run):
    elites = inspect(imagenet_run)
    groups = inspect_groups(elites)
    medians = [one.median_confidence for one in groups]
    assert medians == sorted(medians, reverse=True)
    assert sum(one.classes for one in groups) == 1000
    (dogs,) = (one for one in groups if one.group == "dogs")
    values = [elite.confidence for elite in elites[151:269]]
    assert dogs.classes == 118
    assert dogs.median_confidence == np.median(values)
    assert dogs.share_ge_99 == np.mean(np.array(values) >= 0.99)


def test_classes_without_groups_or_ids_have_none(cppn_run: Run):
    elites = inspect(cppn_run)
    assert inspect_groups(elites) == []
    assert {(elite.id, elite.group) for elite in elites} == {(None, None)}
    assert inspect(cppn_run, sort="confidence") == sorted(elites, key=lambda e: -e.log_odds)


def test_elites_of_imagenet_have_ids_and_groups(imagenet_run: Run):
    elites = inspect(imagenet_run, group="cats")
    assert [(elite.class_index, elite.group) for elite in elites] == [
        (index, "cats") for index in range(281, 286)
    ]
    assert elites[0].id == "n02123045"
