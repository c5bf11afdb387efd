"""Recordings and replays, as a bot has them."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import os
import pickle
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from fastapi import FastAPI

import callredirect as cr
from callredirect.adapters.fastapi import router
from callredirect.testing import RedirectReceived, Simulator, replay, replay_async
from conftest import FIXTURES
from servers import PATIENCE, RawServer, response

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
INCOMING = (FIXTURES / "notification" / "ex2-incoming.json").read_bytes()
PHONE = "+14255550123"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.jsonl"


def bot_of(simulator: Simulator, record: Any) -> cr.Redirector:
    bot = cr.Redirector(**simulator.bot_settings(), record=record)

    @bot.on_incoming
    def route(call: cr.Call) -> cr.Redirect:
        return cr.Redirect([cr.Target.user("550fae72-d251-43ec-868c-373732c2704f")])

    return bot


class Served:
    """A bot under a real server."""

    def __init__(self, bot: cr.Redirector) -> None:
        app = FastAPI()
        app.include_router(router(bot, "/api/calls"))
        config = uvicorn.Config(app, port=0, log_level="warning")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    def __enter__(self) -> str:
        self.thread.start()
        end = time.monotonic() + PATIENCE
        while not self.server.started:
            assert time.monotonic() < end
            time.sleep(0.01)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}/api/calls"

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join(PATIENCE)


def test_a_bot_records_and_its_recording_rings_it_again(path: Path, simulator: Simulator) -> None:
    with Served(bot_of(simulator, path)) as url:
        rung = simulator.ring(url, source={"phone": {"id": PHONE, "displayName": "Canary"}})
        assert rung.ending == "answered"
        assert simulator.ring(url, token="not genuine").reply_status == 401
    text = path.read_text()
    assert "4255550123" not in text and "Canary" not in text and "eyJ" not in text
    first, ended, refused = cr.read_recording(path)
    assert isinstance(first.parse()[0], cr.IncomingCall) and isinstance(ended.parse()[0], cr.CallEnded)
    assert first.parse()[0].call_id == rung.call_id and first.verdict.call_ids == (rung.call_id,)
    assert [one.verdict.status for one in (first, ended, refused)] == [202, 202, 401]
    assert [one.verdict.verified for one in (first, ended, refused)] == [True, True, False]
    assert refused.verdict.reason and first.verdict.reason is None
    assert first.headers["user-agent"].startswith("Microsoft-Skype") and "authorization" not in first.headers
    assert first.redacted and first.received_at.tzinfo is timezone.utc
    # The simulator signs anew; what was refused is refused once more.
    with Served(bot_of(simulator, None)) as url:
        results = list(replay(path, url, speed=None, simulator=simulator))
    assert sorted(one.index for one in results) == [0, 1, 2]
    assert all(one.as_recorded for one in results), results
    # A simulator that never heard of the call lets it ring, and takes its redirect.
    with Simulator(speed=100) as other, Served(bot_of(other, None)) as url:
        assert all(one.as_recorded for one in replay(path, url, speed=0.5, simulator=other))
        happened = other.events(start=0, timeout=10)
        assert next(one for one in happened if isinstance(one, RedirectReceived)).redirect.status == 202
    # Without a signature nothing is taken.
    with Served(bot_of(simulator, None)) as url:
        results = list(replay(path, url, speed=None))
    assert [one.status for one in results] == [401, 401, 401]


async def test_a_genuine_token_is_so_whatever_else_is_refused(path: Path, simulator: Simulator) -> None:
    recorder = cr.Recorder(path)
    known = cr.Verifier(simulator.app_id, tenants=["another"], metadata_url=simulator.metadata_url)
    bot = cr.Redirector(app_id=simulator.app_id, credential="unused", verifier=known, record=recorder)
    known.fetch_keys()
    genuine = {"Authorization": f"Bearer {simulator.notification_token()}"}
    assert (await bot.handle(INCOMING, genuine)).status == 403
    assert (await bot.handle(INCOMING, {})).status == 401
    await bot.close()
    assert recorder.written == 2  # and not some time after
    assert (await bot.handle(INCOMING, genuine)).status == 503
    recorder.close()
    assert [one.verdict.verified for one in cr.read_recording(path)] == [True, False, None]


async def test_a_replay_on_the_event_loop_of_its_bot(path: Path) -> None:
    with cr.Recorder(path) as recorder:
        for number in range(20):
            recorder.record(f'{{"value": [], "number": {number}}}', status=202)
    with RawServer(response("202 Accepted")) as bot:
        asked: list[cr.RecordedRequest] = []

        async def authorize(request: cr.RecordedRequest) -> str:
            await asyncio.sleep(0)
            asked.append(request)
            return "Bearer mine"

        results = [one async for one in replay_async(path, bot.url, speed=None, authorization=authorize)]
    assert len(results) == len(asked) == len(bot.requests) == 20
    assert all(b"authorization: Bearer mine\r\n" in request for request in bot.requests)
    with pytest.raises(ConnectionError, match=r"no bot at http://127\.0\.0\.1"):
        _ = [one async for one in replay_async(path, bot.url, patience=0.0)]


def test_what_goes_wrong_with_a_replay_is_said_in_words(path: Path) -> None:
    with cr.Recorder(path) as recorder:
        recorder.record("{}")
    with RawServer(None) as bot:
        (result,) = replay(path, bot.url)
        assert result.status is None and bot.url in (result.error or "") and result.as_recorded is None
    with pytest.raises(ConnectionError, match=r"no bot at http://127\.0\.0\.1"):
        list(replay(path, bot.url, patience=0.0))
    for url in ("http://bot.contoso.com/", "nowhere"):
        with pytest.raises(ValueError, match=r"loopback|URL"):
            replay(path, url)
    for speed in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="speed"):
            replay(path, bot.url, speed=speed)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_workers_that_are_killed_cost_a_torn_line_each(path: Path) -> None:
    command = [sys.executable, str(HERE / "record_worker.py"), str(path)]
    names = ["a", "b", "c", "d"]
    workers = [subprocess.Popen([*command, name], stdout=subprocess.PIPE) for name in names]
    try:
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == b"writing\n"
        end = time.monotonic() + PATIENCE
        while not path.with_name("calls.jsonl.3").exists():
            assert time.monotonic() < end
            time.sleep(0.01)
    finally:
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.wait()
            assert worker.stdout is not None
            worker.stdout.close()
    with cr.Recorder(path, max_bytes=None, redact=False) as recorder:
        recorder.record("after")
    files = sorted(path.parent.glob("calls.jsonl*"))
    lines = [line for file in files for line in file.read_bytes().split(b"\n") if line]
    whole = [line for line in lines if line.endswith(b"}}")]
    assert len(lines) - len(whole) <= len(names)
    requests = cr.read_recording(path)
    assert len(requests) == len(whole) and requests[-1].body == b"after"
    for name in names:
        numbers = [
            int(one.body.split(b":")[1]) for one in requests if one.body.startswith(name.encode() + b":")
        ]
        assert numbers and numbers == list(range(len(numbers)))


def test_the_end_of_the_process_loses_nothing(path: Path) -> None:
    code = f"""
import callredirect as cr
recorder = cr.Recorder({str(path)!r})
for number in range(500):
    recorder.record('{{"number": %d}}' % number)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    numbers = [json.loads(one.body)["number"] for one in cr.read_recording(path)]
    assert numbers == list(range(500))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_records_into_the_same_file(path: Path) -> None:
    code = f"""
import os
import callredirect as cr
recorder = cr.Recorder({str(path)!r})
recorder.record('{{"displayName": "Adele"}}')
recorder.flush()
child = os.fork()
recorder.record('{{"displayName": "Adele"}}')
recorder.close()
if child:
    assert os.waitpid(child, 0)[1] == 0
else:
    os._exit(0)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    bodies = [one.body for one in cr.read_recording(path)]
    assert len(bodies) == 3 and len(set(bodies)) == 1


def test_requests_are_values(path: Path) -> None:
    moment = datetime(2026, 11, 24, 21, 5, 0, 123456, tzinfo=timezone(timedelta(hours=1)))
    with cr.Recorder(path, redact=False) as recorder:
        recorder.record(
            INCOMING, {"Content-Type": "application/json"}, method="POST", path="/x?y", received_at=moment
        )
        recorder.record(b"\xff", [(b"scenario-id", b"1"), (b"cookie", b"2")], status=400, reason="no UTF-8")
    first, second = cr.read_recording(path)
    assert first.body == INCOMING and second.body == b"\xff"
    assert (first.received_at, first.method, first.path) == (moment, "POST", "/x?y")
    assert second.headers == {"scenario-id": "1"} and not first.redacted
    assert (second.verdict.status, second.verdict.reason) == (400, "no UTF-8")
    for same in (
        pickle.loads(pickle.dumps(first)),
        copy.deepcopy(first),
        cr.RecordedRequest.from_json(first.to_json()),
    ):
        assert same == first and hash(same) == hash(first)
    assert first != second and first.verdict != second.verdict
    assert "2026-11-24T20:05:00.123456+00:00" in repr(first) and "400" in repr(second.verdict)


def test_what_cannot_be_recorded_is_said_at_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(FileNotFoundError):
        cr.Recorder(tmp_path / "no" / "calls.jsonl")
    with pytest.raises(IsADirectoryError):
        cr.Recorder(tmp_path)
    for wrong in ({"max_bytes": 0}, {"keep": -1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            cr.Recorder(tmp_path / "calls.jsonl", **wrong)  # type: ignore[arg-type]
    with caplog.at_level(logging.WARNING, "callredirect"):
        cr.Recorder(tmp_path / "calls.jsonl", redact=False)
    assert "AS THEY COME" in caplog.text


def test_what_is_no_recording_is_said(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(FileNotFoundError, match=r"calls\.jsonl"):
        cr.read_recording(path)
    with pytest.raises(IsADirectoryError):
        cr.read_recording(path.parent)
    path.write_bytes(INCOMING)
    with pytest.raises(ValueError, match=r"not a recording: .*line 1"):
        cr.read_recording(path)
    path.write_bytes(b"")
    assert cr.read_recording(path) == []
    with cr.Recorder(path) as recorder:
        recorder.record("{}")
    with path.open("ab") as file:
        file.write(b'{"version":1,')
    with caplog.at_level(logging.WARNING, "callredirect"):
        assert len(cr.read_recording(path)) == 1
    assert "line 2" in caplog.text


async def test_a_disk_that_fails_harms_no_call(
    path: Path, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = cr.Recorder(path)
    bot = bot_of(simulator, recorder)
    path.mkdir()  # noqa: ASYNC240
    headers = {
        "Authorization": f"Bearer {simulator.notification_token()}",
        "Content-Type": "application/json",
    }
    with caplog.at_level(logging.WARNING, "callredirect"):
        for _ in range(3):
            assert (await bot.handle(b'{"value": []}', headers)).status == 202
            assert recorder.flush()
        await bot.close()
    assert recorder.dropped == 3 and recorder.written == 0
    assert len([line for line in caplog.messages if "not recorded" in line]) == 1
