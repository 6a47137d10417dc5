import numpy as np

from evofool.experiments.real_confidence import Certainty, _verdict


def test_groups_are_those_recognised_and_mistaken():
    certainty = Certainty("net", np.array([3.0, 1.0, 2.0]), np.array([True, False, True]))
    groups = certainty.groups()
    assert {group: values.tolist() for group, values in groups.items()} == {
        "all": [3.0, 1.0, 2.0],
        "recognised": [3.0, 2.0],
        "mistaken": [1.0],
    }
    flawless = Certainty("net", np.array([3.0]), np.array([True]))
    assert list(flawless.groups()) == ["all", "recognised"]


def test_the_published_order_is_what_is_reproduced():
    medians = {"all": 0.5, "recognised": 0.7, "mistaken": 0.3}
    assert _verdict(medians, 0.9, True).said == "reproduced"
    assert _verdict(medians, 0.6, True).said == "differs"
    assert _verdict({**medians, "mistaken": 0.8}, 0.9, True).said == "differs"
    new = _verdict(medians, 0.9, False)
    assert new.said == "new"
    assert new.because.startswith("medians: all 50.0%, recognised 70.0%, mistaken 30.0%; fooling")
