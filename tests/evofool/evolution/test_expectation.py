"""Fitness over worn copies: a number that can be made again, whoever makes it and when."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cppn
import evofool
from evofool.evolution.expectation import Expectation
from evofool.evolution.generation import child_keys
from evofool.images.levels import from_levels
from evofool.images.wear import WEAR, chance_of, wear
from evofool.support.errors import UserError

SETTINGS = {
    "encoding": "direct",
    "batch_size": 12,
    "expect": "shift,noise",
    "expect_copies": 3,
    "runs": 2,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> evofool.Run:
    folder = tmp_path_factory.mktemp("expect") / "run"
    return evofool.evolve("mock:5:8x8x1", generations=6, out=folder, **SETTINGS)


def odds_of(run: evofool.Run, elite: evofool.Elite) -> np.ndarray:
    """Scores an elite's copies one by one: the log-odds of each, for its class."""
    generation, child = (jnp.int32(number) for number in elite.born)
    key = child_keys(jnp.uint32(elite.seed), generation, child[None])[0]
    words = cppn.random_bits(cppn.fold_in(key, 3), 18).reshape(3, 6)
    image = jnp.asarray(from_levels(elite.image()))
    worn = []
    for copy, name in enumerate(("shift", "noise", "shift")):
        chance = chance_of(words[copy])
        worn.append(wear(WEAR[name], image, chance.amount * WEAR[name].most / 100, chance))
    outputs = run.classifier.apply(run.classifier.params, jnp.stack(worn))
    return np.asarray(run.classifier.log_odds(outputs))[:, elite.output]


def test_fitness_is_the_mean_log_probability_of_copies_that_an_elites_id_determines(run):
    for elite in run.all_elites():
        probability = np.exp(-np.logaddexp(0, -odds_of(run, elite).astype(np.float64)))
        mean = np.exp(np.log(probability).mean())
        assert elite.confidence == pytest.approx(mean, abs=1e-6)


def test_a_run_stopped_between_is_the_same_run_and_its_scores_are_verified(run, tmp_path: Path):
    part = evofool.evolve("mock:5:8x8x1", generations=3, out=tmp_path / "part", **SETTINGS)
    assert part.summary is not None
    assert part.summary["evaluations"] == 2 * 4 * 12 * 3  # each child is looked at three times
    whole = evofool.resume(part.folder, generations=6)
    assert whole.summary is not None
    assert run.summary is not None
    assert whole.summary["archive_sha256"] == run.summary["archive_sha256"]
    assert evofool.verify(whole).passed


@pytest.mark.slow
def test_polishing_scores_elites_again_by_what_is_expected_of_them(tmp_path: Path):
    plain = evofool.evolve(
        "mock:5:8x8x1", encoding="direct", generations=3, batch_size=12, out=tmp_path / "plain"
    )
    polished = evofool.polish(plain, steps=3, expect="crop,blur", out=tmp_path / "polished")
    assert polished.config.wear == ("crop", "blur")
    assert polished.config.looks == 2
    assert polished.summary is not None
    # evolution looked once at each child; polishing at two copies, in each of 3 steps and 2 more
    assert polished.summary["evaluations"] == 4 * 12 + 5 * 2 * (3 + 2)
    assert evofool.verify(polished).passed
    again = evofool.polish(plain, steps=3, expect="crop,blur", out=tmp_path / "again")
    assert again.summary is not None
    assert again.summary["archive_sha256"] == polished.summary["archive_sha256"]


def test_the_least_copy_may_count_instead_of_the_mean():
    each = jnp.array([[[0.0, -2.0]], [[3.0, 4.0]], [[60.0, 90.0]]])
    mean, least = (
        Expectation(kinds=("shift",), copies=3, by=by).together(each) for by in ("mean", "least")
    )
    probability = 1 / (1 + np.exp(-np.asarray(each, np.float64)))
    together = np.exp(np.log(probability).mean(axis=0))
    np.testing.assert_allclose(mean, np.log(together / (1 - together)), rtol=1e-5)
    np.testing.assert_allclose(least, [[0.0, -2.0]], atol=1e-6)
    sure = Expectation(kinds=("shift",), copies=2, by="mean").together(jnp.full((2, 1, 1), 200.0))
    assert np.isfinite(sure).all()


def test_classifiers_outside_jax_are_shown_the_same_copies(run):
    """The halves of a generation, for models of other libraries."""
    expectation = Expectation(kinds=("shift", "noise"), copies=3, by="mean")
    keys = child_keys(jnp.uint32(3), jnp.int32(2), jnp.arange(4))
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1)).astype(np.float32) / 255

    def look(images: jax.Array) -> jax.Array:
        return images.reshape(len(images), -1)[:, :5] * 9 - 4

    inside = jax.jit(lambda images: expectation.log_odds(look, images, keys))(images)
    copies = jax.jit(expectation.copies_of)(images, keys)
    outside = expectation.together(jnp.stack([look(copy) for copy in copies]))
    np.testing.assert_allclose(inside, outside, rtol=1e-5)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"expect": "shift,jpg"}, "unknown wear 'jpg'; did you mean 'jpeg'"),
        ({"expect": "shift,crop", "expect_copies": 1}, r"expect_copies is 1; expected 2\.\."),
        ({"expect": "shift", "fitness": "probability"}, "leave one of them out"),
        ({"expect": "shift", "expect_copies": 9, "max_evaluations": 300}, "with 9 copies of each"),
    ],
)
def test_what_cannot_be_expected_is_refused_and_nothing_is_written(settings, says, tmp_path: Path):
    with pytest.raises(UserError, match=says):
        evofool.evolve("mock:5:8x8x1", out=tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()
