"""Writes the screenshots of docs/site.md and docs/serve.md.

    python scripts/screenshots.py RUN_OF_IMAGENET RUN_OF_DIGITS

The gallery and an elite of the one, and the pad, the quiz and breeding with the other. Needs the
extras `browser` and `web`, and Chromium (`apt-get install chromium`). Takes a minute for a thousand
elites.
"""

import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

from playwright.sync_api import Page, sync_playwright  # pyright: ignore[reportMissingImports]

import evofool

OUT = Path(__file__).parents[1] / "docs" / "site"
SEVEN = [(0.3, 0.25), (0.7, 0.25), (0.55, 0.5), (0.42, 0.8)]


def show_images(page: Page) -> None:
    """Waits for images that come when they are near."""
    page.wait_for_selector("main[data-ready]")
    page.wait_for_timeout(1500)


def draw(page: Page) -> None:
    """Draws a seven."""
    page.wait_for_selector("#pad[data-ready]")
    box = page.locator("#pad").bounding_box()
    assert box is not None
    places = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in SEVEN]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    page.mouse.up()
    page.wait_for_selector("#guesses li")
    page.wait_for_timeout(1000)


def begin_quiz(page: Page) -> None:
    """Answers the first question."""
    page.click("#begin")
    page.locator(".choices button").first.click()
    page.wait_for_selector(".verdict:not(:empty)")
    page.wait_for_timeout(500)


def breed(page: Page) -> None:
    """Breeds children of two elites, and chooses two of them."""
    for number in (3, 7):
        page.locator(".chooser").nth(number).click()
    page.fill("#children", "12")
    page.click("#breed")
    page.locator("#hint", has_text="choose again").wait_for(timeout=120_000)
    for number in (1, 4):
        page.locator(".chooser").nth(number).click()
    page.wait_for_timeout(500)


Shot = tuple[str, int, int, str, Callable[[Page], None]]  # address, width, height, scheme, acts
OF_SITE: dict[str, Shot] = {
    "gallery": ("#", 1200, 760, "light", show_images),
    "elite": ("#class=327", 1200, 820, "light", show_images),
    "phone": ("#", 390, 760, "dark", show_images),
}
OF_SERVER: dict[str, Shot] = {
    "draw": ("draw", 900, 640, "light", draw),
    "quiz": ("quiz", 900, 560, "light", begin_quiz),
    "breed": ("breed", 900, 640, "light", breed),
}


def served(run: str) -> str:
    """Serves a run until this process ends; returns the address."""
    said: SimpleQueue[str] = SimpleQueue()
    how = {"address": evofool.Address(port=0), "on_ready": said.put}
    threading.Thread(target=evofool.serve, args=[run], kwargs=how, daemon=True).start()
    return said.get(timeout=120)


def main() -> None:
    """Draws all of them."""
    of_imagenet, of_digits = (Path(name).resolve() for name in sys.argv[1:3])
    flags = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        os.chdir(folder)  # where breeding begins its run directory
        site = evofool.site(of_imagenet, Path(folder) / "site", title="evofool").as_uri()
        run = Path(shutil.copytree(of_digits, Path(folder) / "cppn-0"))
        pages = {site: OF_SITE, served(str(run)): OF_SERVER}
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        for base, shots in pages.items():
            for name, (address, width, height, scheme, act) in shots.items():
                page = browser.new_page(
                    viewport={"width": width, "height": height},
                    color_scheme="dark" if scheme == "dark" else "light",
                )
                page.goto(base + address)
                act(page)
                page.screenshot(path=OUT / f"{name}.jpg", type="jpeg", quality=80)
                page.close()
        browser.close()


if __name__ == "__main__":
    main()
