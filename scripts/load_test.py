"""Loads a server of this machine with many visitors at once, and says how fast it answers.

    python scripts/load_test.py runs/cppn-0 --clients 50 --seconds 30

Starts `evofool serve RUN` on the loopback address, and ends it. Each client, on a connection of its
own, asks again and again: for a page, a script, a file of the gallery or an image of the quiz, and
one time in ten for the classifier's opinion of a drawing. Prints requests per second, the median
time to the answer and what 95 % are within, and of the server its largest memory and its open files
before, meanwhile and after. Exits with 1 if a request failed. Linux only. Needs the extra `[dev]`.
"""

import argparse
import asyncio
import io
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import httpx2 as httpx
import numpy as np
from PIL import Image

PAGES = ("/draw", "/quiz", "/web/draw.js", "/web/web.css", "/assets/style.css", "/api/about")
GALLERY = tuple(f"/site/{name}" for name in ("index.html", "data/site.js", "data/run-0/elites.js"))


class Taken(NamedTuple):
    """A request: what was asked for, the seconds to the answer, and whether it was given."""

    kind: str
    seconds: float
    is_good: bool


def address(server: subprocess.Popen[str]) -> str:
    """Returns what a server says is its address."""
    said = []
    for line in server.stderr or ():
        said.append(line)
        if (found := re.search(r"http://127\.0\.0\.1:\d+", line)) is not None:
            return found[0]
    raise SystemExit("".join(said))


def drawing() -> bytes:
    """Returns a drawing as the pad sends it: a bright stroke on black."""
    levels = np.zeros((280, 280), np.uint8)
    levels[60:220, 120:150] = 255
    content = io.BytesIO()
    Image.fromarray(levels).save(content, "PNG")
    return content.getvalue()


async def visit(
    base: str, seconds: float, everybody: asyncio.Barrier, dice: random.Random, drawn: bytes
) -> list[Taken]:
    """Asks until the time is over."""
    taken = []
    async with httpx.AsyncClient(base_url=base, timeout=120, headers={"Origin": base}) as client:
        quiz = (await client.post("/api/quiz")).json()["id"]
        await everybody.wait()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            kind = dice.choices(("page", "gallery", "image", "drawing"), (4, 3, 2, 1))[0]
            start = time.monotonic()
            try:
                if kind == "drawing":
                    answer = await client.post("/api/draw/drawing", content=drawn)
                elif kind == "image":
                    answer = await client.get(f"/api/quiz/{quiz}/0.png")
                else:
                    answer = await client.get(dice.choice(PAGES if kind == "page" else GALLERY))
                is_good = answer.status_code == 200
            except httpx.HTTPError:
                is_good = False
            taken.append(Taken(kind, time.monotonic() - start, is_good))
    return taken


async def load(base: str, clients: int, seconds: float) -> list[Taken]:
    """Lets all clients visit at once."""
    everybody, drawn = asyncio.Barrier(clients), drawing()
    visits = [
        visit(base, seconds, everybody, random.Random(number), drawn) for number in range(clients)
    ]
    return [one for some in await asyncio.gather(*visits) for one in some]


async def watched(server: int, base: str, clients: int, seconds: float) -> tuple[list[Taken], int]:
    """Loads a server, and counts the most files that it has open meanwhile."""
    loading = asyncio.create_task(load(base, clients, seconds))
    most = 0
    while not loading.done():
        most = max(most, open_files(server))
        await asyncio.wait([loading], timeout=0.5)
    return await loading, most


def open_files(process: int) -> int:
    """Counts files and connections that a process has open."""
    return len(os.listdir(f"/proc/{process}/fd"))


def largest_memory(process: int) -> float:
    """Returns the most memory that a process has had, in MB."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1000


def report(taken: list[Taken], seconds: float) -> None:
    """Prints how fast which requests were answered."""
    for kind in dict.fromkeys(sorted(one.kind for one in taken)):
        times = 1000 * np.array([one.seconds for one in taken if one.kind == kind])
        middle, most = np.quantile(times, [0.5, 0.95])
        rate = len(times) / seconds
        print(f"{kind:8} {rate:7.1f} per second, median {middle:.0f} ms, 95 % within {most:.0f} ms")


def main() -> int:
    """Parses the flags, loads a server and prints the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("run")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=30)
    flags = parser.parse_args()
    command = [sys.executable, "-m", "evofool", "serve", flags.run, "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            base = address(server)
            httpx.post(f"{base}/api/draw/drawing", content=drawing(), headers={"Origin": base})
            before = open_files(server.pid)
            taken, meanwhile = asyncio.run(watched(server.pid, base, flags.clients, flags.seconds))
            time.sleep(1)
            after, memory = open_files(server.pid), largest_memory(server.pid)
        finally:
            server.terminate()
    report(taken, flags.seconds)
    failed = sum(not one.is_good for one in taken)
    print(f"all      {len(taken) / flags.seconds:7.1f} per second, {failed} of {len(taken)} failed")
    print(f"server   {memory:.0f} MB at most, open files: {before}, {meanwhile}, {after}")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
