"""Films of elites."""

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence

from evofool import Drawing, Elite, Run, UserError, animate

SMALL: dict[str, Any] = {"size": 28, "fps": 10, "seconds": 1}


def frames(path: Path) -> list[np.ndarray]:
    with Image.open(path) as film:
        return [
            np.asarray(frame.convert("L")).astype(int) for frame in ImageSequence.Iterator(film)
        ]


def is_near(image: np.ndarray, expected: np.ndarray) -> bool:
    """Whether two images are the same up to the rounding of sums."""
    return float((np.abs(image - expected) > 1).mean()) < 0.01


def test_weights_move_and_come_back(cppn_run: Run, tmp_path: Path):
    elite = cppn_run["7"]
    film = frames(animate(cppn_run, "7", tmp_path / "a.gif", loop=True, **SMALL))
    np.testing.assert_array_equal(film[0], elite.image()[..., 0])
    changes = [np.abs(a - b).mean() for a, b in zip(film, [*film[1:], film[0]], strict=True)]
    assert max(changes) < 3 * np.mean(changes), "the end is no jump"
    assert len(film) == 10


def test_an_elite_turns_into_others(cppn_run: Run, tmp_path: Path):
    film = frames(animate(cppn_run, "7", tmp_path / "a.gif", to=["3"], **SMALL))
    assert is_near(film[0], cppn_run["7"].image()[..., 0])
    assert is_near(film[-1], cppn_run["3"].image()[..., 0])
    assert len({frame.tobytes() for frame in film}) == 10
    closed = frames(animate(cppn_run, "7", tmp_path / "b.gif", to=["3"], loop=True, **SMALL))
    assert is_near(closed[5], cppn_run["3"].image()[..., 0])


def test_favourites_turn_into_one_another(cppn_run: Run, tmp_path: Path):
    def favourites(*elites: Elite) -> Path:
        chosen = [
            {
                "run": cppn_run.folder.name,
                "seed": cppn_run.config.seed + elite.run_index,
                "run_index": elite.run_index,
                "class_index": elite.class_index,
                "label": elite.label,
                "born": list(elite.born),
            }
            for elite in elites
        ]
        file = tmp_path / "favourites.json"
        content = {"format": "evofool-favourites", "version": 1, "favourites": chosen}
        file.write_text(json.dumps(content), encoding="utf-8")
        return file

    first, last = cppn_run.elite("3", 1), cppn_run.elite("7", 1)
    path = animate(cppn_run, None, tmp_path / "a.gif", favourites=favourites(first, last), **SMALL)
    film = frames(path)
    assert is_near(film[0], first.image()[..., 0])
    assert is_near(film[-1], last.image()[..., 0])
    both = favourites(first, cppn_run.elite("7", 0))
    with pytest.raises(UserError, match="of the independent runs 0, 1 of"):
        animate(cppn_run, None, tmp_path / "b.gif", favourites=both, **SMALL)
    with pytest.raises(UserError, match="no elite is chosen; give --class or --favourites"):
        animate(cppn_run, None, tmp_path / "b.gif", **SMALL)


def test_an_elite_evolves(cppn_run: Run, tmp_path: Path):
    elite = max(cppn_run.elites(1), key=lambda elite: len(elite.steps))
    path = animate(cppn_run, elite.label, tmp_path / "a.gif", lineage=True, run_index=1, **SMALL)
    drawn = list(cppn_run.draw(elite.ancestors()))
    first, last = drawn[-1][-1], drawn[0][0]
    film = frames(path)
    assert is_near(film[0], np.rint(255 * first[..., 0]))
    assert is_near(film[-1], elite.image()[..., 0])
    assert is_near(film[-1], np.rint(255 * last[..., 0]))


def test_webp(cppn_run: Run, tmp_path: Path):
    with Image.open(animate(cppn_run, "7", tmp_path / "a.webp", loop=True, **SMALL)) as webp:
        webp.load()
        assert (getattr(webp, "n_frames", 1), webp.info["loop"], webp.info["duration"]) == (
            10,
            0,
            100,
        )


def test_mp4(cppn_run: Run, tmp_path: Path):
    """Compared with images as ffmpeg decodes them again."""

    imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")
    size, drawing = (64, 48), Drawing(palette="magma")
    path = animate(cppn_run, "7", tmp_path / "a.mp4", drawing=drawing, **{**SMALL, "size": size})
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", str(path)]
    decoded = subprocess.run(
        [*command, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], capture_output=True, check=True
    )
    film = np.frombuffer(decoded.stdout, np.uint8).reshape(10, 48, 64, 3).astype(int)
    image = np.asarray(cppn_run["7"].render(size, drawing=drawing)).astype(int)
    assert np.abs(film[0] - image).mean() < 12, "up to what the coding loses"


@pytest.mark.parametrize(
    ("out", "options", "message"),
    [
        ("a.png", {}, r"expected \.gif, \.mp4, \.webp"),
        ("a.mp4", {"size": 27}, "27x27; an mp4 has even numbers"),
        ("a.gif", {"fps": 60}, r"fps is 60; expected 1\.\.50"),
        ("a.gif", {"seconds": 0.01}, r"seconds is 0\.01; expected 2\.\."),
        ("a.gif", {"to": ["3"], "lineage": True}, "exclude each other"),
        ("a.gif", {"to": ["none"]}, "unknown class 'none'"),
        ("a.gif", {"drawing": Drawing(transparent=True)}, "transparent has no effect"),
        ("a.gif", {"size": 8000, "seconds": 9000}, "a gif of 90000 frames would take"),
    ],
)
def test_films_that_cannot_be_are_refused(out, options, message, cppn_run: Run, tmp_path: Path):
    with pytest.raises(UserError, match=message):
        animate(cppn_run, "7", tmp_path / out, **{**SMALL, **options})
    assert not list(tmp_path.iterdir())


def test_directly_encoded_images_do_not_move(direct_run: Run, tmp_path: Path):
    with pytest.raises(UserError, match="directly encoded"):
        animate(direct_run, "3", tmp_path / "a.gif", **SMALL)
