"""Moving images as files: mp4, gif and webp."""

import contextlib
import subprocess
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from PIL import Image

from evofool.support import UserError, check_room, needing, replacing

FILMS = (".gif", ".mp4", ".webp")
_MOST_OF_GIF = 50  # frames per second that programs show
_MODES = {"L": "gray", "RGB": "rgb24"}  # Pillow's names and ffmpeg's


def check_film(path: Path, size: tuple[int, int], *, fps: int, frames: int) -> None:
    """Makes sure that a film can be written as a file.

    Args:
        path: of the file.
        size: width and height of its frames, in pixels.
        fps: frames per second.
        frames: how many there are.

    Raises:
        UserError: the suffix is that of no such format, the format does not have such a size or so
            many frames per second, the package that writes it is missing, or the frames do not fit
            into memory where all have to.
    """
    suffix = path.suffix.lower()
    if suffix not in FILMS:
        raise UserError(f"{path} has no format of films in its name; expected {', '.join(FILMS)}")
    if suffix == ".mp4":
        with needing("mp4 files", "imageio-ffmpeg"):
            import imageio_ffmpeg  # noqa: F401  (whether it is there)
        if size[0] % 2 or size[1] % 2:
            raise UserError(f"size is {size[0]}x{size[1]}; an mp4 has even numbers of pixels")
    most = _MOST_OF_GIF if suffix == ".gif" else 120
    if not 1 <= fps <= most:
        raise UserError(f"fps is {fps}; expected 1..{most} for {path.name}")
    if suffix != ".mp4":  # Pillow keeps all of them
        what = f"a {suffix[1:]} of {frames} frames"
        check_room(4 * frames * size[0] * size[1], what, remedy="make an mp4, or a smaller one")


def save_film(frames: Iterator[Image.Image], path: Path, *, fps: int, loop: bool) -> None:
    """Writes a film, atomically, in the format of the file's suffix.

    Args:
        frames: of one size, grey or RGB; at least one.
        path: of the file.
        fps: frames per second; a gif rounds the time of a frame to hundredths of a second.
        loop: whether it begins again at its end. An mp4 leaves that to the program that shows it.

    Raises:
        UserError: the file cannot be written. `check_film` refuses the rest.
    """
    first = next(frames)
    with replacing(path) as temporary:
        if path.suffix.lower() == ".mp4":
            _save_mp4(first, frames, temporary, fps)
        else:
            # Without a number of times a gif is shown once, a webp for ever (0).
            once: dict[str, Any] = {} if path.suffix.lower() == ".gif" else {"loop": 1}
            options: dict[str, Any] = {"loop": 0} if loop else once
            duration = round(1000 / fps)
            first.save(temporary, save_all=True, append_images=frames, duration=duration, **options)


def _save_mp4(first: Image.Image, frames: Iterator[Image.Image], path: Path, fps: int) -> None:
    """Pipes frames to ffmpeg.

    Started here, as the package itself forks in Python, against which JAX warns.
    """
    from imageio_ffmpeg import get_ffmpeg_exe

    width, height = first.size
    source = ["-f", "rawvideo", "-pix_fmt", _MODES[first.mode], "-s", f"{width}x{height}"]
    # what all browsers and players show: H.264, colours at half the resolution
    coding = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "18", "-movflags", "+faststart"]
    command = [get_ffmpeg_exe(), "-y", "-loglevel", "error", *source, "-r", str(fps), "-i", "-"]
    with subprocess.Popen(
        [*command, *coding, str(path)], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        try:
            for frame in chain([first], frames):
                process.stdin.write(frame.tobytes())
            _, complaint = process.communicate()
        except BrokenPipeError:  # it has ended, and says why
            complaint = process.communicate()[1]
        except BaseException:
            process.kill()
            with contextlib.suppress(OSError):  # nobody reads what is left in its buffer
                process.stdin.close()
            raise
    if process.returncode:
        lines = complaint.decode(errors="replace").strip().splitlines()
        raise UserError(
            f"ffmpeg cannot write the film: {lines[-1] if lines else 'no reason given'}"
        )
