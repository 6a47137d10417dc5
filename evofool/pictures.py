"""Pictures of a run: the contact sheet of its elites, and how confidence rose."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from evofool.errors import UserError
from evofool.files import replacing
from evofool.run import Run, to_image

Levels = UInt8[np.ndarray, "batch height width channels"]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

CELL = 112  # pixels: width of a picture on the sheet
TEXT, LINE = 13, 17  # pixels: size of the letters, and from one line to the next
MARGIN = 12
COLUMNS = 10
MOST_CHOICES = 30
MOST_NINES = 9.0  # convergence plots end there


def gallery(run: str | Path | Run, *, run_index: int | None = None) -> Image.Image:
    """Draws a contact sheet: every elite with its label and confidence.

    Args:
        run: a run directory.
        run_index: one of the independent runs; all of them, one after the other, unless given.

    Raises:
        UserError: not a run directory, or there is no such run.
    """
    run = Run.open(run)
    indices = range(run.config.runs) if run_index is None else [run_index]
    elites = [elite for index in indices for elite in run.elites(index)]
    captions = [[elite.label, percent(elite.confidence)] for elite in elites]
    if run.config.runs > 1:
        for elite, caption in zip(elites, captions, strict=True):
            caption.append(f"seed {run.config.seed + elite.run_index}")
    return _sheet(run.pictures(elites), captions)


def render(
    run: str | Path | Run, name: str | int, *, size: int = 1024, run_index: int = 0
) -> Image.Image:
    """Draws a CPPN elite anew, at any resolution.

    Args:
        run: a run directory.
        name: of the class, its index or label.
        size: width and height in pixels.
        run_index: which of the independent runs.

    Raises:
        UserError: no such run or class, or its pictures are directly encoded.
    """
    return Run.open(run).elite(name, run_index).render(size)


def save_image(image: Image.Image, path: Path) -> None:
    """Writes a picture, atomically, in the format that the name says.

    Raises:
        UserError: the name says no format that is known, or the file cannot be written.
    """
    if path.suffix.lower() not in Image.registered_extensions():
        raise UserError(f"{path} has no known picture format in its name; use for instance .png")
    with replacing(path) as temporary:
        image.save(temporary)


def quiz_sheet(pictures: Levels, labels: Sequence[str]) -> Image.Image:
    """Draws pictures side by side, with nothing but a number, under the question.

    Args:
        pictures: in the order of the numbers, which start at 1.
        labels: the classes to choose from; up to `MOST_CHOICES` are listed.
    """
    choices = ", ".join(labels) if len(labels) <= MOST_CHOICES else f"one of {len(labels)} classes"
    question = f"What does each picture show: {choices}, or none of these?"
    captions = [[str(number)] for number in range(1, len(pictures) + 1)]
    return _sheet(pictures, captions, title=question)


def _sheet(pictures: Levels, captions: list[list[str]], *, title: str = "") -> Image.Image:
    """Draws pictures in rows of at most `COLUMNS`, lines of text below each."""
    columns = min(COLUMNS, len(pictures))
    rows = -(-len(pictures) // columns)
    font = ImageFont.load_default(TEXT)
    step_x = CELL + MARGIN
    step_y = CELL + max(map(len, captions)) * LINE + MARGIN + MARGIN // 2
    width = columns * step_x + MARGIN
    heading = _wrap(title, font, width - 2 * MARGIN) if title else []
    top = MARGIN + (len(heading) * LINE + MARGIN if heading else 0)
    sheet = Image.new("RGB", (width, top + rows * step_y), "white")
    draw = ImageDraw.Draw(sheet)
    for number, line in enumerate(heading):
        draw.text((MARGIN, MARGIN + number * LINE), line, fill="black", font=font)
    for place, (picture, lines) in enumerate(zip(pictures, captions, strict=True)):
        x, y = MARGIN + place % columns * step_x, top + place // columns * step_y
        sheet.paste(enlarge(picture, CELL).convert("RGB"), (x, y))
        draw.rectangle((x - 1, y - 1, x + CELL, y + CELL), outline="#cccccc")
        for number, line in enumerate(lines):
            draw.text(
                (x, y + CELL + 3 + number * LINE),
                _shorten(line, font),
                fill="#666666" if number else "black",
                font=font,
            )
    return sheet


def enlarge(picture: np.ndarray, size: int) -> Image.Image:
    """Scales 8-bit levels `[height, width, channels]` to fit `size`, without smoothing."""
    image = to_image(picture)
    factor = size / max(image.size)
    shape = (round(image.width * factor), round(image.height * factor))
    return image.resize(shape, Image.Resampling.NEAREST if factor > 1 else Image.Resampling.LANCZOS)


def percent(value: float) -> str:
    """Writes a confidence so that near certainty stays visible: 99.9987 %."""
    return f"{100 * value:.4f} %" if value < 0.99999949 else "> 99.9999 %"


def write_convergence(run: Run, path: Path) -> None:
    """Plots how confidence rose: median per run, and the span from the worst to the best class.

    The axis counts nines, -log10(1 - confidence): 99 % and 99.99 % are as far apart as
    0 % and 99 %.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # no display, no global state
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    lines = run.metrics
    for index in range(run.config.runs):
        mine = [line for line in lines if line["run"] == index]
        generations = [line["generation"] for line in mine]
        low, middle, high = (
            _nines([line[f"{name}_confidence"] for line in mine])
            for name in ("min", "median", "max")
        )
        color = f"C{index % 10}"
        axes.fill_between(generations, low, high, color=color, alpha=0.12, linewidth=0)
        axes.plot(generations, middle, color=color, label=f"seed {run.config.seed + index}")
    ticks = {0.0: "0", 0.5: "0.5", 0.9: "0.9", 0.99: "0.99", 0.999: "0.999", 0.9999: "0.9999"}
    ticks |= {1 - 1e-6: "1 - 1e-6", 1 - 1e-8: "1 - 1e-8"}
    axes.set_yticks(_nines(list(ticks)), list(ticks.values()))
    axes.set_ylim(0, MOST_NINES)
    axes.set_xlabel("generation")
    axes.set_ylabel("confidence: median, least to greatest")
    axes.set_title(f"{run.config.encoding} against {run.card.name}")
    axes.grid(alpha=0.3)
    if run.config.runs <= 10:
        axes.legend(loc="lower right")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png")


def _nines(values: list[float]) -> np.ndarray:
    return np.minimum(-np.log10(np.maximum(1 - np.asarray(values), 1e-300)), MOST_NINES)


def _shorten(text: str, font: Font) -> str:
    while font.getlength(text) > CELL and len(text) > 4:
        text = text[:-2].rstrip(". ") + "…"
    return text


def _wrap(text: str, font: Font, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
