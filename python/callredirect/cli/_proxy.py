"""A proxy before one bot: hands every request on unchanged, and tells what it was and how it was answered."""

from __future__ import annotations

import http.client
import socket
import socketserver
import sys
import time
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

_HOP_BY_HOP = {
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade",
}  # fmt: skip
"""What belongs to one connection. Of a body that came in chunks, only the chunks are gone on the other side."""
_IDLE = 60.0
_LONGEST_LINE = 1024
_QUEUE = 512


class Exchange(NamedTuple):
    """A request and its answer."""

    received_at: float
    """Seconds since 1970."""
    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes
    status: int | None
    """``None`` when the bot gave no answer."""
    problem: str | None
    elapsed: float


class Refused(Exception):
    """A request that is not handed on."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Proxy(socketserver.ThreadingTCPServer):
    """Listens at an address; one thread for each connection.

    Args:
        address: Host and port to listen at; port 0 is a free one.
        bot: The bot's address. A path of its own goes before that of each request.
        most_bytes: The longest body that is taken.
        timeout: How long the bot may take, in seconds.
        seen: Called with each exchange, in the connection's thread.
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = _QUEUE

    def __init__(
        self,
        address: tuple[str, int],
        bot: str,
        most_bytes: int,
        timeout: float,
        seen: Callable[[Exchange], None],
    ) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self.bot = urlsplit(bot)
        self.most_bytes = most_bytes
        self.patience = timeout
        self.seen = seen
        super().__init__(address, _Connection)

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = str(self.server_address[0]), self.server_address[1]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes in the middle is no news."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE
    server: Proxy  # pyright: ignore[reportIncompatibleVariableOverride]

    def _hand_on(self) -> None:
        began = time.time()
        try:
            body = self._body()
        except Refused as refused:
            self.close_connection = True
            self._answer(refused.status, [("Content-Type", "text/plain")], f"{refused}\n".encode())
            return
        start = time.monotonic()
        status, problem = None, None
        headers: list[tuple[str, str]] = []
        answer = b""
        try:
            status, headers, answer = self._ask(body)
        except (OSError, http.client.HTTPException) as error:
            problem = getattr(error, "strerror", None) or str(error) or type(error).__name__
        elapsed = time.monotonic() - start
        # Told before it is answered: who has the answer finds the request recorded.
        self.server.seen(
            Exchange(began, self.command, self.path, self.headers.items(), body, status, problem, elapsed)
        )
        if status is None:
            text = f"the bot behind the recorder gave no answer: {problem}\n"
            self._answer(502, [("Content-Type", "text/plain")], text.encode())
        else:
            self._answer(status, headers, answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _hand_on

    def log_message(self, format: str, *args: Any) -> None:
        """The recorder has words of its own."""

    def _body(self) -> bytes:
        encodings = self.headers.get_all("Transfer-Encoding") or []
        lengths = self.headers.get_all("Content-Length") or []
        if (encodings and lengths) or len(lengths) > 1:
            raise Refused(400, "two lengths of one body")
        if encodings:
            if [encoding.strip().lower() for encoding in encodings] != ["chunked"]:
                raise Refused(501, "of transfer encodings only chunked is known here")
            return self._chunks()
        text = lengths[0].strip() if lengths else "0"
        if not (text.isascii() and text.isdigit()):
            raise Refused(400, "Content-Length is no number")
        return self._exactly(self._fitting(int(text)))

    def _chunks(self) -> bytes:
        body = b""
        while True:
            line = self.rfile.readline(_LONGEST_LINE)
            size = line.partition(b";")[0].strip()
            if not line.endswith(b"\n") or not size or size.strip(b"0123456789abcdefABCDEF"):
                raise Refused(400, "a chunk has no length")
            length = int(size[:16], 16)
            if length == 0:
                break
            self._fitting(len(body) + length)
            body += self._exactly(length)
            if self.rfile.readline(_LONGEST_LINE).strip():
                raise Refused(400, "a chunk is longer than it says")
        while self.rfile.readline(_LONGEST_LINE).strip():
            pass  # trailers, which nobody sends
        return body

    def _fitting(self, length: int) -> int:
        if length > self.server.most_bytes:
            raise Refused(413, f"the body is longer than {self.server.most_bytes} bytes")
        return length

    def _exactly(self, length: int) -> bytes:
        data = self.rfile.read(length)
        if len(data) < length:
            raise Refused(400, "the body is shorter than it says")
        return data

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        bot = self.server.bot
        make = http.client.HTTPSConnection if bot.scheme == "https" else http.client.HTTPConnection
        connection = make(bot.hostname or "", bot.port, timeout=self.server.patience)
        try:
            connection.putrequest(
                self.command, bot.path.rstrip("/") + self.path, skip_host=True, skip_accept_encoding=True
            )
            gone = _HOP_BY_HOP | {"content-length", "expect"}
            for name, value in self.headers.items():
                if name.lower() not in gone:
                    connection.putheader(name, value.encode("latin-1", "replace"))
            if body or self.command in ("POST", "PUT", "PATCH"):
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        has_body = status >= 200 and status not in (204, 304)
        length = next((value for name, value in headers if name.lower() == "content-length"), None)
        for name, value in headers:
            if name.lower() not in _HOP_BY_HOP | {"content-length"}:
                self.send_header(name, value)
        if has_body:
            self.send_header("Content-Length", length or "0" if self.command == "HEAD" else str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if has_body and self.command != "HEAD":
            self.wfile.write(body)
