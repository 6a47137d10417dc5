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


def test_the_published_medians_are_what_is_reproduced():
    medians = {"all": 0.55, "recognised": 0.8, "mistaken": 0.3}
    assert _verdict(medians, 0.9, True).outcome == "reproduced"
    assert _verdict(medians, 0.6, True).outcome == "differs"
    assert _verdict({**medians, "mistaken": 0.9}, 0.95, True).outcome == "differs"
    new = _verdict(medians, 0.9, False)
    assert new.outcome == "new"
    assert new.because.startswith("medians: all 55.0%, recognised 80.0%, mistaken 30.0%; fooling")


def test_their_order_alone_is_a_part_and_a_nearer_network_is_named():
    medians = {"all": 0.338, "recognised": 0.623, "mistaken": 0.208}
    close = Certainty("near", np.array([0.7, 1.8, -0.6]), np.array([True, True, False]))
    far = Certainty("far", np.array([9.0, 9.0, 9.0]), np.array([True, True, False]))
    found = _verdict(medians, 0.9, True, [far, close])
    assert found.outcome == "in part"
    assert "published: all 60.3%, recognised 86.7%, mistaken 33.7%" in found.because
    near = "near is nearest to it: all 66.8%, recognised 76.3%, mistaken 35.4%"
    assert near in found.because
    assert "nearest" not in _verdict(medians, 0.9, True, [far]).because
