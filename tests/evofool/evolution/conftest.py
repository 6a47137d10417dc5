import pytest

from tests.evofool.loop import config_of, evolve


@pytest.fixture(scope="package")
def whole(tmp_path_factory):
    """What 12 generations of the direct encoding give when nothing happens on the way."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    return evolve(folder, config_of(generations=12, checkpoint_every=5))[0]
