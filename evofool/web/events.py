"""Server-sent events: what happens, told to every window that listens.

Events come from whichever thread makes them; each window has a queue of its own. One that does not
keep up is cut off; the browser connects again by itself, and begins with the state as it is then.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from threading import Lock

MOST_WAITING = 64  # events that a window may be behind
HEARTBEAT = 15.0  # seconds: so that a connection that is gone is noticed

_Queue = asyncio.Queue[str | None]  # None: cut off, or the end


class Events:
    """Tells windows of events.

    Args:
        snapshot: returns the state that a new window begins with.

    Attributes:
        had_windows: whether a window has ever listened.
    """

    def __init__(self, snapshot: Callable[[], dict[str, object]]):
        self._snapshot = snapshot
        self._lock = Lock()
        self._windows: dict[_Queue, asyncio.AbstractEventLoop] = {}
        self.had_windows = False

    @property
    def has_windows(self) -> bool:
        """Whether a window listens."""
        return bool(self._windows)

    def send(self, event: dict[str, object]) -> None:
        """Tells all windows of an event; from any thread."""
        with self._lock:
            windows = list(self._windows.items())
            text = f"data: {json.dumps(event)}\n\n" if windows else ""
            for queue, loop in windows:
                if not loop.is_closed():
                    loop.call_soon_threadsafe(self._put, queue, text)

    def close(self) -> None:
        """Lets all windows go."""
        with self._lock:
            for queue, loop in self._windows.items():
                if not loop.is_closed():
                    loop.call_soon_threadsafe(self._cut_off, queue)

    async def listen(self) -> AsyncIterator[str]:
        """Yields the state, then events as they come, as text of an event stream."""
        queue: _Queue = asyncio.Queue()
        with self._lock:  # no event is lost between the state and the first of the queue
            state = self._snapshot()
            self._windows[queue] = asyncio.get_running_loop()
            self.had_windows = True
        try:
            yield f"event: state\ndata: {json.dumps(state)}\n\n"
            while True:
                try:
                    text = await asyncio.wait_for(queue.get(), HEARTBEAT)
                except TimeoutError:
                    text = ": still there\n\n"
                if text is None:
                    return
                yield text
        finally:
            with self._lock:
                self._windows.pop(queue, None)

    def _put(self, queue: _Queue, text: str) -> None:
        if queue.qsize() >= MOST_WAITING:
            self._cut_off(queue)
        else:
            queue.put_nowait(text)

    def _cut_off(self, queue: _Queue) -> None:
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)
