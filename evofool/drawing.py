"""Settings of drawings: what an elite looks like that is drawn anew, for paper or slides.

Like `evofool.config`, this module stands above the rooms and loads no JAX.
"""

import math
from dataclasses import dataclass
from typing import Literal

from evofool.support import UserError, check_counts, check_positive

ASPECTS = ("extend", "fit", "stretch")
MOST_TILES = 100


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """Part of the plane, and colours, of a CPPN that is drawn anew."""

    aspect: Literal["extend", "fit", "stretch"] = "extend"
    """In other proportions than evolved: draw on around the image, leave margins, or stretch it."""
    zoom: float = 1.0
    """Magnification; below 1, more of what lies around the image."""
    center: tuple[float, float] = (0.0, 0.0)
    """X and Y of the middle; the evolved image reaches from -1 to 1, to the right and down."""
    rotate: float = 0.0
    """Degrees by which the image is turned, clockwise."""
    tile: tuple[int, int] = (1, 1)
    """Copies across and down, each a mirror image of its neighbours, so that no seam shows."""
    palette: str | None = None
    """Colours from dark to light: a colour map of matplotlib, or a file with a #rrggbb per line."""
    transparent: bool = False
    """The darker a pixel, the more transparent; black and margins wholly. For PNG, WebP, TIFF."""
    dpi: int | None = None
    """Pixels per inch, for programs that print; written into the file."""

    def __post_init__(self) -> None:
        if self.aspect not in ASPECTS:
            raise UserError(f"aspect is {self.aspect!r}; expected {', '.join(ASPECTS)}")
        check_positive(self, "", "zoom")
        if not all(map(math.isfinite, (*self.center, self.rotate))):
            raise UserError(
                f"center is {self.center}, rotate is {self.rotate}; expected finite numbers"
            )
        if not all(1 <= copies <= MOST_TILES for copies in self.tile):
            raise UserError(f"tile is {self.tile}; expected two numbers from 1 to {MOST_TILES}")
        check_counts(self, "", dpi=(1, 100_000))


PLAIN = Drawing()
