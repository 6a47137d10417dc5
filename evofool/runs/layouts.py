"""Elites laid out as other programs read them: ImageFolder, pytorch-ood, OpenOOD, Hugging Face."""

import json
import math
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from evofool.classifiers import first_name, resolve_class
from evofool.images import save_image, to_image
from evofool.runs.choosing import favourites_of
from evofool.runs.exporting import AS_IMAGES, Format, export, stem_of
from evofool.runs.folders import result_folder
from evofool.runs.inspection import facts
from evofool.runs.run import Elite, Run
from evofool.support import UserError, replacing

Layout = Literal["imagefolder", "pytorch-ood", "openood", "huggingface"]
OOD_FOLDER = "10-runs-x-1000-cppns"  # these three are pytorch-ood's, whatever a run had
OOD_RUNS = 10
OOD_GENERATION = "map_gen_5000"
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (math.inf, "100K<n<1M"))


def publish(
    run: str | Path | Run,
    out: str | Path,
    *,
    layout: Layout = "imagefolder",
    least: float = 0.0,
    classes: Sequence[str] = (),
    favourites: str | Path | None = None,
    formats: Sequence[Format] = AS_IMAGES,
    strict: bool = True,
) -> list[Path]:
    """Writes the elites of a run as a data set of another library.

    * `imagefolder`: what `export` writes, for torchvision and Keras.
    * `pytorch-ood`: the folders of its `FoolingImages`, whose ten runs and names are fixed. That
      class asks for the authors' archive, too: a subclass whose `_check_integrity` returns True
      reads `root=out`.
    * `openood`: images, and `fooling.txt` with a line for each: path, and -1 for a label.
    * `huggingface`: `datasets.load_dataset("imagefolder", data_dir=out)` reads it, with what is
      known of each image; `README.md` is its data card.

    Args:
        run: a run directory; the elites of all its independent runs.
        out: folder to write; empty or new.
        layout: whose data set it becomes.
        least: confidence that an elite must have, in [0, 1].
        classes: indices, labels or WordNet ids; all unless given.
        favourites: file of favourites, as the browser saves them: only these.
        formats: files of each elite, with the layout "imagefolder"; see `export`.
        strict: refuse a run whose newest checkpoint is damaged.

    Returns:
        The images.

    Raises:
        DamagedFileError: `strict`, and the newest checkpoint is damaged.
        UserError: as `export`, no elite is left, more independent runs than the layout has, or
            `out` is there and not empty, or cannot be written.
    """
    run = Run.open(run, strict=strict)
    if not 0.0 <= least <= 1.0:
        raise UserError(f"least is {least}; expected a confidence in [0, 1]")
    elites = _chosen(run, least, classes, favourites)
    if layout == "imagefolder":
        return export(run, out, elites=elites, formats=formats, strict=strict)
    if tuple(formats) != AS_IMAGES:
        raise UserError(f"formats has no effect on the layout {layout}, which is of PNGs")
    content = {"export of": str(run.folder.resolve()), "generation": run.generation}
    content |= {"layout": layout, "elites": [stem_of(elite) for elite in elites]}
    with result_folder(out, content) as folder:
        return _WRITERS[layout](run, elites, folder)


def _chosen(
    run: Run, least: float, classes: Sequence[str], favourites: str | Path | None
) -> list[Elite]:
    wanted = run.all_elites() if favourites is None else favourites_of(run, favourites)
    if classes:
        chosen = {resolve_class(run.card, name) for name in classes}
        wanted = [elite for elite in wanted if elite.output in chosen]
    wanted = [elite for elite in wanted if elite.confidence >= least]
    if not wanted:
        raise UserError(
            f"{run.folder} has no elite of confidence {least} or more among those asked for"
        )
    return wanted


def _write_images(
    elites: Sequence[Elite], place: Callable[[Elite], Path]
) -> Iterator[tuple[Elite, Path]]:
    for elite, image in zip(elites, elites[0].run.images(elites), strict=True):
        save_image(to_image(image), place(elite))
        yield elite, place(elite)


def _write_pytorch_ood(run: Run, elites: Sequence[Elite], folder: Path) -> list[Path]:
    if run.config.runs > OOD_RUNS:
        raise UserError(
            f"{run.folder} has {run.config.runs} independent runs; pytorch-ood reads {OOD_RUNS}"
        )
    for index in range(OOD_RUNS):  # it lists all ten, empty or not
        (folder / OOD_FOLDER / f"run_{index}" / OOD_GENERATION).mkdir(parents=True, exist_ok=True)

    def place(elite: Elite) -> Path:
        run_folder = folder / OOD_FOLDER / f"run_{elite.run_index}"
        return run_folder / OOD_GENERATION / f"{stem_of(elite)}.png"

    return [path for _, path in _write_images(elites, place)]


def _write_openood(run: Run, elites: Sequence[Elite], folder: Path) -> list[Path]:
    del run
    paths = [
        path
        for _, path in _write_images(elites, lambda e: folder / "fooling" / f"{stem_of(e)}.png")
    ]
    lines = (f"{path.relative_to(folder).as_posix()} -1\n" for path in paths)
    _write_text(folder / "fooling.txt", "".join(lines))
    return paths


def _write_huggingface(run: Run, elites: Sequence[Elite], folder: Path) -> list[Path]:
    paths, lines = [], []
    written = _write_images(elites, lambda elite: folder / "train" / f"{stem_of(elite)}.png")
    for elite, path in written:
        paths.append(path)
        known = {"file_name": path.name, "seed": elite.seed, **asdict(facts(elite))}
        lines.append(json.dumps(known, ensure_ascii=False) + "\n")
    _write_text(folder / "train" / "metadata.jsonl", "".join(lines))
    _write_text(folder / "README.md", _data_card(run, elites))
    return paths


def _data_card(run: Run, elites: Sequence[Elite]) -> str:
    """Writes the data card; what comes from the run is quoted, so that it is no markup."""
    height, width, channels = run.card.input_shape
    labels = ", ".join(dict.fromkeys(first_name(elite.label) for elite in elites[:5]))
    last = run.config.seed + run.config.runs - 1
    about = json.dumps(f"{run.config.encoding} against {run.card.name}; {labels}, ...")
    return textwrap.dedent(f"""\
        ---
        pretty_name: Fooling images
        task_categories: [image-classification]
        tags: [out-of-distribution, adversarial, evolution]
        size_categories: [{next(name for most, name in _SIZES if len(elites) < most)}]
        ---

        # Fooling images

        {len(elites)} images of {width}x{height}x{channels} that an image classifier labels with
        high confidence, evolved by evofool as in Nguyen, Yosinski and Clune, "Deep neural networks
        are easily fooled" (CVPR 2015), <https://arxiv.org/abs/1412.1897>.

        ```
        {about}
        generations {run.generation}, seeds {run.config.seed}..{last}
        ```

        `metadata.jsonl` says of each image which class it was evolved for (`label`), how confident
        the classifier is (`confidence`, in [0, 1]), and how it came about. The label is what the
        classifier says, not what the image shows: no person has labelled these images.
        """)


def _write_text(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


_WRITERS: dict[str, Callable[[Run, Sequence[Elite], Path], list[Path]]] = {
    "pytorch-ood": _write_pytorch_ood,
    "openood": _write_openood,
    "huggingface": _write_huggingface,
}
