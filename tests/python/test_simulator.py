"""The simulator from Python: real HTTP asked with the standard library, a bot of our own to ring."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal

import pytest

from callredirect.testing import RungCall, Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

FORWARD = {
    "targets": [
        {
            "@odata.type": "#microsoft.graph.invitationParticipantInfo",
            "identity": {
                "@odata.type": "#microsoft.graph.identitySet",
                "user": {
                    "@odata.type": "#microsoft.graph.identity",
                    "id": "98da8a1a-1b87-452c-a713-65d3f10b1253",
                },
            },
        }
    ]
}


@pytest.fixture
def graph() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


def redirect(
    graph: Simulator, call_id: str, token: str | None = None, version: str = "v1.0"
) -> tuple[int, str | None]:
    """Status and error code of a redirect."""
    request = urllib.request.Request(
        f"{graph.base_url}/{version}/communications/calls/{call_id}/redirect",
        data=json.dumps(FORWARD).encode(),
        headers={
            "Authorization": f"Bearer {token or graph.access_token()}",
            "Content-Type": "application/json",
            "client-request-id": "ours",
        },
    )
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, None
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)["error"]["code"]


class Bot:
    """Redirects every call, unless told to answer with `status` only."""

    def __init__(self, graph: Simulator, status: int = 202, redirects: bool = True) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.sent: tuple[int, str | None] | None = None
        bot = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                bot.received.append((dict(self.headers), body))
                if redirects:
                    note = json.loads(body)["value"][0]
                    if note["changeType"] == "created":
                        bot.sent = redirect(graph, note["resourceData"]["id"], version="beta")
                self.send_response(status)
                self.send_header("X-Bot", "ours")
                self.send_header("Content-Length", "5")
                self.end_headers()
                self.wfile.write(b"noted")

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/api/calls"

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def test_a_call_is_redirected_and_ends(graph: Simulator) -> None:
    with Bot(graph) as bot:
        rung = graph.ring(bot.url, source={"user": {"id": "caller"}}, targets=[{"phone": {"id": "+1"}}])
    assert isinstance(rung, RungCall)
    assert bot.sent == (202, None)
    assert (rung.reply_status, rung.ended_status, rung.reply_body) == (202, 202, b"noted")
    assert rung.reply_headers["x-bot"] == "ours"
    assert (rung.redirect, rung.api_version, rung.client_request_id) == (FORWARD, "beta", "ours")
    assert [name for name, _ in rung.steps] == ["rang", "redirected", "replied", "answered", "ended"]
    assert all(0 <= seconds < 15 for _, seconds in rung.steps)
    first, last = (json.loads(body)["value"][0] for _, body in bot.received)
    assert (first["changeType"], last["changeType"]) == ("created", "deleted")
    call = first["resourceData"]
    assert call["source"]["identity"]["user"]["id"] == "caller"
    assert call["targets"][0]["identity"]["phone"]["id"] == "+1"
    assert call["id"] == rung.call_id

    path = f"/beta/communications/calls/{rung.call_id}/redirect"
    assert graph.requests == [("POST", path, 202)]
    (received,) = graph.redirects
    assert json.loads(received.body) == FORWARD
    assert (received.call_id, received.status, received.api_version) == (rung.call_id, 202, "beta")
    assert received.headers["client-request-id"] == received.client_request_id == "ours"


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_documented_calls(graph: Simulator, number: int) -> None:
    with Bot(graph) as bot:
        rung = graph.ring_example(number, bot.url, call_id="mine")
    assert (rung.call_id, rung.redirect) == ("mine", FORWARD)


def test_there_are_three_documented_calls(graph: Simulator) -> None:
    with pytest.raises(ValueError, match="1, 2 and 3"):
        graph.ring_example(4, "http://127.0.0.1:9")


def test_ring_async(graph: Simulator) -> None:
    async def main() -> RungCall:
        with Bot(graph) as bot:
            return await graph.ring_async(bot.url, call_id="mine")

    assert asyncio.run(main()).call_id == "mine"


@pytest.mark.parametrize(
    ("token", "sent"), [("forged", "Bearer forged"), (False, None), (None, "Bearer eyJ")]
)
def test_tokens_and_bodies_of_ones_own(
    graph: Simulator, token: str | Literal[False] | None, sent: str | None
) -> None:
    with Bot(graph, status=401, redirects=False) as bot:
        for body in (b"\xff{", "\xe4"):
            rung = graph.ring(bot.url, token=token, body=body)
            headers, received = bot.received.pop()
            assert received == (body if isinstance(body, bytes) else body.encode())
            authorization = headers.get("Authorization")
            assert authorization is None if sent is None else (authorization or "").startswith(sent)
            assert (rung.reply_status, rung.redirect, rung.ended_status) == (401, None, None)
    wrong: Any = True
    with pytest.raises(TypeError):
        graph.ring(bot.url, token=wrong)


def test_the_call_expires(graph: Simulator) -> None:
    with Bot(graph, redirects=False) as bot:
        rung = graph.ring(bot.url, wait=0.1)
    assert [name for name, _ in rung.steps] == ["rang", "replied", "expired", "ended"]
    assert redirect(graph, rung.call_id) == (404, "8522")
    with pytest.raises(ValueError, match="seconds"):
        graph.ring(bot.url, wait=-1)


def test_a_placed_call_rings_nobody(graph: Simulator) -> None:
    call_id = graph.place_call()
    assert redirect(graph, call_id, graph.access_token("other")) == (403, "7505")
    assert redirect(graph, call_id, graph.access_token(roles=[])) == (403, "7504")
    assert redirect(graph, call_id, graph.access_token(lifetime=0)) == (401, "InvalidAuthenticationToken")
    assert redirect(graph, call_id) == (202, None)
    assert redirect(graph, call_id) == (404, "8522")
    with pytest.raises(ValueError, match="ringing already"):
        graph.place_call(call_id=call_id)


def test_only_this_machine_is_rung(graph: Simulator) -> None:
    with pytest.raises(ValueError, match="only http"):
        graph.ring("http://bot.contoso.com/api/calls")
    with Bot(graph) as bot:
        pass
    with pytest.raises(ConnectionError, match=r"nothing listens at 127\.0\.0\.1:"):
        graph.ring(bot.url, patience=0)


def test_keys_and_claims(graph: Simulator) -> None:
    def claims(token: str) -> dict[str, Any]:
        part = token.split(".")[1]
        decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return decoded

    with urllib.request.urlopen(graph.metadata_url) as response:
        metadata = json.load(response)
    with urllib.request.urlopen(metadata["jwks_uri"]) as response:
        assert response.read().decode() == graph.jwks
    assert claims(graph.notification_token())["aud"] == graph.app_id
    assert claims(graph.notification_token("app", "tenant"))["tid"] == "tenant"
    odd = claims(graph.notification_token(claims={"exp": 1, "tid": None, "extra": [True]}))
    assert (odd["exp"], odd["extra"], "tid" in odd) == (1, [True], False)
    with Simulator(own_key=True) as other:
        assert other.jwks != graph.jwks


def test_closed_is_closed(graph: Simulator) -> None:
    graph.close()
    graph.close()
    with pytest.raises(RuntimeError, match="stopped"):
        graph.ring("http://127.0.0.1:9")
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(graph.base_url)


def test_a_taken_port_is_an_oserror(graph: Simulator) -> None:
    port = int(graph.base_url.rsplit(":", 1)[1])
    with pytest.raises(OSError, match="cannot listen"):
        Simulator(port=port)


def run(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


RINGING = """
from callredirect.testing import Simulator
import http.server, threading
class Bot(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.send_response(202); self.send_header("Content-Length", "0"); self.end_headers()
    log_message = lambda *_: None
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bot)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/"
graph = Simulator()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for a child on Windows")
def test_ctrl_c_hangs_up() -> None:
    code = RINGING + (
        # A shell that runs tests in the background has them ignore the signal.
        "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "print('ringing', flush=True)\ntry:\n    graph.ring(url)\n"
        "except KeyboardInterrupt:\n    print('interrupted')"
    )
    with run(code) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ringing\n"
        time.sleep(0.2)
        child.send_signal(signal.SIGINT)
        assert child.communicate(timeout=5)[0] == "interrupted\n"
    assert child.returncode == 0


def test_exit_while_ringing_is_clean() -> None:
    code = RINGING + "threading.Thread(target=lambda: graph.ring(url), daemon=True).start()\nprint('bye')"
    for _ in range(5):
        with run(code) as child:
            assert child.communicate(timeout=5)[0] == "bye\n"
        assert child.returncode == 0


FORKING = """
import os
child = os.fork()
if child == 0:
    try:
        graph.ring(url)
    except RuntimeError:
        pass
    else:
        os._exit(7)
    graph.close()
    own = Simulator()
    assert own.base_url != graph.base_url
    own.close()
    raise SystemExit(0)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print(status, graph.ring(url, wait=0.05).ended_status)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_exits_and_cannot_ring() -> None:
    with run(RINGING + FORKING) as child:
        assert child.communicate(timeout=10)[0] == "0 202\n"


def test_testing_imports_neither_asyncio_nor_pytest() -> None:
    code = "import sys, callredirect.testing; print({'asyncio', 'pytest'} & set(sys.modules))"
    with run(code) as child:
        assert child.communicate(timeout=10)[0] == "set()\n"
