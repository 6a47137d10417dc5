"""Turns the tutorials, programs with `# %%` between their cells, into Jupyter notebooks.

python scripts/notebooks.py FOLDER

`mkdocs build` calls this as a hook: every tutorial of the site offers its program and its notebook.
"""

import ast
import json
import re
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig  # pyright: ignore[reportMissingImports]
    from mkdocs.structure.files import Files  # pyright: ignore[reportMissingImports]
    from mkdocs.structure.pages import Page  # pyright: ignore[reportMissingImports]

TUTORIALS = Path(__file__).parents[1] / "docs" / "tutorials"
GUARD = 'if __name__ == "__main__":\n'


def notebook_of(program: str) -> dict[str, Any]:
    """Returns the notebook of a program, as Jupyter stores it (nbformat 4.5).

    Its head is the docstring. What is said behind `# %%`, and in the comments right below, becomes
    text. What only the main program runs is no longer indented.
    """
    title, _, more = (ast.get_docstring(ast.parse(program)) or "").partition("\n")
    cells = [_cell("markdown", f"# {title}\n\n{textwrap.indent(more.strip(), '    ')}".strip())]
    _, *parts = re.split(r"^ *# %%", program, flags=re.MULTILINE)
    for part in parts:
        said, code = _said_and_code(part)
        cells += [_cell("markdown", said), _cell("code", code)]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def _said_and_code(part: str) -> tuple[str, str]:
    """Takes a cell apart: the comments that it begins with, and its code."""
    lines = part.splitlines(keepends=True)
    end = 1
    while end < len(lines) and lines[end].lstrip().startswith("# "):
        end += 1
    said = " ".join(line.strip().removeprefix("# ") for line in lines[:end])
    always, _, in_main = "".join(lines[end:]).partition(GUARD)
    code = textwrap.dedent(always).strip() + "\n\n" + textwrap.dedent(in_main).strip()
    return said, code.strip()


def _cell(kind: str, text: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": text}
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def notebooks() -> dict[str, str]:
    """Returns the JSON of every tutorial's notebook, by name."""
    programs = sorted(TUTORIALS.glob("*.py"))
    return {
        program.stem: json.dumps(notebook_of(program.read_text(encoding="utf-8")), indent=1)
        for program in programs
    }


def on_files(files: "Files", *, config: "MkDocsConfig") -> None:
    """Adds the notebooks to the files of the site; MkDocs calls this."""
    from mkdocs.structure.files import File  # pyright: ignore[reportMissingImports]

    for name, content in notebooks().items():
        files.append(File.generated(config, f"tutorials/{name}.ipynb", content=content))


def on_page_markdown(
    markdown: str, *, page: "Page", config: "MkDocsConfig", files: "Files"
) -> str | None:
    """Says on the page of a tutorial where its program and its notebook are; MkDocs calls this."""
    del config
    folder, _, name = page.file.src_uri.removesuffix(".md").rpartition("/")
    if folder != "tutorials" or f"{folder}/{name}.ipynb" not in files.src_uris:
        return None
    return f"{markdown}\nDownload: [program]({name}.py), [notebook]({name}.ipynb)\n"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in notebooks().items():
        (folder / f"{name}.ipynb").write_text(content, encoding="utf-8")
    print(folder)
