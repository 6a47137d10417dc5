import numpy as np
import pytest
from PIL import Image

from evofool import Run, UserError, descent
from evofool.runs.line_of_descent import stepping_stones, stones_of


@pytest.mark.parametrize("name", ["cppn_run", "direct_run"])
def test_stones_lead_to_the_elite_as_it_was_scored(name: str, request):
    run: Run = request.getfixturevalue(name)
    for elite in run.elites()[:3]:
        stones = stones_of(elite)
        entered = [(stone.generation, stone.label) for stone in stepping_stones(elite)]
        found = [(stone.generation, stone.label) for stone in stones]
        assert found in (entered, [*entered, (elite.born[0], elite.label)])
        last = stones[-1]
        assert (last.generation, last.label) == (elite.born[0], elite.label)
        assert last.confidence == pytest.approx(elite.confidence, abs=1e-6)
        np.testing.assert_array_equal(last.image, elite.image())


@pytest.mark.slow
def test_every_stone_is_drawn(cppn_run: Run):
    longest = max(cppn_run.elites(1), key=lambda elite: len(stepping_stones(elite)))
    stones = stones_of(longest)
    sheet = descent(cppn_run, longest.class_index, run_index=1)
    assert isinstance(sheet, Image.Image)
    columns = min(len(stones), 10)
    assert sheet.width >= columns * 112
    rows = -(-len(stones) // 10)
    assert rows * 112 < sheet.height < (rows + 1) * 200


def test_a_class_that_was_not_evolved_is_refused(direct_run: Run):
    with pytest.raises(UserError, match="evolved for class 3, class 7, class 9"):
        descent(direct_run, "8")
