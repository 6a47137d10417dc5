import json
import re
from importlib.resources import files
from pathlib import Path

import pytest

import evofool
from evofool import Run, UserError
from evofool.cli import main

ASSETS = {asset.name: asset.read_text(encoding="utf-8") for asset in
          files("evofool.pages").joinpath("assets").iterdir()}  # fmt: skip


@pytest.fixture(scope="module")
def site(cppn_run: Run, direct_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return evofool.site([cppn_run, direct_run], tmp_path_factory.mktemp("site")).parent


def value_of(path: Path) -> object:
    text = path.read_text(encoding="ascii")
    found = re.fullmatch(r'evofool\.receive\("([\w/-]+)",(.*)\);\n', text)
    assert found is not None
    assert path.as_posix().endswith(f"data/{found[1]}.js")
    return json.loads(found[2])


def test_a_site_holds_what_its_page_names(site: Path):
    page = (site / "index.html").read_text(encoding="utf-8")
    for name in re.findall(r'(?:src|href)="(assets/[^"]+)"', page):
        assert (site / name).is_file()
    described = value_of(site / "data" / "site.js")
    assert [run["look"] is None for run in described["runs"]] == [False, True]
    for path in (site / "data").rglob("*.js"):
        value_of(path)
    assert len([*(site / "data" / "run-1" / "images").iterdir()]) == 3


def test_the_page_lets_nothing_run_but_its_own_files():
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', ASSETS["index.html"])
    assert policy is not None
    assert "default-src 'none'" in policy[1]
    assert "unsafe" not in policy[1]
    assert not re.search(r"\son\w+=|<style|style=|<script(?! defer src)", ASSETS["index.html"])
    for name, text in ASSETS.items():
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", text), (
            name
        )
        outside = set(re.findall(r"https?://[\w./]+", text)) - {"http://www.w3.org/2000/svg"}
        assert outside == set(), name


def test_the_same_run_gives_the_same_site(
    site: Path, cppn_run: Run, direct_run: Run, tmp_path: Path
):
    again = evofool.site([cppn_run, direct_run], tmp_path / "again").parent
    names = sorted(path.relative_to(site) for path in site.rglob("*") if path.is_file())
    assert names == sorted(p.relative_to(again) for p in again.rglob("*") if p.is_file())
    assert [(site / n).read_bytes() for n in names] == [(again / n).read_bytes() for n in names]


def test_a_folder_with_something_else_is_refused(cppn_run: Run, tmp_path: Path, capsys):
    (tmp_path / "mine.txt").write_text("x", encoding="utf-8")
    with pytest.raises(UserError, match="not empty; choose another --out"):
        evofool.site(cppn_run, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(UserError, match=r"0 runs; expected 1\.\.20"):
        evofool.site([], tmp_path / "site")
    assert main(["site", str(tmp_path), "--out", str(tmp_path / "site")]) == 2
    assert not (tmp_path / "site").exists()
    assert "mine" not in capsys.readouterr().out


def test_the_command_says_where_the_page_is(cppn_run: Run, tmp_path: Path, capsys):
    out = tmp_path / "site"
    assert main(["site", str(cppn_run.folder), "--out", str(out), "--title", "Digits"]) == 0
    assert capsys.readouterr().out == f"{out / 'index.html'}\n"
    assert value_of(out / "data" / "site.js")["title"] == "Digits"
