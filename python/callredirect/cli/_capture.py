"""The request that a client would send, caught on this machine: exact, for the client itself wrote it."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import callredirect as cr

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callredirect._credential import OwnCredential

_PATIENCE = 13.0


class Request(NamedTuple):
    """A request as it left a client."""

    method: str
    path: str
    headers: dict[str, str]
    body: str


def dry_run(call_id: str, redirect: cr.Redirect, api_version: str, graph_url: str) -> dict[str, Any]:
    """Method, URL, headers and body of a redirect, as it would leave for ``graph_url``.

    Raises:
        ValidationError: It breaks rules.
        ValueError: The call id or the address cannot be right.
    """
    there = urlsplit(graph_url)
    cr.Client("unused", api_version=api_version, base_url=graph_url).close()  # refuses an address as for real
    with _catching() as (here, caught):
        here += there.path.rstrip("/")
        with cr.Client("hidden", api_version=api_version, base_url=here) as client:
            client.redirect(call_id, redirect, deadline=_PATIENCE)
    (request,) = caught
    real = {"authorization": "Bearer ***", "host": there.netloc}
    return {
        "method": request.method,
        "url": f"{there.scheme}://{there.netloc}{request.path}",
        "headers": {name: real.get(name.lower(), value) for name, value in request.headers.items()},
        "body": request.body,
    }


def token_of(credential: str | OwnCredential, cloud: cr.Cloud) -> str | None:
    """The token that a credential would send to Graph; ``None`` if none came in time. It does not leave this machine.

    Raises:
        CredentialError: There is none; the message has a cure.
    """
    nobody = cr.Redirect([cr.Target.user("00000000-0000-0000-0000-000000000000")])
    with _catching() as (here, caught), cr.Client(credential, cloud=cloud, base_url=here) as client:
        client.redirect("none", nobody, deadline=_PATIENCE)
    for request in caught:
        for name, value in request.headers.items():
            if name.lower() == "authorization":
                return value.removeprefix("Bearer ")
    return None


@contextlib.contextmanager
def _catching() -> Iterator[tuple[str, list[Request]]]:
    """A server for one request: its address, and the request once it came."""
    caught: list[Request] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        catching = threading.Thread(target=_catch, args=(listening, caught), daemon=True)
        catching.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", caught


def _catch(listening: socket.socket, caught: list[Request]) -> None:
    # Whoever waits for the answer sees to it that this ends; a socket that is closed below it ends it, too.
    with contextlib.suppress(OSError):
        listening.settimeout(2 * _PATIENCE)
        connection, _ = listening.accept()
        with connection:
            connection.settimeout(_PATIENCE)
            data = b""
            while not _whole(data):
                some = connection.recv(65536)
                if not some:
                    return
                data += some
            caught.append(_read(data))
            connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def _whole(data: bytes) -> bool:
    head, end, body = data.partition(b"\r\n\r\n")
    lengths = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return bool(end) and len(body) >= sum(lengths)


def _read(data: bytes) -> Request:
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    return Request(method, path, dict(line.split(": ", 1) for line in lines), body.decode())
