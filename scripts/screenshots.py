"""Writes the screenshots of docs/site.md, from a run of ImageNet's classes.

    python scripts/screenshots.py RUN

Needs the extra `browser` and Chromium (`apt-get install chromium`). Takes a minute for a thousand
elites.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright  # pyright: ignore[reportMissingImports]

import evofool

OUT = Path(__file__).parents[1] / "docs" / "site"
SHOTS = {  # name -> address, width, height, scheme
    "gallery": ("#", 1200, 760, "light"),
    "elite": ("#class=327", 1200, 820, "light"),
    "phone": ("#", 390, 760, "dark"),
}


def main() -> None:
    """Draws all of them."""
    browser_path = shutil.which("chromium")
    flags = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        address = evofool.site(sys.argv[1], Path(folder) / "site", title="evofool").as_uri()
        browser = playwright.chromium.launch(executable_path=browser_path, args=flags)
        for name, (state, width, height, scheme) in SHOTS.items():
            page = browser.new_page(
                viewport={"width": width, "height": height},
                color_scheme="dark" if scheme == "dark" else "light",
            )
            page.goto(address + state)
            page.wait_for_selector("main[data-ready]")
            page.wait_for_timeout(1500)  # for images that come when they are near
            page.screenshot(path=OUT / f"{name}.jpg", type="jpeg", quality=80)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
