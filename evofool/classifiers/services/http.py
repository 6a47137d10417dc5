"""Asks over HTTP: JSON in a POST, on one connection that stays open."""

import base64
import http.client
import json
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from evofool.classifiers.blaming import ClassifierError
from evofool.classifiers.services.asking import ServiceError
from evofool.images import Levels, as_png, to_image
from evofool.support import JsonValue, UserError

MOST_BYTES = 64 * 2**20  # of an answer
_WHOLE = re.compile("[0-9]{1,15}")
TOO_MANY, SERVER_FAILED, REQUEST_TIMEOUT = 429, 500, 408


class HttpClient:
    """Sends requests to an address.

    Args:
        address: `http://HOST[:PORT]/PATH`, or https.
        timeout: seconds to wait for the connection, and for every part of an answer.

    Raises:
        UserError: the address has no host.
    """

    def __init__(self, address: str, *, timeout: float):
        parts = urlsplit(address)
        try:
            port = parts.port
        except ValueError as error:
            raise UserError(f"{address}: {error}") from error
        if not parts.hostname:
            raise UserError(f"{address} names no host; expected http://HOST:PORT/PATH")
        self._address = address
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self._connection = kind(parts.hostname, port, timeout=timeout)

    def ask(self, images: Sequence[Levels]) -> JsonValue:
        """Returns the answer to a request; see `asking.Client`."""
        body = json.dumps(request_of(images)).encode()
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        try:
            # opens a connection, with TCP_NODELAY, unless there is one
            self._connection.request("POST", self._path, body, headers)
            response = self._connection.getresponse()
            content = response.read(MOST_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            raise ServiceError(f"{type(error).__name__}: {error}") from error
        promised = response.getheader("Content-Length") or ""  # or whatever a service sends
        if _WHOLE.fullmatch(promised) and len(content) < min(int(promised), MOST_BYTES):
            raise ServiceError("the connection was cut before the end of the answer")
        if len(content) > MOST_BYTES:
            raise ServiceError(f"the answer has more than {MOST_BYTES:,} bytes")
        self._check_status(response, content)
        return parsed(content)

    def close(self) -> None:
        """Closes the connection; the next request opens another."""
        if hasattr(self, "_connection"):  # not where the address was refused
            self._connection.close()

    __del__ = close

    def _check_status(self, response: http.client.HTTPResponse, content: bytes) -> None:
        if response.status == http.client.OK:
            return
        said = content[:200].decode("utf-8", "replace").strip()
        reason = f"HTTP status {response.status} {response.reason}: {said}"
        if response.status in (TOO_MANY, REQUEST_TIMEOUT) or response.status >= SERVER_FAILED:
            raise ServiceError(reason, _pause(response.getheader("Retry-After")))
        raise ClassifierError(f"{self._address} refuses the request: {reason}")


def request_of(images: Sequence[Levels]) -> JsonValue:
    """Makes the request about images."""
    return {"images": [base64.b64encode(as_png(to_image(image))).decode() for image in images]}


def parsed(content: bytes) -> JsonValue:
    """Parses an answer.

    Raises:
        ServiceError: it is no JSON, or only the beginning of it.
    """
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ServiceError(f"the answer is no JSON: {content[:100]!r}") from error


def _pause(header: str | None) -> float | None:
    """Returns the seconds of a Retry-After header; None for a date, or none."""
    return float(header) if header is not None and header.isascii() and header.isdigit() else None
