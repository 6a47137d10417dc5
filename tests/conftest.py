"""Settings and fixtures of all tests.

Compiling is most of what the tests do, so five things here keep it short:

* Compiled programs are cached in a folder that the workers of a session, the processes that tests
  start, and later sessions share. The folder is named after jaxlib and the processor, whose
  instructions the programs hold; `EVOFOOL_TEST_CACHE` names another, for instance an empty one to
  measure with.
* Quick tests (plain `pytest`) compile with few optimisations; slow ones (`pytest -m slow`) compile
  evolution as users do.
* Files whose tests share runs or compiled loops go to one worker, the tests of other long files to
  any; what takes longest comes first.
* Programs that a worker has compiled are let go when it holds much memory.
* Python keeps the modules that it compiles, whatever PYTHONDONTWRITEBYTECODE says: tests start many
  processes.
"""

import hashlib
import os
import platform
import re
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path


def _processor() -> str:
    """What a compiled program depends on: the architecture and the instructions that it has."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    facts = sorted({line for line in lines if line.startswith(("model name", "flags"))})
    return hashlib.sha256("".join([platform.machine(), *facts]).encode()).hexdigest()[:12]


IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ  # inherits the variables of its session
if not IS_WORKER:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "evofool-tests"
    os.environ["EVOFOOL_CACHE"] = os.environ.get("EVOFOOL_TEST_CACHE") or str(
        folder / f"jaxlib-{version('jaxlib')}-{_processor()}"
    )
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
os.environ["JAX_COMPILATION_CACHE_DIR"] = os.environ["EVOFOOL_CACHE"]
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.05"
os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"

import hypothesis  # noqa: E402
import jax  # noqa: E402  (reads the variables above)
import pytest  # noqa: E402

# The pages are tried where a browser can be driven: with the extra [browser].
collect_ignore = [] if find_spec("playwright") else ["browser"]

# Compiling is slow the first time, and the same examples everywhere make failures reproducible.
hypothesis.settings.register_profile("evofool", deadline=None, derandomize=True, max_examples=50)
hypothesis.settings.load_profile("evofool")

# Resident bytes of a worker above which compiled programs are let go, and by which it has to have
# grown since they were. What tests need again is traced again and read from the cache.
MUCH_MEMORY = 1.1e9
MUCH_GROWTH = 300e6
FIXTURES_OF_RUNS = {"cppn_run", "direct_run", "imagenet_run"}  # of tests/evofool/conftest.py
SLOW_FIXTURES = {"imagenet_run", "audited"}
SLOW_EXAMPLES = {"evofool.runs.breed.breed", "evofool.sweeps.sweep.sweep"}  # of docstrings
RUNS, LOOPS = "runs", "loops"  # groups of files
APART = "tests/test_documents_run.py"  # its tests take minutes together, and share little
ROOT = Path(__file__).parents[1]


# Flags of XLA, which reads them when JAX first computes. Evofool's loops are compiled without the
# newer emitters anyway (`evofool.support.jit`): with them, drawing takes 24 CPU seconds to compile
# where it takes 15 without. Later versions have no others, and abort at a flag that they lack.
HAS_OLD_EMITTERS = version("jaxlib").startswith("0.10.")
XLA_FLAGS = {"--xla_cpu_use_fusion_emitters": "false"} if HAS_OLD_EMITTERS else {}
QUICK_XLA_FLAGS = {  # 40 % fewer CPU seconds than without
    "--xla_backend_optimization_level": "0",
    "--xla_cpu_parallel_codegen_split_count": "1",  # the other cores have workers of their own
}


def pytest_configure(config: pytest.Config) -> None:
    """Adds the flags of the tier to those that are set, which win."""
    given = os.environ.get("XLA_FLAGS", "")
    flags = XLA_FLAGS | (QUICK_XLA_FLAGS if "not slow" in config.option.markexpr else {})
    added = [f"{name}={value}" for name, value in flags.items() if name not in given]
    os.environ["XLA_FLAGS"] = " ".join([*added, *given.split()])


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Marks as slow what needs a thousand classes or an audit, and examples that take seconds.

    Of those that run, tests that go alone come first, then groups by their number of tests.
    """
    for item in items:
        if (
            SLOW_FIXTURES.intersection(getattr(item, "fixturenames", ()))
            or item.name in SLOW_EXAMPLES
        ):
            item.add_marker(pytest.mark.slow)
    yield  # others leave out what does not run
    group = {item: _group_of(item.nodeid) for item in items}
    number = Counter(group.values())
    items.sort(key=lambda item: (not item.nodeid.startswith(APART), -number[group[item]]))


@pytest.hookimpl(optionalhook=True)  # for sessions without xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Gives the tests of a group to one worker, groups in the order of their first tests.

    xdist has marks for this, which it does not see with pytest 9.2.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _group_of(nodeid)

    config.option.loadscopereorder = False
    return Scheduling(config, log)


def _group_of(nodeid: str) -> str:
    """Names what a test shares with others: runs, loops, its file, or nothing."""
    return nodeid if nodeid.startswith(APART) else _shared_by(nodeid.partition("::")[0])


@cache
def _shared_by(file: str) -> str:
    words = set(re.findall(r"\w+", (ROOT / file).read_text(encoding="utf-8")))
    if words & FIXTURES_OF_RUNS:
        return RUNS
    return LOOPS if "loop_of" in words else file  # `tests.evofool.loop` keeps those it has compiled


_left = 0.0  # resident bytes after compiled programs were let go


@pytest.fixture(scope="module", autouse=True)
def _compiled_programs_are_let_go() -> Iterator[None]:
    yield
    global _left
    if _resident_bytes() > max(MUCH_MEMORY, _left + MUCH_GROWTH):
        from evofool.support import forget_programs

        forget_programs()
        _left = _resident_bytes()


def _resident_bytes() -> float:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:  # not Linux: the largest so far will do
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0
    return pages * float(resource.getpagesize())


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


def pytest_addoption(parser: pytest.Parser) -> None:
    # of tests/fuzz, whose own conftest.py is read too late for options
    group = parser.getgroup("fuzz")
    group.addoption("--fuzz-seconds", type=float, default=600, help="for all fuzz tests together")
    group.addoption("--fuzz-seed", type=int, default=0)


@pytest.fixture
def wrong_types(pytestconfig: pytest.Config) -> None:
    """Leaves out tests of wrong arguments where .ci/run's checks of types refuse these first."""
    if "evofool.classifiers" in str(pytestconfig.getoption("jaxtyping_packages")):
        pytest.skip("types are checked; plain pytest gives arguments of wrong types")
