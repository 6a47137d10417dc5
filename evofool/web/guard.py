"""What every request has to pass: host, origin, token, size; and what every answer carries.

A page of another site can send requests to a server on one's own machine and, by a name that it
makes resolve to 127.0.0.1 (DNS rebinding), read the answers. So a request must name a host that
this server goes by; one that changes something must come from a page of this server; and where
others than this machine can reach it, it must bring the token that was printed at the start.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, quote, unquote, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from evofool.support import UserError

HTTP_PORT = 80
COOKIE = "evofool-token"
MOST_BYTES = 20 * 2**20  # of an image that is sent
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_SAFE = ("GET", "HEAD")


@dataclass(frozen=True)
class Door:
    """Who may come in.

    Attributes:
        hosts: values of the header `Host` that this server goes by, with the port unless it is
            80; lower case.
        token: that a visitor must bring; None on the loopback address, where nobody else comes.
    """

    hosts: tuple[str, ...]
    token: str | None

    @property
    def origins(self) -> tuple[str, ...]:
        """Where requests that change something may come from."""
        return tuple(f"http://{host}" for host in self.hosts)


class Guard:
    """Lets requests through to an application, or refuses them.

    Args:
        app: the application.
        door: who may come in.
    """

    def __init__(self, app: ASGIApp, door: Door):
        self._app, self._door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # no websockets
        guarded = _with_headers(send)
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, guarded)
            return
        await self._app(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        headers, method = Headers(scope=scope), scope["method"]
        host, origin = headers.get("host", "").lower(), headers.get("origin")
        if host not in self._door.hosts:
            return _refuse(421, "this server does not go by the name of the host")
        if origin is not None and origin not in self._door.origins:
            return _refuse(403, "the request comes from another site")
        if method not in _SAFE and origin is None:
            return _refuse(403, "the request does not say which site it comes from")
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length) > MOST_BYTES:
            return _refuse(413, f"more than {MOST_BYTES // 2**20} MB")
        return self._token_missing(scope, headers)

    def _token_missing(self, scope: Scope, headers: Headers) -> Response | None:
        """Asks for the token; one in the address becomes a cookie, and leaves the address."""
        token = self._door.token
        if token is None or _is_same(unquote(_cookie(headers)), token):
            return None
        query = parse_qs(scope["query_string"].decode("latin-1"))
        given = query.pop("token", [""])[0]
        if not _is_same(given, token):
            return _refuse(401, "open the address that evofool serve has printed, with its token")
        rest = urlencode(query, doseq=True)
        answer = RedirectResponse(scope["path"] + (f"?{rest}" if rest else ""), status_code=303)
        answer.set_cookie(COOKIE, quote(token, safe=""), httponly=True, samesite="strict")
        return answer


async def body_of(request: Request, most: int = MOST_BYTES) -> bytes:
    """Reads what a request brings, and stops where it is too much, whatever it said of itself.

    Raises:
        UserError: it is more than `most` bytes.
    """
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > most:
            raise UserError(f"that is more than {most:,} bytes")
    return bytes(content)


def hosts_of(names: Sequence[str], port: int) -> tuple[str, ...]:
    """Returns the values of the header `Host` for names or addresses of a server."""
    shown = [f"[{name}]" if ":" in name else name for name in names]
    suffix = "" if port == HTTP_PORT else f":{port}"  # browsers leave the usual one out
    return tuple(f"{name.lower()}{suffix}" for name in shown)


def _refuse(status: int, reason: str) -> Response:
    return PlainTextResponse(f"refused: {reason}\n", status_code=status)


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value


def _is_same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode(), token.encode())


def _with_headers(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return guarded
