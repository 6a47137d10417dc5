import pytest

from evofool.config import make_config
from evofool.evolution.plan import load_configured, make_plan
from evofool.support import UserError, memory


@pytest.mark.parametrize(
    ("settings", "available"),
    [
        ({}, 10**6),
        ({"batch_size": 2**20}, 3 * 10**8),
        ({"micro_batch": 2**20}, 10**9),
        ({"runs": 10_000}, 10**9),
        ({"classifier": "mock:100000"}, 10**8),
        ({"classifier": "mock:1000", "expect": "jpeg", "expect_copies": 1000}, 10**8),
        ({"classifier": "mock:10:512x512x3", "image_size": 2048}, 10**8),
        ({"classifier": "mock:10:512x512x3", "encoding": "direct"}, 10**8),
        ({"cppn": {"max_nodes": 8192, "max_connections": 2**15}}, 10**8),
    ],
    ids=str,
)
def test_a_run_that_does_not_fit_is_refused_before_it_begins(
    settings: dict, available: int, monkeypatch: pytest.MonkeyPatch
):
    config = make_config(**{"classifier": "mock:10", **settings})
    classifier = load_configured(config)
    monkeypatch.setattr(memory, "available_memory", lambda: 10**12)
    make_plan(config, classifier)
    monkeypatch.setattr(memory, "available_memory", lambda: available)
    with pytest.raises(UserError, match=r"a run with batch_size .* GB are available: make one of"):
        make_plan(config, classifier)


def test_polishing_that_does_not_fit_is_refused_before_it_begins(monkeypatch: pytest.MonkeyPatch):
    config = make_config(classifier="mock:10", polish={"steps": 1, "widen": 4096})
    classifier = load_configured(config)
    monkeypatch.setattr(memory, "available_memory", lambda: 10**10)
    with pytest.raises(UserError, match=r"that are widened by 4,096 nodes would take about"):
        make_plan(config, classifier)
