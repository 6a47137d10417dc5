"""A run that is watched: over HTTP, from evolution to the window."""

import json
import queue
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import httpx2 as httpx
import numpy as np
import pytest

import evofool
from evofool import Address, Run
from evofool.evolution import Quiet, Wish
from evofool.web.events import MOST_WAITING, Events
from evofool.web.live import Live, Seen

PATIENCE = 120  # seconds: compiling


class Window(threading.Thread):
    """A client that listens; `events` are those that came."""

    def __init__(self, base: str):
        super().__init__(daemon=True)
        self.client = httpx.Client(
            base_url=base, timeout=PATIENCE, headers={"Origin": base.rstrip("/")}
        )
        self.events: queue.Queue[dict] = queue.Queue()
        self.start()

    def run(self) -> None:
        with self.client.stream("GET", "/api/live/events") as stream:
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    event = json.loads(line[6:])
                    self.events.put(event)
                    if event.get("phase") == "finished":
                        return

    def close(self) -> None:
        """Waits for the end of the run, and lets go of the connections."""
        self.join(PATIENCE)
        self.client.close()

    def wait_for(self, phase: str) -> dict:
        while (event := self.events.get(timeout=PATIENCE)).get("phase") != phase:
            pass
        return event

    def ask(self, wish: str) -> None:
        assert self.client.post(f"/api/live/{wish}").status_code == 200


@pytest.mark.slow
def test_a_window_pauses_a_run_and_stops_it_and_lets_it_go_on(tmp_path: Path):
    seen = {}

    pressing: list[threading.Thread] = []

    def watch(base: str) -> None:
        pressing.append(threading.Thread(target=press, args=(Window(base),), daemon=True))
        pressing[0].start()

    def press(window: Window) -> None:
        window.wait_for("evolving")
        window.ask("pause")
        generation = window.wait_for("paused")["generation"]
        time.sleep(0.3)
        window.ask("go-on")
        seen["after"] = window.wait_for("evolving")["generation"] - generation
        window.ask("stop")
        window.wait_for("stopped")
        late = Window(str(window.client.base_url))  # a second window, or a reload
        state = late.events.get(timeout=PATIENCE)
        seen["state"] = state
        images = "/api/live/images?in_view=0,1&cells="
        seen["images"] = window.client.get(f"{images}0,1").content
        seen["codes"] = [window.client.get(images + no).status_code for no in ("99", "-1", "x,1")]
        window.ask("go-on")
        window.wait_for("finished")
        late.close()
        window.close()

    def evolve(reporter):
        return evofool.evolve(
            "mock:5:8x8x1",
            generations=1200,
            batch_size=20,
            checkpoint_every=600,
            out=tmp_path / "run",
            reporter=reporter,
        )

    run = evofool.evolve_live(evolve, quiet=True, address=Address(port=0), on_ready=watch)
    pressing[0].join(PATIENCE)
    assert run.finished["generations"] == 1200
    state = seen["state"]
    assert state["phase"] == "stopped"
    assert [one["name"] for one in state["classes"]] == [f"class {i}" for i in range(5)]
    assert len(state["elites"]) == 5
    assert state["curve"][-1][0] == state["generation"] < 1200
    assert state["shape"] == [8, 8, 1]
    assert len(seen["images"]) == 2 * 64
    assert seen["codes"] == [404, 400, 400]
    alone = evofool.evolve(
        "mock:5:8x8x1", generations=1200, batch_size=20, out=tmp_path / "alone", quiet=True
    )
    assert run.finished["archive_sha256"] == alone.finished["archive_sha256"]


@pytest.mark.slow
def test_only_elites_that_changed_are_told_of_and_drawn_where_they_are_in_view(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("evofool.web.live.ATTENTION", PATIENCE)
    live = Live(Quiet())
    live.images([], in_view=[1, 3])
    told = []
    live.events.send = told.append  # type: ignore[method-assign]
    run = evofool.evolve(
        "mock:5:8x8x1", generations=40, batch_size=20, out=tmp_path / "run", reporter=live
    )
    first = next(event for event in told if event.get("elites"))
    assert len(first["elites"]) == 5
    newest = {
        cell: (generation, child)
        for e in told
        for cell, generation, child, _ in e.get("elites", [])
    }
    assert newest == {elite.cell: elite.born for elite in run.elites()}
    drawn = [live._seen[cell].levels for cell in range(5)]
    assert [levels is not None for levels in drawn] == [False, True, False, True, False]
    assert live.images([3, 0], []) == b"".join(run.elite(i).image().tobytes() for i in (3, 0))
    shown = [(cell, born) for e in told for cell, *born, _ in e.get("elites", [])]
    assert len(shown) == len({(cell, *born) for cell, born in shown})


def test_an_elite_that_is_replaced_while_it_is_drawn_leaves_no_gap():
    live, genome = Live(Quiet()), np.zeros(1)
    live._seen = {cell: Seen((0, cell), 1.0, genome) for cell in (3, 5)}

    def draw(genomes: Sequence[np.ndarray]) -> list[np.ndarray]:
        live._seen[3] = Seen((1, 3), 2.0, genome)
        return [np.full((2, 2, 1), place, np.uint8) for place in range(len(genomes))]

    live._thumbnails = draw  # type: ignore[assignment]
    assert live.images([3, 5], []) == bytes([0] * 4 + [1] * 4)
    assert live._seen[3].levels is None


@pytest.mark.slow
def test_a_population_is_shown_by_its_best(tmp_path: Path):
    live = Live(Quiet())
    run = evofool.evolve(
        "mock:5:8x8x1",
        algorithm="single-class",
        population=4,
        batch_size=20,
        generations=6,
        out=tmp_path / "run",
        reporter=live,
    )
    shown = {cell: odds for cell, _, _, odds in live.state()["elites"]}
    assert shown == {e.cell: pytest.approx(e.fitness) for e in run.elites()}


@pytest.mark.slow
def test_a_pause_that_never_ends_is_ended_by_stopping(tmp_path: Path):
    live = Live(Quiet())
    live.ask_for(Wish.PAUSE)
    threading.Timer(0.5, live.ask_for, [Wish.STOP]).start()
    run = evofool.evolve(
        "mock:5:8x8x1", generations=1200, batch_size=20, out=tmp_path / "run", reporter=live
    )
    assert run.finished["stopped_by"] == "interrupted"
    assert evofool.resume(run.folder, generations=1200).generation == 1200


def test_a_window_that_does_not_keep_up_is_cut_off():
    import asyncio

    events = Events(lambda: {"number": 0})

    async def listen() -> list[str]:
        heard, stream = [], events.listen()
        heard.append(await anext(stream))
        for number in range(MOST_WAITING + 5):
            events.send({"number": number})
        await asyncio.sleep(0.05)
        heard += [text async for text in stream]
        return heard

    heard = asyncio.run(listen())
    assert heard[0].startswith("event: state")
    assert len(heard) < MOST_WAITING
    assert not events.has_windows


def test_a_port_that_is_taken_is_refused(cppn_run: Run):
    def evolve(reporter):
        raise AssertionError("evolution must not begin")

    def again(base: str) -> None:
        port = int(base.rstrip("/").rpartition(":")[2])
        with pytest.raises(evofool.UserError, match="choose another with --port"):
            evofool.evolve_live(evolve, quiet=True, address=Address(port=port))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evofool.evolve_live(evolve, quiet=True, address=Address(port=0), on_ready=again)
