"""Pages in real browsers: Debian's Chromium and Firefox, driven by Playwright.

These tests are left out by default: `pytest -m browser` runs them, in every browser that is found.
They need the extra `browser` (`pip install -e ".[dev,browser]"`) and a browser:
`apt-get install chromium firefox-esr`. `-k firefox` leaves the others out.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Playwright, sync_playwright

import evofool
from evofool import Run
from tests.evofool import imagenet_mock
from tests.evofool.real_data import data_folder


class Kind(NamedTuple):
    """A browser: the names of its program, and how Playwright starts it.

    Both draw WebGL on the processor, so that what they draw does not depend on a graphics card.
    """

    names: tuple[str, ...]
    options: dict[str, Any]


KINDS = {
    "chromium": Kind(
        ("chromium", "chromium-browser", "google-chrome", "chrome"),
        {"args": ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]},
    ),
    "firefox": Kind(
        ("firefox-esr", "firefox"),
        {
            "channel": "moz-firefox",  # the browser as it is, by WebDriver BiDi
            "firefox_user_prefs": {"webgl.force-enabled": True},
            "env": {**os.environ, "MOZ_WEBGL_FORCE_EGL": "1"},  # needs no display
        },
    ),
}
Save = Callable[[Callable[[], None]], Path]
REAL = "mobilenet_v1_0.25_128"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where browsers put what they are handed."""
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="session", params=KINDS)
def browser(
    request: pytest.FixtureRequest, playwright: Playwright, downloads: Path
) -> Iterator[Browser]:
    kind = KINDS[request.param]
    found = next(filter(None, map(shutil.which, kind.names)), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(kind.names)} is installed")
    start = getattr(playwright, request.param).launch
    browser = start(executable_path=found, downloads_path=downloads, **kind.options)
    yield browser
    browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of desktop size; whatever it complains of fails the test, but refused requests."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(60_000)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))

    def hear(line: ConsoleMessage) -> None:
        if line.type == "error":
            complaints.append(f"{line.text} {line.location}")

    page.on("console", hear)
    yield page
    context.close()
    assert [text for text in complaints if "(Bad Request)" not in text] == []


@pytest.fixture
def save(page: Page, downloads: Path) -> Save:
    """Does something, and returns the file that the page hands out."""

    def save_one(act: Callable[[], None]) -> Path:
        if page.context.browser is None or page.context.browser.browser_type.name != "firefox":
            with page.expect_download() as download:
                act()
            return Path(download.value.path())
        # Playwright does not notice when Firefox has saved what a page has made
        before = {*downloads.iterdir()}
        act()
        until = time.monotonic() + 15
        while not (new := {*downloads.glob("*.*")} - before) or any(downloads.glob("*.part")):
            assert time.monotonic() < until, "nothing was handed out"
            page.wait_for_timeout(50)
        return new.pop()

    return save_one


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
    weights = str(data_folder() / "imagenet-models")
    return evofool.evolve(
        REAL, weights=weights, generations=20, batch_size=100, out=tmp_path_factory.mktemp("real")
    )


def opened(page: Page, address: str, state: str = "#") -> Page:
    """Opens a page and waits until it is there."""
    page.goto(address + state)
    page.wait_for_selector("main[data-ready]")
    return page


def fill_number(field: Locator, number: int) -> None:
    """Fills a field of numbers, whose old one Playwright does not clear in Firefox."""
    field.press("ControlOrMeta+a")
    field.press_sequentially(str(number))
