"""What the log says of a redirect: one line of facts for each outcome, from Python's threads, and never a secret."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

import callredirect as cr
from callredirect.testing import Simulator
from servers import RawServer, refused_url, response

if TYPE_CHECKING:
    from collections.abc import Iterator

CALL = "491f0b00-ffff-4bc9-a43e-b226498ec22a"
TO_USER = cr.Redirect([cr.Target.user("98da8a1a-1b87-452c-a713-65d3f10b1253")])
FORBIDDEN = response(
    "403 No", b'{"error": {"code": "7505", "message": "no +19995550123"}}', "request-id: r-1\r\n"
)


@pytest.fixture
def graph() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


def facts(record: logging.LogRecord) -> dict[str, object]:
    keys = ("call_id", "client_request_id", "outcome", "attempts", "status", "code", "request_id")
    return {key: getattr(record, key) for key in keys}


def redirect(door: str, base_url: str, deadline: float | None = None) -> cr.Outcome:
    if door == "Client":
        return cr.Client("token", base_url=base_url).redirect(CALL, TO_USER, deadline=deadline)
    client = cr.AsyncClient("token", base_url=base_url)
    return asyncio.run(client.redirect(CALL, TO_USER, deadline=deadline))


@pytest.mark.parametrize("door", ["Client", "AsyncClient"])
@pytest.mark.parametrize(
    ("answer", "level", "outcome", "status", "code"),
    [
        (response("202 Accepted"), "INFO", "accepted", 202, None),
        (FORBIDDEN, "WARNING", "rejected", 403, "7505"),
        (response("410 Gone"), "INFO", "call_gone", 410, None),
        (None, "WARNING", "unknown", None, None),
    ],
    ids=["accepted", "rejected", "gone", "unknown"],
)
def test_one_line_for_each_outcome(
    caplog: pytest.LogCaptureFixture,
    door: str,
    answer: bytes | None,
    level: str,
    outcome: str,
    status: int | None,
    code: str | None,
) -> None:
    caplog.set_level(logging.INFO, "callredirect")
    with RawServer(answer) as server:
        result = redirect(door, server.url, deadline=3)
    (record,) = (record for record in caplog.records if record.name.startswith("callredirect"))
    assert (record.name, record.levelname) == ("callredirect.send", level)
    assert facts(record) == {
        "call_id": CALL,
        "client_request_id": result.client_request_id,
        "outcome": outcome,
        "attempts": len(result.attempts),
        "status": status,
        "code": code,
        "request_id": "r-1" if code else None,
    }
    assert vars(record)["elapsed_ms"] == pytest.approx(result.elapsed * 1e3, abs=0.01)
    assert 0 < vars(record)["time_left_ms"] < 3000
    message = record.getMessage()
    assert CALL in message and result.client_request_id in message and outcome.replace("_", " ") in message
    assert record.thread == threading.get_ident()


def test_what_was_never_sent_says_why(caplog: pytest.LogCaptureFixture) -> None:
    with cr.Client("token") as client:
        client.redirect(CALL, TO_USER, deadline=0)
    (record,) = caplog.records
    assert (record.levelname, vars(record)["outcome"], vars(record)["attempts"]) == ("WARNING", "expired", 0)
    assert (vars(record)["status"], vars(record)["request_id"], vars(record)["time_left_ms"]) == (
        None,
        None,
        0,
    )
    assert "the deadline had passed before anything could be sent" in record.getMessage()


def test_every_attempt_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "callredirect")
    held, url = refused_url()
    with held:
        outcome = redirect("Client", url, deadline=1.5)
    *attempts, last = caplog.records
    assert len(attempts) == len(outcome.attempts) > 1
    assert {record.levelname for record in attempts} == {"DEBUG"}
    assert f"call {CALL}: attempt 2: could not connect" in attempts[1].getMessage()
    assert last.levelname == "WARNING"


def test_nothing_is_made_of_an_outcome_that_nobody_hears(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "callredirect")
    with RawServer(FORBIDDEN) as server:
        redirect("Client", server.url)
    assert caplog.records == []


async def test_a_call_out_of_a_notification_is_named(
    graph: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "callredirect")
    resource = {"id": graph.place_call(), "state": "incoming"}
    url = f"/communications/calls/{resource['id']}"
    notification = {"changeType": "created", "resourceUrl": url, "resourceData": resource}
    (note,) = cr.parse({"value": [notification]})
    assert isinstance(note, cr.IncomingCall)
    async with cr.AsyncClient(graph.access_token(), base_url=graph.base_url) as client:
        await client.redirect(note.call, TO_USER)
    assert [vars(record)["call_id"] for record in caplog.records] == [resource["id"]]


SCRIPT = """
import sys
{setup}
import callredirect as cr
to = cr.Redirect([cr.Target.user("98da8a1a-1b87-452c-a713-65d3f10b1253")])
print(type(cr.Client("token", base_url=sys.argv[1]).redirect("491f0b00", to)).__name__, "logging" in sys.modules)
"""


@pytest.mark.parametrize(
    ("setup", "loaded", "heard"),
    [
        ("", False, False),  # who holds the outcome needs no print of it, nor pays for the module
        ("import logging", True, False),
        ("import logging; logging.basicConfig()", True, True),
    ],
    ids=["without logging", "not set up", "set up"],
)
def test_a_script_prints_nothing_it_did_not_ask_for(setup: str, loaded: bool, heard: bool) -> None:
    with RawServer(FORBIDDEN) as server:
        command = [sys.executable, "-c", SCRIPT.format(setup=setup), server.url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout == f"Rejected {loaded}\n", done.stderr
    assert ("WARNING:callredirect.send:call 491f0b00: rejected: 403 7505" in done.stderr) is heard
    assert heard or done.stderr == ""
