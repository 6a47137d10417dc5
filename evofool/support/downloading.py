"""Downloads: several addresses are tried, the checksum decides, a broken one leaves nothing."""

import hashlib
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from evofool.support.errors import UserError
from evofool.support.files import replacing

TIMEOUT_SECONDS = 30  # without a byte from the server
CHUNK_BYTES = 1 << 16
MOST_BYTES = 4 * 2**30  # an answer that goes on for ever would fill the disk
SECONDS_BETWEEN_LINES = 5.0


def download(
    addresses: Sequence[str], path: Path, *, sha256: str, report: Callable[[str], None] = print
) -> None:
    """Downloads a file from the first address that serves it with the expected checksum.

    The file gets its name only when it is complete and its checksum is right, so a broken
    download leaves nothing behind.

    Args:
        addresses: tried in order.
        path: where to put the file; its folder is created.
        sha256: of the file, hexadecimal; or its first digits, where no more are published.
        report: called with a line of text: the address being tried and, every few seconds, the
            megabytes received.

    Raises:
        UserError: no address gave the file (no network, not found, cut short, other contents),
            or there is no room on the disk.
    """
    failures = []
    for address in addresses:
        report(f"fetching {address}")
        try:
            _download(address, path, sha256, report)
            return
        except _FetchError as error:
            failures.append(f"{address}: {error}")
    raise UserError(f"cannot fetch {path.name}: {'; '.join(failures)}")


class _FetchError(Exception):
    """Why an address did not serve the expected file."""


def _download(address: str, path: Path, sha256: str, report: Callable[[str], None]) -> None:
    digest = hashlib.sha256()
    with replacing(path) as temporary, temporary.open("wb") as file:
        for chunk in _reporting(_stream(address), report):
            file.write(chunk)
            digest.update(chunk)
        if not digest.hexdigest().startswith(sha256):
            raise _FetchError(f"sha256 is {digest.hexdigest()}, expected {sha256}: another file")


def _reporting(chunks: Iterator[bytes], report: Callable[[str], None]) -> Iterator[bytes]:
    """Yields the chunks and reports every few seconds how many megabytes were received."""
    received, reported = 0, time.monotonic()
    for chunk in chunks:
        yield chunk
        received += len(chunk)
        if time.monotonic() - reported >= SECONDS_BETWEEN_LINES:
            report(f"{received / 1e6:,.1f} MB received")
            reported = time.monotonic()


def _stream(address: str) -> Iterator[bytes]:
    """Yields the body of an answer; turns every failure of the network into a `_FetchError`.

    Network failures are `OSError`s, which the caller must not confuse with those of the disk.
    """
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT_SECONDS) as response:
            expected, received = response.headers.get("Content-Length"), 0
            while chunk := response.read(CHUNK_BYTES):
                received += len(chunk)
                if received > MOST_BYTES:
                    raise _FetchError(f"the file does not end after {received:,} bytes")
                yield chunk
            if expected is not None and received != int(expected):
                raise _FetchError(f"the connection broke after {received} of {expected} bytes")
    except urllib.error.HTTPError as error:
        error.close()  # it is the response, too
        raise _FetchError(f"the server answered {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise _FetchError(f"no connection ({error.reason})") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _FetchError(f"the connection failed ({error})") from error
