"""Loads a server with many visitors at once, and says how fast it answers.

    evofool serve runs/cppn-0 &
    python scripts/load_test.py http://127.0.0.1:8321 --clients 50 --seconds 30

Each client, on a connection of its own, asks again and again: most often for a page, a script or an
image of the quiz, one time in ten for the classifier's opinion of a drawing. Prints requests per
second, the median and the 99th percentile of the time to the answer, and how many failed; exits
with 1 if any did. Takes as long as `--seconds` says. Needs the extra `[dev]` (httpx2).
"""

import argparse
import asyncio
import io
import random
import sys
import time

import httpx2 as httpx
import numpy as np
from PIL import Image

PAGES = ("/draw", "/web/draw.js", "/web/web.css", "/assets/style.css", "/api/about")


def drawing() -> bytes:
    """Returns a drawing as the pad sends it: a bright stroke on black."""
    levels = np.zeros((280, 280), np.uint8)
    levels[60:220, 120:150] = 255
    content = io.BytesIO()
    Image.fromarray(levels).save(content, "PNG")
    return content.getvalue()


async def visit(
    base: str, seconds: float, everybody: asyncio.Barrier, dice: random.Random, drawn: bytes
) -> list[tuple]:
    """Asks until the time is over; returns (kind, seconds, whether it was answered)."""
    taken = []
    async with httpx.AsyncClient(base_url=base, timeout=120, headers={"Origin": base}) as client:
        begun = await client.post("/api/quiz")
        quiz = begun.json()["id"] if begun.status_code == 200 else None  # a server without a run
        await everybody.wait()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            start = time.monotonic()
            if dice.random() < 0.1:
                kind, answer = "drawing", await client.post("/api/draw/drawing", content=drawn)
            elif quiz is not None and dice.random() < 0.3:
                kind, answer = "image", await client.get(f"/api/quiz/{quiz}/0.png")
            else:
                kind, answer = "page", await client.get(dice.choice(PAGES))
            taken.append((kind, time.monotonic() - start, answer.status_code == 200))
    return taken


async def load(base: str, clients: int, seconds: float) -> list[tuple]:
    """Lets all clients visit at once."""
    everybody, drawn = asyncio.Barrier(clients), drawing()
    visits = [
        visit(base, seconds, everybody, random.Random(number), drawn) for number in range(clients)
    ]
    return [one for some in await asyncio.gather(*visits) for one in some]


def main() -> int:
    """Parses the flags, loads the server and prints the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("base")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=30)
    flags = parser.parse_args()
    taken = asyncio.run(load(flags.base.rstrip("/"), flags.clients, flags.seconds))
    for kind in ("page", "image", "drawing"):
        times = np.array([seconds for name, seconds, _ in taken if name == kind]) * 1000
        if not len(times):
            continue
        print(
            f"{kind:8} {len(times) / flags.seconds:8.1f} per second, median "
            f"{np.median(times):.0f} ms, 99 % within {np.percentile(times, 99):.0f} ms"
        )
    failed = sum(not is_good for *_, is_good in taken)
    print(f"{len(taken)} requests of {flags.clients} clients, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
