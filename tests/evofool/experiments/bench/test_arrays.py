from typing import NamedTuple

import numpy as np
import pytest
from jaxtyping import Float

from evofool.experiments.bench.arrays import flatten, restore


class Leaf(NamedTuple):
    values: Float[np.ndarray, " n"]
    count: int


class Tree(NamedTuple):
    leaf: Leaf
    ragged: list[Float[np.ndarray, " n"]]
    named: dict[str, Leaf]
    pair: tuple[Leaf, ...]
    empty: list[Leaf]
    none: dict[str, Leaf]


def make_tree() -> Tree:
    leaves = [Leaf(np.arange(n) / 2, n) for n in range(12)]
    return Tree(
        leaf=leaves[3],
        ragged=[leaf.values for leaf in leaves],
        named={"a/b 0.25_128": leaves[1], "%": leaves[2], "": leaves[4]},
        pair=(leaves[5], leaves[6]),
        empty=[],
        none={},
    )


def test_arrays_are_named_by_their_path():
    names = flatten(make_tree())
    assert names["leaf/count"] == 3
    assert names["ragged/11"].tolist() == [i / 2 for i in range(11)]


def test_restored_measures_have_the_types_of_their_fields():
    tree = make_tree()
    back = restore(Tree, flatten(tree))
    assert isinstance(back.leaf, Leaf)
    assert type(back.leaf.count) is int
    assert [len(values) for values in back.ragged] == list(range(12))
    assert list(back.named) == list(tree.named)
    assert back.named["a/b 0.25_128"].values.tolist() == [0.0]
    assert [leaf.count for leaf in back.pair] == [5, 6]
    assert isinstance(back.pair, tuple)
    assert (back.empty, back.none) == ([], {})


def test_an_array_that_is_missing_is_an_error():
    arrays = flatten(make_tree())
    del arrays["leaf/count"]
    with pytest.raises(KeyError):
        restore(Tree, arrays)
