"""Tables that replace each of the 256 levels by another.

The table "blondes" is that of the article "Blondes, monsters and addictions of artificial
intelligence", which recolours digits with it: a permutation of the levels without any order.
"""

import re
from importlib import resources
from pathlib import Path

import numpy as np
import scipy
from jaxtyping import UInt8

from evofool.support import UserError, read_text, unknown_name

Table = UInt8[np.ndarray, "256"]
LEVELS = 256
MOST_BYTES = 2**16  # of a table: 256 numbers, and much white space
NAMES = ("blondes", "random", "invert")


def intensity_table(name: str | Path, *, seed: int = 0) -> Table:
    """Returns the table of that name, or reads a file.

    Args:
        name: "blondes", "random" (a permutation of the levels), "invert" (255 - level), or a text
            file with 256 numbers, which need not be a permutation.
        seed: of the table "random".

    Raises:
        UserError: there is no such table or file, or the file does not hold 256 levels.
    """
    if name == "blondes":
        text = resources.files("evofool.images").joinpath("blondes.txt").read_text(encoding="utf-8")
        return _parse(text, "blondes")
    if name == "random":
        return np.random.default_rng(seed).permutation(LEVELS).astype(np.uint8)
    if name == "invert":
        return np.arange(LEVELS, dtype=np.uint8)[::-1].copy()
    path = Path(name)
    if not path.exists() and str(name).isidentifier():  # a misspelt name rather than a file
        raise UserError(f"{unknown_name('table', str(name), NAMES)}, or a text file")
    return _parse(read_text(path, most_bytes=MOST_BYTES), str(path))


def disordered_table(disorder: float, *, seed: int = 0) -> Table:
    """Returns a permutation of the levels between the identity and one without any order.

    Levels are ranked by `level / 255` plus Gaussian noise of standard deviation `disorder`: 0
    gives the identity, and far above 1 every permutation becomes as likely as any other.

    Args:
        disorder: 0 or more.
        seed: of the noise.

    Raises:
        UserError: `disorder` is negative or not a number.
    """
    if not disorder >= 0:
        raise UserError(f"disorder is {disorder}; expected 0 or more")
    noise = np.random.default_rng(seed).standard_normal(LEVELS)
    places = np.linspace(0, 1, LEVELS) + disorder * noise
    return np.argsort(np.argsort(places)).astype(np.uint8)


def non_monotonicity(table: Table) -> float:
    """Returns how far a table is from rising or falling throughout: 1 - |Kendall's tau|, in [0, 1].

    Tau is the share of pairs of levels whose order the table keeps, minus the share whose order it
    reverses. A table that only rises (the identity) or only falls (inversion) gives 0 and keeps
    every shape; random permutations lie near 1.
    """
    tau = np.asarray(scipy.stats.kendalltau(np.arange(LEVELS), table))[0]
    return float(1 - abs(np.nan_to_num(tau, nan=0.0)))  # NaN: all entries are equal


def _parse(text: str, source: str) -> Table:
    words = re.split(r"[\s,;]+", text.strip(" \t\r\n,;[]"))
    wrong = [word for word in words if not re.fullmatch(r"[0-9]{1,3}", word) or int(word) >= LEVELS]
    if wrong:
        raise UserError(
            f"{source} holds {wrong[0][:20]!r}; expected {LEVELS} whole numbers 0..255, separated "
            "by spaces, commas or line ends"
        )
    if len(words) != LEVELS:
        raise UserError(f"{source} holds {len(words)} numbers; expected {LEVELS}, one per level")
    return np.array([int(word) for word in words], np.uint8)
