"""The README and the pages of the site, and the commands and programs that they show."""

import re
import shlex

from tests.doors import ROOT

README = ROOT / "README.md"
PAGES = [
    page
    for folder in (".", "tutorials", "results", "api")
    for page in sorted((ROOT / "docs" / folder).glob("*.md"))
]
DOCUMENTS = [README, ROOT / "CONTRIBUTING.md", *PAGES]


def blocks_of(text: str) -> list[tuple[str, str]]:
    """Blocks of code in order, fenced or indented, each with its language if it names one."""
    joined = text.replace("\\\n", " ")
    found = re.finditer(
        r"^```(\w*)\n(.*?)^```|^ {4}(evofool [^\n]*)$", joined, flags=re.MULTILINE | re.DOTALL
    )
    return [(block[1] or "", block[2] or block[3]) for block in found]


def commands_in(block: str) -> list[list[str]]:
    """The commands of a block, without comments and what follows a pipe or an ampersand."""
    lines = re.findall(r"^(evofool .*)$", block, flags=re.MULTILINE)
    return [
        shlex.split(command.strip(), comments=True)[1:]
        for line in lines
        for command in re.findall(r"evofool [^;]*", line.split(" &")[0])
    ]
