import dataclasses

import numpy as np
import pytest

from evofool.classifiers.card import Card
from evofool.classifiers.labels import (
    first_name,
    groups_of,
    label_of,
    resolve_class,
    resolve_classes,
)
from evofool.support.errors import UserError
from tests.evofool import imagenet_mock

LABELS = ("tench, Tinca tinca", "crane", "starfish, sea star", "crane, construction crane", "cab")


def card(offset: int = 0) -> Card:
    return Card(
        name="toy",
        family="mock",
        input_shape=(8, 8, 1),
        outputs=len(LABELS) + offset,
        class_offset=offset,
        labels=LABELS,
        channel_order="grey",
        mean=(0.0,),
        scale=1.0,
    )


@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize(
    ("name", "index"),
    [("2", 2), ("starfish", 2), ("Sea Star", 2), (" sea star ", 2), ("TENCH, tinca tinca", 0)],
)
def test_a_class_is_found_by_index_or_any_of_its_names(offset, name, index):
    assert resolve_class(card(offset), name) == index + offset


def labelled(*labels: str) -> Card:
    return Card(name="toy", input_shape=(8, 8, 1), outputs=len(labels), labels=labels)


FOLDERS = labelled(*sorted(map(str, range(12))))  # "0", "1", "10", "11", "2", ...
FROM_ONE = labelled(*map(str, range(1, 11)))
LETTERS = labelled(*"0123456789ABab")


@pytest.mark.parametrize(
    ("labels", "name", "index"),
    [
        (FROM_ONE, "1", 0),
        (FROM_ONE, "10", 9),
        (FROM_ONE, "index:1", 1),
        (FROM_ONE, 1, 1),
        (FROM_ONE, np.int64(0), 0),
        (FOLDERS, "10", 2),
        (FOLDERS, "2", 4),
        (LETTERS, "A", 10),
        (LETTERS, "a", 12),
        (LETTERS, "10", 10),
        (labelled("0", "1", "fooling"), "2", 2),
        (labelled("index:1", "b"), "index:1", 0),
        (labelled("Cat", "cat, tabby"), "cat", 1),
        (labelled("Cat", "cat, tabby"), "Cat", 0),
    ],
)
def test_a_label_as_written_comes_before_an_index(labels: Card, name: str | int, index: int):
    assert resolve_class(labels, name) == index


def test_a_number_that_is_no_label_where_labels_are_numbers_is_refused():
    with pytest.raises(UserError) as caught:
        resolve_class(FROM_ONE, "0")
    assert "the class with the index 0 is called '1': give that, or index:0" in str(caught.value)


def test_names_that_differ_in_case_only_are_refused_in_a_third_case():
    with pytest.raises(UserError, match=r"ambiguous: 0 \(Cat\); 1 \(cat, tabby\); use index:0"):
        resolve_class(labelled("Cat", "cat, tabby"), "CAT")


def test_an_unknown_class_offers_the_nearest_single_names_and_the_indices():
    with pytest.raises(
        UserError, match=r"unknown class 'starfsh'; did you mean 'starfish' .*0\.\.4$"
    ):
        resolve_class(card(offset=1), "starfsh")
    with pytest.raises(UserError, match="unknown class '5'"):
        resolve_class(card(), "5")
    for name in ("-1", "\u00b2", "\u0663", "1_0", "9" * 5000):  # digits of other kinds
        with pytest.raises(UserError, match="unknown class"):
            resolve_class(card(), name)


def test_a_word_of_a_name_offers_the_classes_that_have_it():
    labels = ("coat", "tabby, tabby cat", "Egyptian Cat", "polecat")
    cats = dataclasses.replace(card(), labels=labels, outputs=4)
    with pytest.raises(
        UserError,
        match=r"unknown class 'cat'; did you mean 'tabby cat' or 'Egyptian Cat'\? "
        r"valid: coat; tabby; tabby cat; Egyptian Cat; polecat; also",
    ):
        resolve_class(cats, "cat")


def test_an_unknown_class_is_told_of_ids_where_there_are_some():
    ids = tuple(f"n{index}" for index in range(len(LABELS)))
    with pytest.raises(UserError, match=r"indices 0\.\.4, WordNet ids such as n0$"):
        resolve_class(dataclasses.replace(card(), ids=ids), "n7")


def test_an_ambiguous_class_names_the_candidates():
    with pytest.raises(UserError, match=r"'crane' is ambiguous: 1 \(crane\); 3 \(crane, constr"):
        resolve_class(card(), "crane")


def test_no_names_mean_all_classes_and_never_the_background():
    assert resolve_classes(card(), ()) == (0, 1, 2, 3, 4)
    assert resolve_classes(card(offset=1), ()) == (1, 2, 3, 4, 5)


def test_classes_come_in_the_order_of_the_outputs():
    assert resolve_classes(card(), ("starfish", "0")) == (0, 2)


def test_a_class_given_twice_is_refused():
    with pytest.raises(UserError, match="starfish 2 name one class twice"):
        resolve_classes(card(), ("starfish", "2"))


def test_labels_of_outputs_and_of_the_background():
    assert [label_of(card(offset=1), output) for output in (0, 1, 2)] == [
        "background",
        "tench, Tinca tinca",
        "crane",
    ]


def test_what_a_service_leaves_of_1_is_no_background():
    service = dataclasses.replace(card(offset=1), name="http://127.0.0.1/predict")
    assert label_of(service, 0) == "other classes"
    assert label_of(service, 1) == "tench, Tinca tinca"


def test_the_first_name_is_what_comes_before_the_comma():
    assert [first_name(label) for label in ("7", "crane ", "starfish, sea star")] == [
        "7",
        "crane",
        "starfish",
    ]


def test_dogs_and_cats_are_groups_of_their_own():
    groups = np.array(groups_of(imagenet_mock.make().card))
    assert np.flatnonzero(groups == "dogs").tolist() == list(range(151, 269))
    assert np.flatnonzero(groups == "cats").tolist() == list(range(281, 286))
    assert groups[327] == "marine invertebrates"


def test_some_of_the_classes_in_any_order_have_the_same_groups():
    card = imagenet_mock.make().card
    some = dataclasses.replace(
        card, outputs=2, labels=("starfish", "tench"), ids=("n02317335", "n01440764")
    )
    assert groups_of(some) == ("marine invertebrates", "fish")


def test_classes_with_other_ids_or_none_have_no_groups():
    card = imagenet_mock.make().card
    assert groups_of(dataclasses.replace(card, ids=())) == ()
    assert groups_of(dataclasses.replace(card, ids=("n00000001", *card.ids[1:]))) == ()
