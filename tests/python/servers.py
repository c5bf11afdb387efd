"""Servers on loopback that answer as they are told, faults included."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from typing_extensions import Self

PATIENCE = 10.0
"""Seconds after which waiting for anything fails the test."""


def response(status: str, body: bytes = b"", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


ACCEPTED = response("202 Accepted")


class RawServer:
    """Gives every request the same answer, once `gate` is open; with `None` it closes the connection instead."""

    def __init__(self, answer: bytes | None = ACCEPTED, *, open_gate: bool = True) -> None:
        self.answer = answer
        self.requests: list[bytes] = []
        self.connections = 0
        self.gate = threading.Event()
        if open_gate:
            self.gate.set()
        owner = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                owner.connections += 1
                while request := read_request(self.request):
                    owner.requests.append(request)
                    if not owner.gate.wait(PATIENCE):
                        return
                    answer = owner.answer_to(request)
                    if answer is None:
                        return
                    self.request.sendall(answer)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            request_queue_size = 512

            def handle_error(self, request: object, client_address: object) -> None:
                pass  # clients go when they like

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer_to(self, request: bytes) -> bytes | None:
        return self.answer

    def wait_for(self, count: int) -> None:
        """Waits until so many requests have come."""
        end = time.monotonic() + PATIENCE
        while len(self.requests) < count:
            assert time.monotonic() < end, f"{len(self.requests)} requests came, not {count}"
            time.sleep(0.002)

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()


class ScriptedServer(RawServer):
    """Answers the first request with the first answer, and so on; `None` closes the connection instead."""

    def __init__(self, answers: list[bytes | None]) -> None:
        super().__init__()
        self.answers = list(answers)

    def answer_to(self, request: bytes) -> bytes | None:
        return self.answers.pop(0)


class LossyProxy(RawServer):
    """Hands every request on, and loses the first answer."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.address = "127.0.0.1", urlsplit(url).port or 80

    def answer_to(self, request: bytes) -> bytes | None:
        with socket.create_connection(self.address, PATIENCE) as onward:
            onward.sendall(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
            answer = b"".join(iter(lambda: onward.recv(65536), b""))
        return None if len(self.requests) == 1 else answer


def read_request(connection: socket.socket) -> bytes:
    """One whole request, or nothing when the client has gone."""
    data = b""
    try:
        while b"\r\n\r\n" not in data:
            some = connection.recv(65536)
            if not some:
                return b""
            data += some
        head, body = data.split(b"\r\n\r\n", 1)
        lines = head.lower().split(b"\r\n")
        length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
        while len(body) < length:
            body += connection.recv(65536)
    except OSError:
        return b""
    return head + b"\r\n\r\n" + body


def refused_url() -> tuple[socket.socket, str]:
    """An address nobody listens on as long as the socket is kept."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    return held, f"http://127.0.0.1:{held.getsockname()[1]}"
