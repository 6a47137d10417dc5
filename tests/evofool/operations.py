"""Processes that die in the middle of their work on files, without a process of their own."""

import os
import threading

import pytest


class DeadError(BaseException):
    """Stands for a process that is killed: no clean-up catches it, and all of it fails."""


class Operations:
    """Counts the operations that finish files, and from one of them on fails.

    Those of Orbax, in threads of its own, are left out: tests/fuzz kills whole processes.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, last: float):
        self.count, self.last = 0, last
        for name in ("replace", "rename", "unlink", "remove"):
            monkeypatch.setattr(os, name, self._counting(getattr(os, name)))

    def _counting(self, operation):
        def counting(*arguments, **options):
            if threading.current_thread() is threading.main_thread():
                self.count += 1
                if self.count > self.last:
                    raise DeadError
            return operation(*arguments, **options)

        return counting
