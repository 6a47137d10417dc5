"""Tables of a run for pandas, which is optional."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from evofool.evolution import MetricsLine
from evofool.support import JsonValue, needing

if TYPE_CHECKING:
    import pandas  # pyright: ignore[reportMissingImports, reportMissingModuleSource]


class Metrics(list[MetricsLine]):
    """The lines of `metrics.jsonl`, one for each logged generation of each independent run."""

    def to_pandas(self) -> "pandas.DataFrame":
        """Returns them as a table with a row for each line.

        Raises:
            UserError: pandas is not installed.
        """
        return frame_of(self, list(MetricsLine.__annotations__))


def frame_of(rows: Sequence[Mapping[str, JsonValue]], columns: Sequence[str]) -> "pandas.DataFrame":
    """Makes a table of rows; `columns` are those that it has also without rows.

    Raises:
        UserError: pandas is not installed.
    """
    with needing("tables of pandas", "pandas"):
        import pandas  # pyright: ignore[reportMissingImports, reportMissingModuleSource]
    return pandas.DataFrame(list(rows), columns=None if rows else list(columns))
