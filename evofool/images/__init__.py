"""Images: their levels, corruptions of them, and sheets, charts and files that show them.

An *image* is an array `[height, width, channels]`. Its *levels* are uint8 in 0..255, as in a file
and as they are scored; its *values* are float32 in [0, 1], as a classifier takes them. A *sheet*
shows many images with captions; a *corruption* changes an image whatever the classifier.
"""

from evofool.images import corruptions
from evofool.images.axes import confidence_axis, on_axis
from evofool.images.charts import chart, write_matrix
from evofool.images.corruptions import blur, exchange_tiles, mirror_tiles, recolor, shuffle_pixels
from evofool.images.films import check_film, save_film
from evofool.images.fonts import legible
from evofool.images.ground import is_faint, is_negative
from evofool.images.levels import Images, Levels, from_levels, to_image, to_levels
from evofool.images.palettes import LUMA, colored, read_palette
from evofool.images.recoloring import disordered_table, intensity_table, non_monotonicity
from evofool.images.saving import as_data_url, as_png, check_format, resized, save_image, save_pages
from evofool.images.sheets import COLUMNS, Look, Section, draw_sheet, thumbnail
from evofool.images.wear import WEAR, WORDS, Chance, Wear, chance_of, wear, wear_named
from evofool.support import percent  # lives there; some rooms still import it from here

__all__ = [
    "COLUMNS",
    "LUMA",
    "WEAR",
    "WORDS",
    "Chance",
    "Images",
    "Levels",
    "Look",
    "Section",
    "Wear",
    "as_data_url",
    "as_png",
    "blur",
    "chance_of",
    "chart",
    "check_film",
    "check_format",
    "colored",
    "confidence_axis",
    "corruptions",
    "disordered_table",
    "draw_sheet",
    "exchange_tiles",
    "from_levels",
    "intensity_table",
    "is_faint",
    "is_negative",
    "legible",
    "mirror_tiles",
    "non_monotonicity",
    "on_axis",
    "percent",
    "read_palette",
    "recolor",
    "resized",
    "save_film",
    "save_image",
    "save_pages",
    "shuffle_pixels",
    "thumbnail",
    "to_image",
    "to_levels",
    "wear",
    "wear_named",
    "write_matrix",
]
