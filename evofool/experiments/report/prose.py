"""The prose of the reports: Markdown templates with {named} fields, a section per part."""

from functools import cache
from importlib import resources

TEMPLATES = resources.files("evofool.experiments.report").joinpath("templates")


def notes(experiment: str, section: str, **fields: object) -> list[str]:
    """Returns the paragraphs of a section of an experiment's template, with the fields filled in.

    Args:
        experiment: name of the template, without ".md".
        section: a heading ("# section") in it.
        **fields: text or numbers by name; format numbers with `cells` first.
    """
    return [paragraph.format(**fields) for paragraph in _sections(experiment)[section]]


def note(experiment: str, section: str, **fields: object) -> str:
    """Returns the only paragraph of a section."""
    (paragraph,) = notes(experiment, section, **fields)
    return paragraph


@cache
def _sections(experiment: str) -> dict[str, list[str]]:
    text = TEMPLATES.joinpath(f"{experiment}.md").read_text("utf-8")
    sections: dict[str, list[str]] = {}
    for part in f"\n{text}".split("\n# ")[1:]:
        heading, _, body = part.partition("\n")
        paragraphs = (" ".join(block.split()) for block in body.split("\n\n"))
        sections[heading.strip()] = [paragraph for paragraph in paragraphs if paragraph]
    return sections
