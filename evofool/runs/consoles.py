"""Consoles that print text as it is."""

from typing import Any

from rich.console import Console
from rich.text import Text

from evofool.support import printable


class PlainConsole(Console):
    """Prints strings as they are: no markup, no emoji, control characters as their escapes."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Makes the text that a string is printed as; `options` are those of `Console`."""
        plain: dict[str, Any] = {"markup": False, "emoji": False, "highlight": False}
        return super().render_str(printable(text, keep="\n"), **options | plain)


def progress_output() -> Console:
    """Returns the console for progress, on standard error."""
    return PlainConsole(stderr=True, highlight=False)
