"""Pages in a real browser: Debian's Chromium, driven by Playwright.

These tests are left out by default: `pytest -m browser` runs them. They need the extra `browser`
(`pip install -e ".[dev,browser]"`) and a browser: `apt-get install chromium`.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

import evofool
from evofool import Run
from tests.evofool import imagenet_mock
from tests.evofool.real_data import data_folder

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# WebGL on the processor: what it draws does not depend on a graphics card
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
REAL = "mobilenet_v1_0.25_128"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of desktop size; whatever it complains of fails the test, but refused requests."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(15_000)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))

    def hear(line: ConsoleMessage) -> None:
        if line.type == "error":
            complaints.append(f"{line.text} {line.location}")

    page.on("console", hear)
    yield page
    context.close()
    assert [text for text in complaints if "(Bad Request)" not in text] == []


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """A run of CPPNs with two independent runs, and a directly encoded one, of ten classes."""
    folder = tmp_path_factory.mktemp("runs")
    return [
        evofool.evolve(
            "mock:10",
            batch_size=30,
            generations=12,
            out=folder / encoding,
            encoding=encoding,
            runs=n,
        )
        for encoding, n in (("cppn", 2), ("direct", 1))
    ]


@pytest.fixture(scope="session")
def site(runs: list[Run], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a site of `runs`."""
    return evofool.site(runs, tmp_path_factory.mktemp("site") / "site").as_uri()


@pytest.fixture(scope="session")
def thousand(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of a thousand classes."""
    folder = tmp_path_factory.mktemp("thousand")
    return evofool.evolve(imagenet_mock.NAME, batch_size=40, generations=20, out=folder)


@pytest.fixture(scope="session")
def real_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Networks for ImageNet's classes: from the experiments at small scale, or evolved here."""
    small = os.environ.get("EVOFOOL_SMALL", "")
    found = sorted(Path(small).glob(f"runs/{REAL}-cppn-20x400-seed0")) if small else []
    if found:
        return Run(found[0])
    weights = data_folder() / "imagenet-models"
    return evofool.evolve(
        REAL, weights=weights, generations=20, batch_size=100, out=tmp_path_factory.mktemp("real")
    )


def opened(page: Page, address: str, state: str = "#") -> Page:
    """Opens a page and waits until it is there."""
    page.goto(address + state)
    page.wait_for_selector("main[data-ready]")
    return page
