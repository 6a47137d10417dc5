"""Asks a program: a line of JSON to its standard input, a line of JSON from its standard output."""

import json
import shlex
import subprocess
import threading
from collections.abc import Sequence

from evofool.classifiers.services.asking import ServiceError
from evofool.classifiers.services.http import MOST_BYTES, parsed, request_of
from evofool.images import Levels
from evofool.support import JsonValue, UserError


class ProgramClient:
    """Keeps a program running, and starts it again when it ended.

    Args:
        command: program and arguments, as a shell splits them; no shell runs.
        timeout: seconds to wait for an answer.

    Raises:
        UserError: there is no command.
    """

    def __init__(self, command: str, *, timeout: float):
        try:
            self._words = shlex.split(command)
        except ValueError as error:
            raise UserError(f"cmd:{command}: {error}") from error
        if not self._words:
            raise UserError("cmd: names no program; expected cmd:PROGRAM, for instance cmd:./score")
        self._timeout = timeout
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, images: Sequence[Levels]) -> JsonValue:
        """Returns the answer to a request; see `asking.Client`."""
        process = self._process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        watch = threading.Timer(self._timeout, process.kill)
        watch.start()
        try:
            process.stdin.write(json.dumps(request_of(images)).encode() + b"\n")
            process.stdin.flush()
            line = process.stdout.readline(MOST_BYTES)
        except OSError as error:
            raise ServiceError(f"{self._words[0]} ended: {error}") from error
        finally:
            watch.cancel()
        if not line.endswith(b"\n"):
            raise ServiceError(
                f"{self._words[0]} ended, or did not answer within {self._timeout:g} s"
            )
        return parsed(line)

    def close(self) -> None:
        """Ends the program; the next request starts it again."""
        process = getattr(self, "_process", None)
        if process is None:  # it has not begun, or the command was refused
            return
        process.kill()
        process.communicate()
        self._process = None

    __del__ = close

    def _start(self) -> "subprocess.Popen[bytes]":
        try:
            return subprocess.Popen(
                self._words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=-1
            )
        except OSError as error:
            reason = error.strerror or error
            raise UserError(f"cannot start {self._words[0]}: {reason}") from error
