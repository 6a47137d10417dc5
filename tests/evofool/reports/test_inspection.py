import itertools

from evofool import Elite, Run, inspect
from evofool.labels import label_of
from evofool.reports.inspection import genome_json, genome_text, stepping_stones


def elites_with_changes(run: Run) -> list[Elite]:
    return [
        elite
        for index in range(run.config.runs)
        for elite in run.elites(index)
        if len(stepping_stones(elite)) > 1
    ]


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


def test_a_directly_encoded_picture_is_its_own_genome(direct_run: Run):
    elite = direct_run["9"]
    assert genome_json(elite) is None
    assert genome_text(elite) == "28 x 28 x 1 pixels, each a gene in 0..255"
