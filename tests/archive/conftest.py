from collections.abc import Iterator

import jax
import pytest


@pytest.fixture(autouse=True)
def _shapes_must_agree_in_rank() -> Iterator[None]:
    with jax.numpy_rank_promotion("raise"):
        yield
