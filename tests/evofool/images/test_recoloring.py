from pathlib import Path

import numpy as np
import pytest

from evofool import UserError
from evofool.images.recoloring import disordered_table, intensity_table, non_monotonicity

LEVELS = np.arange(256)


def test_the_articles_table_is_a_permutation_with_two_fixed_points():
    table = intensity_table("blondes")
    assert sorted(table) == list(LEVELS)
    assert np.flatnonzero(table == LEVELS).tolist() == [102, 137]
    assert table[[0, 1, 254, 255]].tolist() == [237, 79, 186, 111]


def test_random_tables_are_permutations_by_seed():
    first, again, other = (intensity_table("random", seed=seed) for seed in (0, 0, 1))
    assert sorted(first) == list(LEVELS)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_inversion_is_its_own_inverse():
    table = intensity_table("invert")
    assert table[0] == 255
    np.testing.assert_array_equal(table[table], LEVELS)


def test_disorder_goes_from_the_identity_to_no_order():
    np.testing.assert_array_equal(disordered_table(0.0), LEVELS)
    disorders = (0.01, 0.1, 1.0)
    found = [
        np.mean([non_monotonicity(disordered_table(disorder, seed=seed)) for seed in range(20)])
        for disorder in disorders
    ]
    assert found == sorted(found)
    assert found[0] < 0.1
    assert found[-1] > 0.7
    assert sorted(disordered_table(0.3, seed=5)) == list(LEVELS)


def test_non_monotonicity_is_that_of_its_definition():
    table = disordered_table(0.2, seed=1)
    pairs = [(a, b) for a in LEVELS for b in LEVELS[:a]]
    kept = np.mean([1.0 if table[a] > table[b] else -1.0 for a, b in pairs])
    assert non_monotonicity(table) == pytest.approx(1 - abs(kept))
    assert non_monotonicity(intensity_table("invert")) == 0.0
    assert non_monotonicity(np.zeros(256, np.uint8)) == 1.0


@pytest.mark.parametrize("separator", [" ", ",", ", ", "\n"])
def test_a_table_is_read_from_a_file(separator: str, tmp_path: Path):
    path = tmp_path / "table.csv"
    path.write_text(f"[{separator.join(map(str, LEVELS // 2))}]\n")
    np.testing.assert_array_equal(intensity_table(path), LEVELS // 2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1 2 3", "holds 3 numbers; expected 256"),
        (" ".join(["7"] * 255 + ["256"]), "holds '256'; expected 256 whole numbers"),
        (" ".join(["7"] * 255 + ["-1"]), "holds '-1'"),
        ("", "holds ''"),
        (b"\xff\xfe\x80", "is not UTF-8 text"),
    ],
)
def test_files_without_a_table_are_refused(content: str | bytes, message: str, tmp_path: Path):
    path = tmp_path / "table.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=message):
        intensity_table(path)


def test_unknown_tables_are_refused(tmp_path: Path):
    with pytest.raises(UserError, match=r"did you mean 'blondes'\?.*or a text file"):
        intensity_table("blonds")
    with pytest.raises(UserError, match=r"cannot read .*: No such file"):
        intensity_table(tmp_path / "none.txt")
    with pytest.raises(UserError, match=r"disorder is -1\.0; expected"):
        disordered_table(-1.0)
