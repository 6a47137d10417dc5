"""A service on this machine that answers as the mock classifier, unless it is told to misbehave."""

import base64
import contextlib
import http.server
import io
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from evofool import load_classifier

MOCK = "mock:6:8x8x1"
LABELS = [f"class {index}" for index in range(6)]


def scores_of(levels: np.ndarray) -> np.ndarray:
    """Softmax probabilities `[images, 6]` of the mock classifier."""
    classifier = load_classifier(MOCK)
    outputs = np.asarray(classifier.apply(classifier.params, levels.astype(np.float32) / 255))
    weights = np.exp((outputs - outputs.max(axis=1, keepdims=True)).astype(np.float64))
    return weights / weights.sum(axis=1, keepdims=True)


class Service:
    """What the server does and has seen.

    Attributes:
        faults: what it does to the next requests, one after the other; "" for nothing.
        top: number of classes that a reply lists; None for all.
        requests: number of images in each request, also of those that it spoilt.
        connections: number of connections that were opened.
    """

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.top: int | None = None
        self.requests: list[int] = []
        self.connections = 0
        self.address = ""

    def answer(self, content: bytes) -> list[Any]:
        images = [
            np.asarray(Image.open(io.BytesIO(base64.b64decode(image))))[..., None]
            for image in json.loads(content)["images"]
        ]
        self.requests.append(len(images))
        replies = []
        for image in images:  # each by itself, so that no bit depends on the others
            (scores,) = scores_of(image[None])
            order = np.argsort(-scores)[: self.top]
            replies.append([{"label": LABELS[i], "score": float(scores[i])} for i in order])
        return replies


def spoilt(fault: str, replies: list[Any]) -> bytes:
    if fault == "nan":
        replies[0][0]["score"] = float("nan")
    elif fault == "few":
        replies.pop()
    elif fault == "sum":
        replies[0][0]["score"] = 3.0
    elif fault == "html":
        return b"<html>all is well</html>"
    return json.dumps({"predictions": replies}).encode()


@contextlib.contextmanager
def serving() -> Iterator[Service]:
    service = Service()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self):
            service.connections += 1
            super().setup()

        def do_POST(self):
            content = self.rfile.read(int(self.headers["Content-Length"]))
            fault = service.faults.pop(0) if service.faults else ""
            body = spoilt(fault, service.answer(content))
            if fault == "reset":
                self._reset()
                return
            if fault == "slow":
                time.sleep(0.6)
            status = int(fault) if fault.isdigit() else 200
            self.send_response(status)
            if status == 429:
                self.send_header("Retry-After", "7")
            if fault != "unsized":
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:-9] if fault in ("cut", "unsized") else body)
            self.close_connection = fault in ("cut", "unsized")

        def _reset(self):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True

        def finish(self):
            with contextlib.suppress(OSError, ValueError):
                super().finish()

        def log_message(self, *arguments):
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request, client_address):
            pass

    with Server(("127.0.0.1", 0), Handler) as running:
        service.address = f"http://127.0.0.1:{running.server_port}/predict"
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield service
        finally:
            running.shutdown()
            thread.join()
