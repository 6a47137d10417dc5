"""Settings and fixtures of all tests.

Compiled programs are cached in a folder that the workers of a session, the processes that tests
start, and later sessions share: a program is compiled once however many tests and processes use
it. The folder is named after jaxlib and the processor, whose instructions the programs hold;
`EVOFOOL_TEST_CACHE` names another, for instance an empty one to measure with.
"""

import hashlib
import os
import platform
from importlib.metadata import version
from pathlib import Path


def _processor() -> str:
    """What a compiled program depends on: the architecture and the instructions that it has."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    facts = sorted({line for line in lines if line.startswith(("model name", "flags"))})
    return hashlib.sha256("".join([platform.machine(), *facts]).encode()).hexdigest()[:12]


if "PYTEST_XDIST_WORKER" not in os.environ:  # a worker inherits the variables of its session
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "evofool-tests"
    os.environ["EVOFOOL_CACHE"] = os.environ.get("EVOFOOL_TEST_CACHE") or str(
        folder / f"jaxlib-{version('jaxlib')}-{_processor()}"
    )
os.environ["JAX_COMPILATION_CACHE_DIR"] = os.environ["EVOFOOL_CACHE"]
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.05"
os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"

import hypothesis  # noqa: E402
import jax  # noqa: E402  (reads the variables above)
import pytest  # noqa: E402

# Compiling is slow the first time, and the same examples everywhere make failures reproducible.
hypothesis.settings.register_profile("evofool", deadline=None, derandomize=True, max_examples=50)
hypothesis.settings.load_profile("evofool")


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
