"""The request that a client would send, caught on this machine: exact, for the client itself wrote it."""

from __future__ import annotations

import socket
import threading
from typing import Any
from urllib.parse import urlsplit

import callredirect as cr

_HIDDEN = "Bearer ***"
_PATIENCE = 10.0


def capture(call_id: str, redirect: cr.Redirect, api_version: str, graph_url: str) -> dict[str, Any]:
    """Method, URL, headers and body of a redirect, as it would leave for ``graph_url``.

    Raises:
        ValidationError: It breaks rules.
        ValueError: The call id or the address cannot be right.
    """
    there = urlsplit(graph_url)
    cr.Client("unused", api_version=api_version, base_url=graph_url).close()  # refuses an address as for real
    caught: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        thread = threading.Thread(target=_catch, args=(listening, caught), daemon=True)
        thread.start()
        here = f"http://127.0.0.1:{port}{there.path.rstrip('/')}"
        with cr.Client("hidden", api_version=api_version, base_url=here) as client:
            client.redirect(call_id, redirect, deadline=_PATIENCE)
        thread.join(_PATIENCE)
    head, _, body = caught[0].partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = dict(line.split(": ", 1) for line in lines)
    real = {"authorization": _HIDDEN, "host": there.netloc}
    return {
        "method": method,
        "url": f"{there.scheme}://{there.netloc}{path}",
        "headers": {name: real.get(name.lower(), value) for name, value in headers.items()},
        "body": body.decode(),
    }


def _catch(listening: socket.socket, caught: list[bytes]) -> None:
    listening.settimeout(_PATIENCE)
    connection, _ = listening.accept()
    with connection:
        connection.settimeout(_PATIENCE)
        data = b""
        while not _whole(data):
            some = connection.recv(65536)
            if not some:
                return
            data += some
        caught.append(data)
        connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def _whole(data: bytes) -> bool:
    head, end, body = data.partition(b"\r\n\r\n")
    lengths = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return bool(end) and len(body) >= sum(lengths)
