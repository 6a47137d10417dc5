import dataclasses
import functools

import jax.numpy as jnp
import numpy as np
import pytest

from evofool.audits.page.real import patches as section
from evofool.audits.patches import LEAST, SIZES, made_patches, patch_all, why_none
from evofool.audits.subject import Real, Subject
from evofool.audits.workshop import StoppedError, Workshop
from evofool.classifiers import Card, Classifier
from tests.evofool.audits.conftest import TINY, outside, subject_of

BUDGET = dataclasses.replace(TINY, patches=2, patch_steps=60)


@functools.cache
def stripes() -> Classifier:
    """Grey, or stripes that run across or down: shuffled pixels have none."""

    def apply(params, images):
        across = jnp.mean(jnp.square(jnp.diff(images, axis=1)), axis=(1, 2, 3))
        down = jnp.mean(jnp.square(jnp.diff(images, axis=2)), axis=(1, 2, 3))
        return 100 * jnp.stack([0.06 + 0 * across, across - down, down - across], axis=1)

    card = Card(
        name="stripes", input_shape=(20, 20, 1), outputs=3, labels=("grey", "across", "down")
    )
    return Classifier(card=card, params=None, apply=apply)


def grey(count: int, *, striped: int = 0, **settings: object) -> Subject:
    """Grey images, and some with stripes across."""
    images = np.random.default_rng(0).integers(100, 120, (count + striped, 20, 20, 1))
    images[count:, ::2] = 255
    labels = np.arange(count + striped) // count
    settings = {"classifier": stripes(), "budget": BUDGET} | settings
    real = Real(images.astype(np.uint8), labels, "grey")
    return Subject(address="mine", real=real, **settings)


@pytest.fixture
def workshop(tmp_path) -> Workshop:
    return Workshop(tmp_path, total=1)


def test_a_patch_works_on_images_it_was_not_made_of_and_its_shuffled_pixels_do_not(
    workshop: Workshop,
):
    subject = grey(41)
    assert why_none(subject) is None
    part = patch_all(subject, workshop)
    assert {one["label"] for one in part["classes"]} == {"across", "down"}  # all are grey
    for one in part["classes"]:
        assert one["images"] == 20
        assert one["success"] == sorted(one["success"])
        assert one["success"][-1] > 0.8
        assert max(one["shuffled"]) == 0
    found = part["metrics"]
    assert set(found) == {f"patch{kind}@{size}" for kind in ("", ".shuffled") for size in SIZES}
    assert found["patch@0.5"]["n"] == 40
    mean = np.mean([one["success"] for one in part["classes"]], axis=0)
    np.testing.assert_allclose([found[f"patch@{size}"]["value"] for size in SIZES], mean)
    assert made_patches(subject, workshop).shape == (2, 10, 10, 1)


def test_the_seed_draws_classes_and_makes_patches(tmp_path):
    def found(seed: int, folder: str):
        subject = grey(40, seed=seed, budget=dataclasses.replace(BUDGET, patches=1))
        return patch_all(subject, Workshop(tmp_path / folder, total=1))

    one, again, other = found(0, "a"), found(0, "b"), found(3, "c")
    assert one == again
    assert one["classes"][0]["label"] != other["classes"][0]["label"]


def test_patches_are_judged_on_as_many_images_none_of_their_class(workshop: Workshop):
    subject = grey(40, striped=10)
    assert len(subject.recognised) == 50
    part = patch_all(subject, workshop)
    assert {one["label"] for one in part["classes"]} == {"across", "down"}  # 10 would be too few
    assert [one["images"] for one in part["classes"]] == [20, 20]


def test_stopped_patches_go_on(tmp_path):
    whole = made_patches(grey(40), Workshop(tmp_path / "whole", total=1))

    class Impatient(Workshop):
        def tick(self, done: int, total: int) -> None:
            if done > BUDGET.patch_steps:  # in the second patch
                raise StoppedError("enough")

    with pytest.raises(StoppedError):
        made_patches(grey(40), Impatient(tmp_path / "parts", total=1))
    np.testing.assert_array_equal(
        made_patches(grey(40), Workshop(tmp_path / "parts", total=1)), whole
    )


def test_it_is_said_why_there_is_none(mock: Classifier):
    assert why_none(subject_of(mock)) is None
    assert why_none(subject_of(outside(mock))) == "the classifier has no gradients"
    assert f"are recognised, 18; expected {LEAST} or more" in str(why_none(subject_of(mock, 20)))
    none = dataclasses.replace(BUDGET, patches=0)
    assert why_none(grey(40, budget=none)) == "the budget quick makes none"
    tiny = dataclasses.replace(stripes().card, input_shape=(20, 4, 1))
    small = dataclasses.replace(stripes(), card=tiny)
    assert why_none(grey(40, classifier=small)) == "images of 20x4 pixels are too small"


def test_the_page_shows_patches_and_what_they_do(workshop: Workshop):
    subject = grey(40)
    part = patch_all(subject, workshop)
    part["classes"][0]["label"] = "<script>"
    record = {"patches": part, "metrics": part["metrics"]}
    page = section(record, {"patches": made_patches(subject, workshop)})
    assert page.count("<img") == 2
    assert "<script>" not in page
    for text in ("side 0.2", "side 0.5", "all, pixels shuffled", "&lt;script&gt;"):
        assert text in page
    assert section({"metrics": {}}, {}) == ""
