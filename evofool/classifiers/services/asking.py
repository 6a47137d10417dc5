"""Asks a service: once for each image, within a budget and a rate, again after failures."""

import random
import time
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Protocol, runtime_checkable

from evofool.classifiers.blaming import ClassifierError
from evofool.classifiers.services.options import ServiceOptions
from evofool.classifiers.services.replies import (
    BadReplyError,
    Replies,
    Scores,
    hash_of,
    replies_of,
)
from evofool.images import Levels
from evofool.support import JsonValue, StoppedEarlyError

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 60.0  # seconds before a request is sent again


class QueryBudgetError(ClassifierError, StoppedEarlyError):
    """No more images may be sent: the budget of queries is used up."""


class ServiceError(Exception):
    """A request failed in a way that may pass.

    Args:
        reason: why.
        pause: seconds to wait, where the service says so.
    """

    def __init__(self, reason: str, pause: float | None = None):
        super().__init__(reason)
        self.pause = pause


@runtime_checkable
class Client(Protocol):
    """Sends one request."""

    def ask(self, images: Sequence[Levels]) -> JsonValue:
        """Returns the answer to a request.

        Raises:
            ServiceError: it failed, and may succeed when it is sent again.
            ClassifierError: it will fail again.
        """

    def close(self) -> None:
        """Lets go of the connection."""


class Asker:
    """Asks about images, none of them twice; from any thread.

    Args:
        client: sends requests.
        address: of the service, for messages.
        options: of the service.
        replies: that it has given already; they count in the budget.
        sleep: waits for seconds.
    """

    def __init__(
        self,
        client: Client,
        address: str,
        options: ServiceOptions,
        replies: Replies,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ):
        self._client = client
        self._address = address
        self._options = options
        self._replies = replies
        self._sleep = sleep
        self._lock = Lock()
        self._failed = 0  # images that were sent in vain
        self._free_at = 0.0  # when the rate allows the next request

    @property
    def used(self) -> int:
        """Images that were sent: those that are known, and those sent in vain by this process."""
        return len(self._replies) + self._failed

    def ask(self, images: Sequence[Levels]) -> list[Scores]:
        """Returns the reply for every image.

        Raises:
            QueryBudgetError: the budget does not allow to send those that are new.
            ClassifierError: the service went on failing.
        """
        keys = [hash_of(image) for image in images]
        with self._lock:  # a client takes the next answer for that to its request
            new = {
                key: image
                for key, image in zip(keys, images, strict=True)
                if self._replies.get(key) is None
            }
            fresh = list(new)
            for start in range(0, len(fresh), self._options.batch):
                part = fresh[start : start + self._options.batch]
                self._replies.add(part, self._request([new[key] for key in part]))
        found = [self._replies.get(key) for key in keys]
        return [scores for scores in found if scores is not None]

    def _request(self, images: Sequence[Levels]) -> list[Scores]:
        reason, pause = "", FIRST_PAUSE
        for attempt in range(self._options.retries + 1):
            self._check_budget(len(images))
            self._wait_for_rate(len(images))
            try:
                return replies_of(self._client.ask(images), len(images))
            except (ServiceError, BadReplyError) as error:
                self._client.close()
                self._failed += len(images)
                reason = str(error)
                asked_for = error.pause if isinstance(error, ServiceError) else None
            if attempt < self._options.retries:
                # services that many clients ask at once should not be asked at once again
                self._sleep(min(asked_for or pause * random.uniform(0.5, 1.0), LONGEST_PAUSE))
                pause = min(2 * pause, LONGEST_PAUSE)
        tries = self._options.retries + 1
        kept = f"; its replies so far are kept in {self._replies.path}" if self._replies else ""
        raise ClassifierError(
            f"{self._address} failed {tries} times, the last time: {reason}{kept}"
        )

    def _check_budget(self, count: int) -> None:
        queries = self._options.queries
        if queries is not None and self.used + count > queries:
            raise QueryBudgetError(
                f"the budget of {queries:,} queries to {self._address} is used up: {self.used:,} "
                f"images were sent, {count:,} more are wanted; raise it with --queries N or "
                "#queries=N, replies are kept"
            )

    def _wait_for_rate(self, count: int) -> None:
        if self._options.rate is None:
            return
        now = time.monotonic()
        if now < self._free_at:
            self._sleep(self._free_at - now)
        self._free_at = max(now, self._free_at) + count / self._options.rate
