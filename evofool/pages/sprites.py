"""Thumbnails of elites, many in one image."""

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

from evofool.images import Levels, resized, to_image
from evofool.runs import Elite, Run
from evofool.support import JsonValue

COLUMNS = 10  # of a sprite, and its rows
SIDE = 112  # pixels: longer side of a thumbnail
QUALITY = 70  # of WebP: 2.4 KB for a thumbnail of an ImageNet run; JPEG takes more at any quality
SMALL = 64  # pixels: images up to here are not scaled; pages show their pixels as squares


def sprite_facts(run: Run) -> JsonValue:
    """Returns what a page has to know to find a thumbnail."""
    is_small = _is_small(run)
    return {"columns": COLUMNS, "suffix": "png" if is_small else "webp", "pixelated": is_small}


def sprites(run: Run, elites: Sequence[Elite]) -> Iterator[Image.Image]:
    """Draws the sprites of elites, in their order, `COLUMNS` squared in each."""
    images = run.images(elites)
    for start in range(0, len(elites), COLUMNS**2):
        count = min(COLUMNS**2, len(elites) - start)
        thumbnails = [_thumbnail(run, next(images)) for _ in range(count)]
        width, height = thumbnails[0].size
        rows = -(-count // COLUMNS)
        sprite = Image.new(thumbnails[0].mode, (COLUMNS * width, rows * height))
        for place, thumbnail in enumerate(thumbnails):
            sprite.paste(thumbnail, (place % COLUMNS * width, place // COLUMNS * height))
        yield sprite


def _thumbnail(run: Run, image: Levels) -> Image.Image:
    return to_image(image) if _is_small(run) else resized(image, SIDE)


def _is_small(run: Run) -> bool:
    return int(np.max(run.card.input_shape[:2])) <= SMALL
