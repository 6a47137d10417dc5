import dataclasses

import numpy as np

from evofool.reports.groups import groups_of
from tests.evofool import imagenet_mock


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
