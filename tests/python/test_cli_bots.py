"""The commands that have a bot before them: ring, record, replay. The bot is the README's, under uvicorn."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import callredirect as cr
from callredirect.testing import Simulator
from conftest import ROOT
from servers import RawServer, response
from test_cli import BARE, bot_environment, on_a_terminal, run, started

EXAMPLES = ROOT / "examples"


if TYPE_CHECKING:
    from typing_extensions import Self


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def bot_command(port: int) -> list[str]:
    where = ["--app-dir", str(EXAMPLES), "--port", str(port), "--log-level", "error"]
    return [sys.executable, "-m", "uvicorn", "fastapi_bot:app", *where]


@pytest.fixture
def graph() -> Any:
    with Simulator(speed=100) as simulator:
        yield simulator


@pytest.fixture
def bot(graph: Simulator) -> Any:
    """The address of a bot that knows the simulator."""
    port = free_port()
    program = subprocess.Popen(
        bot_command(port), env=BARE | bot_environment(graph), stdout=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    graph.wait_until_listening(url, 30)
    yield url
    program.terminate()
    program.wait(30)


def test_ring_with_a_simulator_and_a_bot_of_its_own(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    done = run("ring", url, "--example", "2", "--", *bot_command(port))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[1] == "        0.0 ms  notification: created, incoming"
    assert any("and 1 more: accepted" in line for line in lines)
    assert re.fullmatch(r"  ✓ redirected after [0-9.]+ ms  █+░+ of 15 s", lines[-1])

    scenario = tmp_path / "calls.toml"
    scenario.write_text('speed = 1000\n[[calls]]\nname = "seven"\ncount = 7\n[[calls]]\nhang_up = 0\n')
    many = run("ring", url, "--port", "0", "--json", "--scenario", scenario, "--", *bot_command(port))
    stories = [json.loads(line) for line in many.stdout.splitlines()]
    assert many.returncode == 0 and len(stories) == 8
    assert [story["name"] for story in stories].count("seven") == 7
    assert all(story["redirected"] or story["ending"] == "hung_up" for story in stories)


def test_ring_through_a_simulator_that_runs(graph: Simulator, bot: str) -> None:
    words = ["ring", bot, "--simulator", graph.base_url]
    done = run(*words, "--json", "--callee", "*=busy")
    story = json.loads(done.stdout)
    assert done.returncode == 0 and story["redirected"] and story["ending"] == "busy"
    assert [step["what"] for step in story["steps"]][:1] == ["notification_sent"]
    refused = run(*words, "--fault", "missing_permission", "--wait", "0.5")
    assert refused.returncode == 1 and "7504" in refused.stdout and "✗" in refused.stdout
    lost = run(*words, "--tenant", graph.tenant_id, "--json", "--count", "3")
    assert len(lost.stdout.splitlines()) == 3
    assert "✓" in on_a_terminal(*words)


def test_ring_says_what_is_wrong(graph: Simulator, bot: str) -> None:
    path = run("ring", f"{bot}/elsewhere", "--simulator", graph.base_url)
    assert path.returncode == 1 and "is this the path of its webhook?" in path.stdout
    stranger = run("ring", bot, "--port", "0", "--wait", "0.5")
    assert stranger.returncode == 1 and "401" in stranger.stdout and "environment" in stranger.stderr
    nobody = run("ring", "http://127.0.0.1:9", "--port", "0", "--patience", "0")
    assert nobody.returncode == 3 and "nothing listens at 127.0.0.1:9" in nobody.stderr
    decided = run("ring", bot, "--simulator", graph.base_url, "--second-redirect", "accepted")
    assert decided.returncode == 2 and "exclude each other" in decided.stderr
    later = run("ring", "http://127.0.0.1:9", "--simulator", graph.base_url, "--patience", "0.25")
    assert later.returncode == 3 and "tried for 0." in later.stderr
    for other in ("http://127.0.0.1:9", bot):
        wrong = run("ring", bot, "--simulator", other)
        assert wrong.returncode == 3 and other in wrong.stderr and "hint" in wrong.stderr
    away = run("ring", "http://192.0.2.1", "--port", "0")
    assert away.returncode == 2 and "on this machine" in away.stderr
    for command in (["false"], ["/no/such/bot"]):
        dead = run("ring", "http://127.0.0.1:9", "--port", "0", "--", *command)
        assert dead.returncode in (2, 3) and "the bot" in dead.stderr
    taken = run("ring", bot, "--", *bot_command(9))
    assert taken.returncode == 3 and f"another program listens at {bot}/api/calls already" in taken.stderr


def test_ring_a_bot_that_answers_500(graph: Simulator) -> None:
    with RawServer(response("500 Internal Server Error")) as broken:
        done = run("ring", broken.url, "--simulator", graph.base_url)
    assert done.returncode == 1 and "replied 500" in done.stdout and "see its log" in done.stdout


class Recording:
    """`callredirect record` before an address."""

    def __init__(self, to: str, file: Path, *words: str) -> None:
        self.program = started("record", "--to", to, "--port", "0", "--json", str(file), *words)
        assert self.program.stdout is not None
        self.url: str = json.loads(self.program.stdout.readline())["url"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.program.terminate()
        __, errors = self.program.communicate(timeout=30)
        assert (self.program.returncode, errors) == (143, "")


def exchange(url: str, request: bytes) -> bytes:
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_record_and_replay(graph: Simulator, bot: str, tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    with Recording(bot, file) as recorder:
        done = run(
            "ring",
            recorder.url,
            "--simulator",
            graph.base_url,
            "--from",
            "phone=+12345678901",
            "--count",
            "3",
        )
        assert done.returncode == 0, done.stdout + done.stderr
        # A health check is handed on and not recorded; a stranger is recorded, and a stranger again in a replay.
        assert b" 404 " in exchange(recorder.url, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        stranger = b"POST /api/calls HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
        assert b" 401 " in exchange(recorder.url, stranger)
    *recorded, refused = everything = cr.read_recording(file)
    assert refused.verdict.status == 401
    assert [request.verdict.status for request in recorded] == [202] * len(recorded) and len(recorded) >= 3
    assert b"12345678901" not in file.read_bytes() and b"Bearer" not in file.read_bytes()

    shown = run("parse", "--table", file)
    assert shown.returncode == 0 and shown.stdout.count("IncomingCall") == 3, shown.stderr
    assert "1 request of the recording with no notification" in shown.stderr
    with file.open("a") as torn:
        torn.write('{"version":1,"rec')
    assert run("parse", "--table", file).stdout == shown.stdout

    port = free_port()
    url = f"http://127.0.0.1:{port}"
    fast = run("replay", file, url, "--port", "0", "--fast", "--", *bot_command(port))
    assert fast.returncode == 0, fast.stderr
    said = f"{len(everything)} of {len(everything)} requests answered as recorded"
    assert said in fast.stdout
    through = run("replay", file, bot, "--simulator", graph.base_url, "--fast")
    assert through.returncode == 0 and said in through.stdout, through.stdout + through.stderr
    with pytest.raises(ValueError, match="ringing already"):  # so that a redirect of it is taken
        graph.place_call(call_id=recorded[0].verdict.call_ids[0])
    for elsewhere in ("http://127.0.0.1:9", bot):
        wrong = run("replay", file, bot, "--simulator", elsewhere)
        assert wrong.returncode == 3 and elsewhere in wrong.stderr and "hint" in wrong.stderr
    for words in (["--unsigned"], ["--port", "0"], ["--", "true"]):
        both = run("replay", file, bot, "--simulator", graph.base_url, *words)
        assert both.returncode == 2 and "exclude each other" in both.stderr
    as_json = run("replay", file, url, "--port", "0", "--speed", "1000", "--json", "--", *bot_command(port))
    *results, summary = map(json.loads, as_json.stdout.splitlines())
    assert summary["as_recorded"] == len(results) == len(everything)
    unsigned = run("replay", file, bot, "--fast", "--unsigned")
    assert unsigned.returncode == 1 and "answered 401, recorded 202" in unsigned.stdout
    assert "░" in on_a_terminal("replay", file, bot, "--fast", "--unsigned")
    nobody = run("replay", file, "http://127.0.0.1:9", "--fast", "--unsigned", "--patience", "0")
    assert nobody.returncode == 3 and "http://127.0.0.1:9" in nobody.stderr
    other = run("replay", ROOT / "README.md", bot, "--unsigned")
    assert other.returncode == 2 and "not a recording" in other.stderr


def test_what_cannot_be_recorded_is_said(tmp_path: Path) -> None:
    device = run("record", "/dev/full", "--to", "http://127.0.0.1:9")
    assert device.returncode == 2 and "not a file that can be appended to" in device.stderr
    file = tmp_path / "calls.jsonl"
    with RawServer(response("202 Accepted")) as server:
        program = started("record", "--to", server.url, "--port", "0", "--json", str(file))
        assert program.stdout is not None
        url = json.loads(program.stdout.readline())["url"]
        file.mkdir()  # as a disk that fails after the start
        urllib.request.urlopen(url, b"{}", timeout=30).close()
        program.terminate()
        _, errors = program.communicate(timeout=30)
    assert f"1 request NOT recorded: {file}" in errors


def test_a_scenario_that_is_wrong_needs_no_documentation(tmp_path: Path) -> None:
    file = tmp_path / "calls.toml"
    for content, message, hint in (
        (b"sede = 7", "no such key as `sede`: did you mean `seed`? at $.sede in line 1", "--faults"),
        (b"speed = 2", "there is no call", "[[calls]]"),
        (b"\xff", "the file is not UTF-8", "[[calls]]"),
        (b"[[calls]", "this is no TOML", "[[calls]]"),
    ):
        file.write_bytes(content)
        done = run("ring", "http://127.0.0.1:9", "--scenario", file)
        assert done.returncode == 2 and f"{file}: {message}" in done.stderr, done.stderr
        assert hint in done.stderr and "docs/" not in done.stderr


def test_what_passes_the_recorder_is_unchanged(tmp_path: Path) -> None:
    answer = response("299 Odd", b"\x00\xff", "X-One: 1\r\nX-One: 2\r\n")
    with (
        RawServer(answer) as server,
        Recording(server.url, tmp_path / "calls.jsonl", "--max-body", "100") as recorder,
    ):
        head = b"POST /a/b?code=x HTTP/1.1\r\nHost: bot.contoso.com\r\nAuthorization: Bearer abc\r\nX-Two: 1\r\nX-Two: 2\r\n"
        plain = exchange(recorder.url, head + b"Content-Length: 4\r\n\r\n\x00\xffab")
        assert (
            plain.startswith(b"HTTP/1.1 299")
            and plain.count(b"X-One") == 2
            and plain.endswith(b"\r\n\r\n\x00\xff")
        )
        chunked = exchange(
            recorder.url,
            head + b"Transfer-Encoding: chunked\r\n\r\n3\r\n\x00\xffa\r\n1;x=y\r\nb\r\n0\r\n\r\n",
        )
        assert chunked.startswith(b"HTTP/1.1 299")
        first, second = server.requests
        assert first == second
        for part in (
            b"post /a/b?code=x",
            b"host: bot.contoso.com",
            b"authorization: bearer abc",
            b"x-two: 1\r\nx-two: 2",
        ):
            assert part in first.lower()
        assert first.endswith(b"\r\n\r\n\x00\xffab")
        for wrong, status in (
            (b"Content-Length: 101\r\n\r\n", b"413"),
            (b"Transfer-Encoding: chunked\r\n\r\nff\r\n", b"413"),
            (b"Transfer-Encoding: chunked\r\n\r\n-1\r\n", b"400"),
            (b"Transfer-Encoding: gzip\r\n\r\n", b"501"),
            (b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
            (b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", b"400"),
            (b"Content-Length: 9\r\n\r\nab", b"400"),
        ):
            assert exchange(recorder.url, head + wrong).split(b" ")[1] == status, wrong
        assert len(server.requests) == 2


def test_requests_pass_the_recorder_at_once(tmp_path: Path) -> None:
    with RawServer(open_gate=False) as server, Recording(server.url, tmp_path / "calls.jsonl") as recorder:

        def post() -> None:
            urllib.request.urlopen(recorder.url, b"{}", timeout=30).close()

        threads = [threading.Thread(target=post) for _ in range(8)]
        for thread in threads:
            thread.start()
        server.wait_for(8)  # nobody has an answer yet
        server.gate.set()
        for thread in threads:
            thread.join(30)
    assert len(cr.read_recording(tmp_path / "calls.jsonl")) == 8


def test_a_bot_that_is_not_there_is_told_and_recorded(tmp_path: Path) -> None:
    with Recording("http://127.0.0.1:9", tmp_path / "calls.jsonl") as recorder:
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(recorder.url, b"{}", timeout=30)
        assert caught.value.code == 502 and b"no answer" in caught.value.read()
        caught.value.close()
    (request,) = cr.read_recording(tmp_path / "calls.jsonl")
    assert request.verdict.status is None
    taken = run("record", tmp_path / "x.jsonl", "--to", recorder.url, "--host", "192.0.2.1")
    assert taken.returncode == 3 and "cannot listen at 192.0.2.1:9000" in taken.stderr
