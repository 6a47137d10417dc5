"""Files of genomes that a run cannot make again, as somebody else may have written them."""

from pathlib import Path

import numpy as np
import pytest

from evofool import UserError
from evofool.config import EvolveConfig
from evofool.evolution import make_encoding, polished, starters
from evofool.evolution.lineage_files import RECORD

ENCODING = make_encoding(EvolveConfig(encoding="direct"), (2, 2, 1))
GOOD = np.zeros((1, 4), np.uint8)


@pytest.mark.parametrize(
    "leaf",
    [np.uint8(3), GOOD[0], GOOD.astype(np.float32), GOOD.astype("S1"), GOOD[..., None]],
    ids=["number", "row", "floats", "text", "cube"],
)
def test_genomes_of_another_kind_are_refused(leaf: np.ndarray, tmp_path: Path):
    np.savez(tmp_path / starters.FILE, leaf_0=leaf)
    with pytest.raises(UserError, match="does not hold genomes of this run"):
        starters.load(tmp_path, ENCODING)
    zero = np.zeros(1, np.int64)
    np.savez(tmp_path / "polished-00000003.npz", run=zero, child=zero, leaf_0=leaf)
    records = np.zeros(1, RECORD)
    records["generation"] = 3
    with pytest.raises(UserError, match="does not hold genomes of this run"):
        polished.load(tmp_path, ENCODING, 0, records)
