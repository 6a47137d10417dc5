"""Thumbnails of elites, many in one image."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from evofool.images import Levels, resized, to_image
from evofool.runs import Elite, Run
from evofool.support import JsonValue

COLUMNS = 10  # of a sprite, and its rows
PER_SPRITE = COLUMNS**2
SIDE = 112  # pixels: longer side of a thumbnail
QUALITY = 60  # of WebP: 2 to 3 KB for a thumbnail of an ImageNet run; JPEG takes more
SMALL = 64  # pixels: images up to here are not scaled; pages show their pixels as squares


def sprite_facts(run: Run) -> JsonValue:
    """Returns what a page has to know to find a thumbnail."""
    is_small = _is_small(run)
    return {"columns": COLUMNS, "suffix": "png" if is_small else "webp", "pixelated": is_small}


def draw_sprite(run: Run, elites: Sequence[Elite]) -> Image.Image:
    """Draws the thumbnails of at most `PER_SPRITE` elites."""
    thumbnails = [_thumbnail(run, image) for image in run.images(elites)]
    width, height = thumbnails[0].size
    rows = -(-len(elites) // COLUMNS)
    sprite = Image.new(thumbnails[0].mode, (COLUMNS * width, rows * height))
    for place, thumbnail in enumerate(thumbnails):
        sprite.paste(thumbnail, (place % COLUMNS * width, place // COLUMNS * height))
    return sprite


def _thumbnail(run: Run, image: Levels) -> Image.Image:
    return to_image(image) if _is_small(run) else resized(image, SIDE)


def _is_small(run: Run) -> bool:
    return int(np.max(run.card.input_shape[:2])) <= SMALL
