import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from evofool import UserError
from evofool.images import check_film, save_film
from evofool.support import memory


@pytest.mark.parametrize("name", ["a.gif", "a.webp"])
@pytest.mark.parametrize("loop", [False, True])
def test_a_film_is_shown_once_or_for_ever(name: str, loop: bool, tmp_path: Path):
    frames = (Image.new("L", (8, 8), level) for level in (0, 255))
    save_film(frames, tmp_path / name, fps=10, loop=loop)
    with Image.open(tmp_path / name) as film:
        film.load()
        assert film.info.get("loop", 1) == (0 if loop else 1)


@pytest.mark.parametrize("name", ["a.gif", "a.webp"])
def test_films_whose_frames_do_not_fit_into_memory_are_refused(name: str, monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 10**6)
    with pytest.raises(UserError, match=f"a {name[2:]} of 1000 frames would take"):
        check_film(Path(name), (100, 100), fps=10, frames=1000)


def test_what_stops_a_film_is_said_and_not_that_its_pipe_broke(monkeypatch, tmp_path: Path):
    pytest.importorskip("imageio_ffmpeg")
    kill = subprocess.Popen.kill
    monkeypatch.setattr(subprocess.Popen, "kill", lambda process: (kill(process), process.wait()))

    def frames() -> Iterator[Image.Image]:
        yield Image.new("RGB", (8, 8))
        raise UserError("the run is damaged")

    with pytest.raises(UserError, match="the run is damaged"):
        save_film(frames(), tmp_path / "a.mp4", fps=10, loop=False)
    assert not list(tmp_path.iterdir())
