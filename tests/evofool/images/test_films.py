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
