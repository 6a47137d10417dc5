"""Pages of `evofool serve` in a real browser."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

import evofool
from evofool import Address, Run
from evofool.pages import Site
from evofool.web.answering import Answering
from evofool.web.app import Services
from evofool.web.breeding import Breeding
from evofool.web.quizzing import Quizzes
from evofool.web.serving import served
from tests.browser.conftest import Save, fill_number


@pytest.fixture(scope="module")
def pages(
    browser: Browser,  # each has a server of its own, on which nobody has bred yet
    runs: list[Run],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """The address of a server that has every page but that of evolution."""
    run, lenet = runs[0], evofool.load_classifier("lenet")
    folder = tmp_path_factory.mktemp("served")
    services = Services(
        title="<i>title</i>",
        site=Site([run], folder / "site", title="a run"),
        answering=Answering(lenet),
        quizzes=Quizzes(run, None, folder / "answers.csv"),
        breeding=Breeding(run),
    )
    before = Path.cwd()
    os.chdir(folder)  # sessions are made here
    try:
        with served(services, Address(port=0)) as base:
            yield base.rstrip("/")
    finally:
        os.chdir(before)


def draw_a_seven(page: Page) -> None:
    box = page.locator("#pad").bounding_box()
    assert box is not None
    corners = [(0.3, 0.25), (0.7, 0.25), (0.55, 0.5), (0.42, 0.8)]
    places = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=5)
    page.mouse.up()


def test_the_classifier_answers_while_one_draws(page: Page, pages: str):
    page.goto(f"{pages}/draw")
    page.wait_for_selector("#pad[data-ready]")
    draw_a_seven(page)
    expect(page.locator("#guesses li")).to_have_count(5)
    expect(page.locator("#guesses li").first).to_contain_text("7")
    expect(page.locator("#seen-figure")).to_be_visible()
    page.click("#clear")
    expect(page.locator("#guesses li")).to_have_count(0)


def test_one_draws_by_keyboard(page: Page, pages: str):
    page.goto(f"{pages}/draw")
    page.wait_for_selector("#pad[data-ready]")
    page.focus("#pad")
    steps = [("ArrowUp", 8), ("Space", 1), ("ArrowDown", 16), ("Space", 1), ("ArrowLeft", 3)]
    for key, count in steps:
        for _ in range(count):
            page.keyboard.press(key)
    expect(page.locator("#guesses li").first).to_contain_text("1")
    expect(page.locator("#cursor")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator("#cursor")).to_be_hidden()
    expect(page.locator("#undo")).to_be_focused()


def test_a_photograph_is_answered_and_other_files_are_refused(page: Page, pages: str):
    page.goto(f"{pages}/draw")
    page.wait_for_selector("#pad[data-ready]")
    page.set_input_files("#photograph", {"name": "x.png", "mimeType": "image/png", "buffer": b"no"})
    expect(page.locator("#warning")).to_contain_text("the image")


def test_the_quiz_is_played_by_keyboard_and_survives_a_reload(page: Page, pages: str, save: Save):
    page.goto(f"{pages}/quiz")
    page.click("#begin")
    page.wait_for_selector(".choices")
    page.keyboard.press("2")
    expect(page.locator("#progress")).to_contain_text("Question 2 of 20")
    page.reload()
    expect(page.locator("#progress")).to_contain_text("Question 2 of 20")
    for number in range(2, 21):
        expect(page.locator("#progress")).to_contain_text(f"Question {number} of")
        page.keyboard.press("1")
    expect(page.locator("#progress")).to_contain_text("of 20 right")
    path = save(page.locator("text=the answers as CSV").click)
    assert path.read_text(encoding="utf-8").count("\n") == 21


def test_images_are_bred_and_bred_again_in_two_windows(page: Page, pages: str):
    page.goto(f"{pages}/breed")
    page.locator(".chooser").nth(3).click()
    page.locator(".chooser").nth(7).press("Enter")
    fill_number(page.locator("#children"), 6)
    page.click("#breed")
    expect(page.locator("#hint")).to_contain_text("choose again", timeout=120_000)
    expect(page.locator(".chooser")).to_have_count(6)
    other = page.context.new_page()
    other.goto(f"{pages}/breed")
    expect(other.locator(".chooser")).to_have_count(6)
    page.locator(".chooser").first.click()
    page.click("#breed")
    expect(page.locator("#past details")).to_have_count(1, timeout=120_000)


def test_all_pages_have_a_menu_and_text_stays_text(page: Page, pages: str):
    for address in ("site/index.html", "draw", "quiz", "breed"):
        page.goto(f"{pages}/{address}")
        expect(page.locator(".menu a[aria-current]")).to_have_count(1)
        expect(page.locator(".menu .name")).to_have_text("<i>title</i>")


@pytest.mark.parametrize("address", ["draw", "quiz", "breed"])
def test_pages_fit_a_phone(page: Page, pages: str, address: str):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{pages}/{address}")
    expect(page.locator(".menu")).to_be_visible()
    width = page.evaluate("() => document.documentElement.scrollWidth")
    assert width <= 390


# Collects when texts and images of elites change; switches for whether somebody looks.
NOTE_PAINTINGS = """
window.paintings = [];
addEventListener("DOMContentLoaded", () => new MutationObserver((changes) => {
  if (changes.some(({ target }) => target.id !== "elites")) paintings.push(performance.now());
}).observe(document.querySelector("#elites"), {
  attributeFilter: ["data-shown"], childList: true, subtree: true,
}));
let isHidden = false;
Object.defineProperty(document, "hidden", { get: () => isHidden });
window.look = (looks) => {
  isHidden = !looks;
  document.dispatchEvent(new Event("visibilitychange"));
};
"""


def test_elites_appear_as_they_are_found(page: Page, tmp_path: Path):
    ready, base = threading.Event(), []

    def on_ready(address: str) -> None:
        base.append(address)
        ready.set()

    def evolve(reporter):
        return evofool.evolve(
            "mock:10", generations=6000, batch_size=20, out=tmp_path / "run", reporter=reporter
        )

    runs: list[Run] = []
    work = threading.Thread(
        target=lambda: runs.append(
            evofool.evolve_live(evolve, quiet=True, address=Address(port=0), on_ready=on_ready)
        ),
        daemon=True,
    )
    work.start()
    assert ready.wait(60)
    page.add_init_script(NOTE_PAINTINGS)
    page.goto(base[0])
    expect(page.locator(".tile[data-shown]")).to_have_count(10, timeout=120_000)
    page.evaluate("look(false)")
    page.wait_for_timeout(500)  # for what was under way
    before = page.locator("#figures").text_content()
    page.wait_for_timeout(1500)
    assert page.locator("#figures").text_content() == before
    page.evaluate("look(true)")
    expect(page.locator("#figures")).not_to_have_text(before or "")
    page.click("#pause")
    expect(page.locator("#phase")).to_have_text("paused")
    paintings = page.evaluate("paintings")
    assert min(np.diff(paintings)) > 200  # ms: texts and images of an update change together
    page.reload()
    expect(page.locator("#phase")).to_have_text("paused")
    page.click("#stop")
    expect(page.locator("#phase")).to_have_text("stopped", timeout=30_000)
    page.click("#go-on")
    expect(page.locator("#phase")).to_have_text("finished", timeout=120_000)
    assert page.locator("#curve polyline").get_attribute("points")
    page.close()
    work.join(30)
    assert runs[0].finished["generations"] == 6000
