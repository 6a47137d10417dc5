"""A server on one's own machine: the socket, who may come in, and the thread that it runs in."""

import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlencode

from evofool.support import Foreign, UserError
from evofool.web.app import Services, make_app
from evofool.web.guard import Door, hosts_of

LOOPBACK = ("127.0.0.1", "localhost", "::1")
PORT = 8321
START_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a server listens.

    Attributes:
        host: name or address.
        port: 0 for any that is free.
        token: that visitors must bring, where `host` is not of the loopback network; one is drawn
            unless given.
    """

    host: str = "127.0.0.1"
    port: int = PORT
    token: str | None = None

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


@contextmanager
def served(services: Services, address: Address) -> Iterator[str]:
    """Serves pages while the body runs, in a thread of its own.

    Args:
        services: what there is to show.
        address: where to listen.

    Yields:
        The address to open, with the token if one is needed.

    Raises:
        UserError: the port is taken, the host is none of this machine, or the extra `[web]` is not
            installed.
    """
    import uvicorn

    listening = _listen(address)
    port = listening.getsockname()[1]
    token = None if address.is_loopback else address.token or secrets.token_urlsafe(16)
    names = (address.host, *LOOPBACK) if address.is_loopback else _names_of(address.host)
    app = make_app(services, Door(hosts_of(names, port), token))
    # uvicorn's own log_config would close the handlers, and with them streams, of the program
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="critical",
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    sockets: Foreign = [listening]
    thread = threading.Thread(target=server.run, args=(sockets,), daemon=True, name="evofool-web")
    thread.start()
    host = names[0] if address.host in ("0.0.0.0", "::") else address.host
    shown = hosts_of([host], port)[0]
    try:
        yield f"http://{shown}/" + (f"?{urlencode({'token': token})}" if token else "")
    finally:
        if services.live is not None:
            services.live.events.close()
        server.should_exit = True
        thread.join(START_SECONDS)
        listening.close()


def _listen(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((address.host, address.port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise UserError(
            f"cannot listen on {address.host}, port {address.port}: {error.strerror or error}; "
            "choose another with --port or --host"
        ) from error
    return listening


def _names_of(host: str) -> tuple[str, ...]:
    """Returns the names that a server goes by; of one that listens everywhere, all addresses."""
    if host not in ("0.0.0.0", "::"):
        return (host,)
    name = socket.gethostname()
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(name, None)}
    except OSError:
        found = set()
    others = sorted(found - set(LOOPBACK))
    return (*others, name, *LOOPBACK)
