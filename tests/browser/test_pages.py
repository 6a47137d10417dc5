"""The pages of a site, as somebody uses them."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

import evofool
from evofool import Run
from tests.browser.conftest import Save, opened

HOSTILE = (
    "<img src=x onerror=\"document.title='taken'\"></script><script>document.title='taken'</script>"
)
MODEL = """
import dataclasses
import evofool

def make():
    mock = evofool.load_classifier("mock:4")
    labels = (HOSTILE, "javascript:alert(1)", "'; alert(1); //\\u2028\\u202e", "ß 日本")
    return dataclasses.replace(mock, card=dataclasses.replace(mock.card, labels=labels))
"""


def choose_theme(page: Page, scheme: str) -> None:
    if page.evaluate("document.documentElement.dataset.theme") != scheme:
        page.locator("#theme").click()


def names(page: Page) -> list[str]:
    return page.locator(".tile .name").all_text_contents()


def test_a_page_opens_from_a_file_and_shows_all_elites(page: Page, site: str):
    assert site.startswith("file:")
    opened(page, site)
    assert len(names(page)) == 30
    box = page.locator(".thumbnail").first
    expect(box).to_have_css("background-image", re.compile("sprite-0.png"))  # once it is in view


def test_search_and_sort(page: Page, site: str):
    opened(page, site)
    page.get_by_role("searchbox").fill("7")
    expect(page.locator(".tile")).to_have_count(3)
    page.get_by_role("searchbox").fill("no such thing")
    expect(page.get_by_text("nothing found")).to_be_visible()
    page.get_by_role("searchbox").fill("")
    page.get_by_label("sort by").select_option("confidence")
    texts = page.locator(".tile .below").all_text_contents()
    shares = [float(text.strip("<> %")) for text in texts]
    assert shares == sorted(shares, reverse=True)
    assert "sort=confidence" in page.url


def test_a_link_leads_to_an_elite_and_keys_to_its_neighbours(page: Page, site: str):
    opened(page, site, "#class=7")
    expect(page.locator("h1")).to_contain_text("7")
    page.keyboard.press("Escape")
    expect(page.locator(".tile")).to_have_count(30)
    page.go_back()
    expect(page.locator("h1")).to_contain_text("7")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => location.hash.includes('index=1')")  # of the other seed
    opened(page, site, "#class=7&run=1")
    expect(page.locator("img.pixels")).to_be_visible()
    opened(page, site, "#class=99")
    expect(page.get_by_role("status")).to_contain_text("no elite of class 99")


def test_runs_stand_side_by_side(page: Page, site: str):
    opened(page, site, "#compare=1")
    assert page.locator("thead th").all_text_contents() == [
        "cppn, seed 0",
        "cppn, seed 1",
        "direct",
    ]
    assert page.locator("tbody tr").count() == 10
    assert page.locator("tbody tr").first.locator(".tile").count() == 3


def test_the_view_moves_by_keys_and_wheel(page: Page, site: str):
    opened(page, site, "#class=7")
    canvas = page.locator("canvas.viewer")
    first = canvas.evaluate("canvas => canvas.toDataURL()")
    canvas.focus()
    page.keyboard.press("+")
    expect(page.locator(".controls output")).to_have_text("1.5 \u00d7")
    canvas.hover()
    page.mouse.wheel(0, -1000)
    expect(page.locator(".controls output")).not_to_have_text("1.5 \u00d7")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(
        "([canvas, first]) => canvas.toDataURL() !== first", arg=[canvas.element_handle(), first]
    )
    page.get_by_role("button", name="whole image").click()
    expect(page.locator(".controls output")).to_have_text("1 \u00d7")
    page.wait_for_function(
        "([canvas, first]) => canvas.toDataURL() === first", arg=[canvas.element_handle(), first]
    )


def test_weights_are_turned_and_turned_back(page: Page, site: str):
    opened(page, site, "#class=7")
    page.get_by_text("Weights", exact=True).click()
    formula = page.locator(".formulas")
    before = formula.text_content()
    slider = page.locator(".weight input").first
    slider.evaluate("s => { s.value = 3.21; s.dispatchEvent(new Event('input')); }")
    expect(page.locator(".warning")).to_contain_text("Weights were changed")
    assert formula.text_content() != before
    assert "3.210" in (formula.text_content() or "")
    page.get_by_role("button", name="back to the evolved weights").click()
    expect(page.locator(".warning")).to_be_hidden()
    assert formula.text_content() == before


def test_the_slider_goes_through_the_line_of_descent(page: Page, site: str, runs: list[Run]):
    elite = max(runs[0].elites(), key=lambda elite: len(elite.steps))
    opened(page, site, f"#class={elite.class_index}")
    slider = page.get_by_label("Ancestors")
    assert slider.get_attribute("max") == str(len(elite.steps) - 1)
    slider.focus()
    page.keyboard.press("Home")
    oldest = elite.steps[-1]
    expect(page.locator(".descent output")).to_contain_text(f"generation {oldest.generation}")
    expect(page.locator(".warning")).to_contain_text("An ancestor")
    import cppn

    spec = cppn.GenomeSpec(outputs=1, activations=runs[0].config.cppn.activations)
    text = cppn.to_text(elite.ancestors()[-1], spec).split("\n", 1)[1]
    expect(page.locator(".formulas")).to_have_text(text)


def test_favourites_are_kept_exported_and_read_again(
    page: Page, site: str, tmp_path: Path, save: Save
):
    opened(page, site, "#class=7")
    page.locator("h1 .star").click()
    opened(page, site)
    page.reload()
    expect(page.locator("#favourites-count")).to_have_text("favourites (1)")
    file = save(page.get_by_role("button", name="export").click)
    file = file.replace(tmp_path / "favourites.json")
    [entry] = json.loads(file.read_text(encoding="utf-8"))["favourites"]
    assert (entry["run"], entry["class_index"], entry["run_index"]) == ("cppn", 7, 0)
    page.evaluate("evofool.favourites.clear()")
    page.locator("#import").set_input_files(file)
    expect(page.locator("#favourites-count")).to_have_text("favourites (1)")
    page.locator("#favourites").check()
    expect(page.locator(".tile")).to_have_count(1)
    file.write_text('{"format": "other"}', encoding="utf-8")
    page.locator("#import").set_input_files(file)
    expect(page.get_by_role("alert")).to_contain_text("not a file of favourites")


def test_labels_are_text_and_nothing_foreign_runs(browser: Browser, tmp_path: Path, monkeypatch):
    (tmp_path / "hostile.py").write_text(MODEL.replace("HOSTILE", repr(HOSTILE)), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    evofool.evolve("hostile:make", generations=2, batch_size=8, out=tmp_path / "run")
    page = browser.new_page()
    address = evofool.site(tmp_path / "run", tmp_path / "site", title=HOSTILE).as_uri()
    opened(page, address)
    assert HOSTILE.split(",")[0] in names(page)
    for number in range(4):
        opened(page, address, f"#class={number}")
    assert page.locator("img").count() == 0
    assert page.title() == HOSTILE
    # what a fault of the page let in would still not run
    ran = page.evaluate("""() => {
      const script = document.createElement("script");
      script.textContent = "window.ran = true";
      document.body.append(script);
      document.body.insertAdjacentHTML("beforeend", "<b onclick='window.ran = true'>x</b>");
      document.body.lastChild.click();
      return window.ran ?? false;
    }""")
    assert ran is False
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", ["#", "#class=7", "#class=7&run=1", "#compare=1"])
def test_nothing_is_cut_off_on_a_phone(browser: Browser, site: str, state: str, scheme: str):
    page = browser.new_page(viewport={"width": 360, "height": 740}, color_scheme=scheme)  # pyright: ignore[reportArgumentType]
    opened(page, site, state)
    if browser.browser_type.name == "firefox":  # which takes no scheme from Playwright
        choose_theme(page, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    ground, ink = page.evaluate(
        "['backgroundColor', 'color'].map(name => getComputedStyle(document.body)[name])"
    )
    assert ("(251" in ground) == (scheme == "light")
    assert ground != ink
    page.close()


def test_a_thousand_elites_appear_within_a_second_and_six_megabytes(
    page: Page, thousand: Run, tmp_path: Path
):
    index = evofool.site(thousand, tmp_path / "site")
    files = [path for path in index.parent.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 6e6
    opened(page, index.as_uri())
    expect(page.locator(".tile")).to_have_count(1000)
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    assert paint < 1000
    page.get_by_role("searchbox").fill("n02317335")
    expect(page.locator(".tile .name")).to_have_text(["starfish"])
    page.get_by_role("searchbox").fill("327")
    expect(page.locator(".tile .name")).to_have_text(["starfish"])
    page.get_by_role("searchbox").fill("")
    page.get_by_label("sort by").select_option("group")
    expect(page.locator("h2").first).to_be_visible()
