"""Settings and fixtures of all tests.

Compiled programs are cached in a folder of the session, which its workers and the processes that
tests start share, so that a program is compiled once however many tests and processes use it.
"""

import os
import shutil
import tempfile
from pathlib import Path

IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ  # it inherits the variables of its session
if not IS_WORKER:
    os.environ["EVOFOOL_CACHE"] = tempfile.mkdtemp(prefix="evofool-test-cache-")
_CACHE = os.environ["EVOFOOL_CACHE"]
os.environ["JAX_COMPILATION_CACHE_DIR"] = _CACHE
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.05"
os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"

import hypothesis  # noqa: E402
import jax  # noqa: E402  (reads the variables above)
import pytest  # noqa: E402

# Compiling is slow the first time, and the same examples everywhere make failures reproducible.
hypothesis.settings.register_profile("evofool", deadline=None, derandomize=True, max_examples=50)
hypothesis.settings.load_profile("evofool")


def pytest_unconfigure() -> None:
    if not IS_WORKER:
        shutil.rmtree(_CACHE, ignore_errors=True)


@pytest.fixture
def key() -> jax.Array:
    return jax.random.key(0)


@pytest.fixture(scope="session")
def mock_classifier():
    """Five classes over images of 8x8 grey pixels: compiles and runs in no time."""
    from evofool.classifiers.loading import load_classifier

    return load_classifier("mock:5:8x8x1")


@pytest.fixture
def in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Runs the test in an empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
