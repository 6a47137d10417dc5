"""Elites by class, as a collection that Python and notebooks know how to handle."""

import html
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import fields
from typing import TYPE_CHECKING, Generic, TypeVar

from PIL import Image

from evofool.images import as_data_url, as_png
from evofool.runs.tables import frame_of
from evofool.support import UserError

if TYPE_CHECKING:
    import pandas  # pyright: ignore[reportMissingImports, reportMissingModuleSource]

Member = TypeVar("Member")


class Collection(Generic[Member]):
    """What a run and each of its independent runs have in common: they hold elites by class."""

    @abstractmethod
    def elites(self) -> list[Member]:
        """Returns the elites, in the order of the classes."""

    @abstractmethod
    def elite(self, name: str | int) -> Member:
        """Returns the elite of a class by index or label.

        Raises:
            UserError: no such class, or it has no elite.
        """

    @abstractmethod
    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Member]:
        return iter(self.elites())

    def __getitem__(self, name: str | int) -> Member:
        return self.elite(name)

    def __contains__(self, what: object) -> bool:
        if not isinstance(what, str | int):
            return what in self.elites()
        try:
            self.elite(what)
        except UserError:
            return False
        return True

    def to_pandas(self) -> "pandas.DataFrame":
        """Returns a table with a row for each elite: its seed, and the fields of `EliteFacts`.

        Of a run with several independent runs, it has the elites of all.

        Raises:
            UserError: pandas is not installed, or there is no checkpoint yet.
        """
        from evofool.runs.inspection import EliteFacts

        return frame_of(self._rows(), ["seed", *(field.name for field in fields(EliteFacts))])

    @abstractmethod
    def _rows(self) -> list[dict[str, object]]:
        """Returns the rows of `to_pandas`."""

    @abstractmethod
    def _sheet(self) -> Image.Image:
        """Draws the first sheet of the elites."""

    def _repr_png_(self) -> bytes | None:
        try:
            return as_png(self._sheet())
        except UserError:  # nothing to show yet: a notebook then shows the text
            return None

    def _repr_html_(self) -> str | None:
        png = self._repr_png_()
        if png is None:
            return None
        return f'<p>{html.escape(repr(self))}</p><img src="{as_data_url(png)}">'
