"""Where the real data sets are, for tests marked `data`."""

import os
from pathlib import Path

import pytest


def data_folder() -> Path:
    """The folder named by $EVOFOOL_DATA, or `shared/data` beside the checkout; skips without."""
    beside = Path(__file__).parents[3] / "shared" / "data"
    folder = Path(os.environ.get("EVOFOOL_DATA") or beside)
    if not folder.is_dir():
        pytest.skip(f"no data folder at {folder}; set EVOFOOL_DATA")
    return folder
