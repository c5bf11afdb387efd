"""Spans and metrics of OpenTelemetry, and what they cost those who have none."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, NumberDataPoint
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

import callredirect as cr
from callredirect._bridge import loop_mailbox
from callredirect.testing import Simulator
from servers import RawServer, response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan

CALL = "491f0b00-ffff-4bc9-a43e-b226498ec22a"
PHONE = "+19995550123"
TO_PHONE = cr.Redirect([cr.Target.phone(PHONE)])
FORBIDDEN = response("403 No", b'{"error": {"code": "7505", "message": "no"}}', "request-id: r-1\r\n")

exporter = InMemorySpanExporter()
reader = InMemoryMetricReader()


@pytest.fixture(scope="module", autouse=True)
def _providers() -> None:
    # A process has one of each, for good.
    tracing = TracerProvider()
    tracing.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(tracing)
    metrics.set_meter_provider(MeterProvider([reader]))


@pytest.fixture(autouse=True)
def _empty() -> None:
    exporter.clear()


@pytest.fixture
def graph() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


def only_span() -> ReadableSpan:
    (span,) = exporter.get_finished_spans()
    return span


def measured() -> dict[tuple[str, str], Any]:
    """Name and outcome to value, or to count, sum and bounds; running totals."""
    found: dict[tuple[str, str], Any] = {}
    data = reader.get_metrics_data()
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in metric.data.data_points:
                    key = metric.name, str((point.attributes or {})["callredirect.outcome"])
                    if isinstance(point, NumberDataPoint):
                        found[key] = found.get(key, 0) + point.value
                    elif isinstance(point, HistogramDataPoint):
                        found[key] = (point.count, point.sum, point.explicit_bounds)
    return found


@pytest.mark.parametrize("door", ["Client", "AsyncClient"])
def test_a_span_for_each_redirect(graph: Simulator, door: str) -> None:
    call = graph.place_call()
    with trace.get_tracer("the bot").start_as_current_span("webhook") as parent:
        if door == "Client":
            outcome = cr.Client(graph.access_token(), base_url=graph.base_url).redirect(call, TO_PHONE)
        else:
            client = cr.AsyncClient(graph.access_token(), base_url=graph.base_url)
            outcome = asyncio.run(client.redirect(call, TO_PHONE))
    span = exporter.get_finished_spans()[0]
    assert (span.name, span.kind, span.status.status_code) == (
        "callredirect.redirect",
        SpanKind.CLIENT,
        StatusCode.UNSET,
    )
    assert span.parent is not None and span.parent.span_id == parent.get_span_context().span_id
    assert span.attributes is not None and 12 < float(str(span.attributes["callredirect.time_left"])) < 13
    assert {key: value for key, value in span.attributes.items() if key != "callredirect.time_left"} == {
        "callredirect.call_id": call,
        "callredirect.outcome": "accepted",
        "callredirect.client_request_id": outcome.client_request_id,
        "callredirect.attempts": 1,
        "http.response.status_code": 202,
        "callredirect.request_id": outcome.attempts[0].request_id,
    }
    assert PHONE not in span.to_json()


def test_the_span_of_a_refusal_is_an_error() -> None:
    with RawServer(FORBIDDEN) as server, cr.Client("token", base_url=server.url) as client:
        client.redirect(CALL, TO_PHONE)
    span = only_span()
    assert span.attributes is not None
    assert span.status.status_code is StatusCode.ERROR and span.status.description is None
    assert (span.attributes["error.type"], span.attributes["callredirect.request_id"]) == ("7505", "r-1")


def test_a_caller_who_hung_up_is_no_error(graph: Simulator) -> None:
    with cr.Client(graph.access_token(), base_url=graph.base_url) as client:
        client.redirect(CALL, TO_PHONE)
    span = only_span()
    assert span.attributes is not None and span.attributes["callredirect.outcome"] == "call_gone"
    assert span.status.status_code is StatusCode.UNSET


def test_what_a_credential_raises_is_named_and_not_quoted() -> None:
    def credential() -> str:
        raise KeyError("a secret")

    with cr.Client(credential) as client, pytest.raises(KeyError):
        client.redirect(CALL, TO_PHONE)
    span = only_span()
    assert span.attributes is not None and span.attributes["error.type"] == "KeyError"
    assert span.status.status_code is StatusCode.ERROR
    assert "a secret" not in span.to_json()
    assert measured()["callredirect.redirects", "raised"] >= 1


async def test_the_span_of_a_cancelled_redirect_ends_with_its_outcome() -> None:
    with RawServer(open_gate=False) as server:
        async with cr.AsyncClient("token", base_url=server.url) as client:
            task = asyncio.create_task(client.redirect(CALL, TO_PHONE))
            await asyncio.to_thread(server.wait_for, 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert exporter.get_finished_spans() == ()
            server.gate.set()
            for _ in range(2000):
                if exporter.get_finished_spans():
                    break
                await asyncio.sleep(0.005)
    span = only_span()
    assert span.attributes is not None and span.attributes["callredirect.outcome"] == "accepted"
    assert "error.type" not in span.attributes


async def cancelled_unanswered(server: RawServer) -> None:
    client = cr.AsyncClient("token", base_url=server.url)
    task = asyncio.create_task(client.redirect(CALL, TO_PHONE))
    await asyncio.to_thread(server.wait_for, 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_the_span_of_a_cancelled_redirect_ends_when_another_event_loop_begins() -> None:
    async def another() -> None:
        loop_mailbox()

    with RawServer(open_gate=False) as server:
        asyncio.run(cancelled_unanswered(server))
        assert exporter.get_finished_spans() == ()
        asyncio.run(another())
    span = only_span()
    assert span.attributes is not None and span.attributes["error.type"] == "CancelledError"


def test_an_answer_that_came_after_the_loop_had_ended_is_told() -> None:
    async def another() -> None:
        loop_mailbox()

    with RawServer(open_gate=False) as server:
        asyncio.run(cancelled_unanswered(server))
        server.gate.set()
        time.sleep(0.5)  # nothing tells of its arrival: the loop that would is no more
        asyncio.run(another())
    span = only_span()
    assert span.attributes is not None and "error.type" not in span.attributes
    assert span.attributes["callredirect.outcome"] == "accepted"


def test_the_span_of_a_redirect_cancelled_under_trio_ends_with_its_run() -> None:
    import trio

    async def main(server: RawServer) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(cr.AsyncClient("token", base_url=server.url).redirect, CALL, TO_PHONE)
            await trio.to_thread.run_sync(server.wait_for, 1)
            nursery.cancel_scope.cancel()

    with RawServer(open_gate=False) as server:
        trio.run(main, server)
    span = only_span()
    assert span.attributes is not None and span.attributes["error.type"] == "RunFinishedError"


def test_the_span_of_a_cancelled_redirect_ends_with_its_process() -> None:
    code = """
import asyncio, sys
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
import callredirect as cr

provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)

async def main():
    redirect = cr.Redirect([cr.Target.phone("+19995550123")])
    sending = cr.AsyncClient("token", base_url=sys.argv[1]).redirect("a-call", redirect)
    await asyncio.wait_for(sending, 0.2)

try:
    asyncio.run(main())
except asyncio.TimeoutError:
    pass
"""
    with RawServer(open_gate=False) as server:
        command = [sys.executable, "-c", code, server.url]
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    span = json.loads(said.stdout)
    assert (span["name"], span["attributes"]["error.type"]) == ("callredirect.redirect", "CancelledError")


async def test_the_flow_has_it_too(graph: Simulator) -> None:
    app, call = "24701998-1a73-4d42-8085-bf46ed0ae039", graph.place_call()
    bot = cr.Redirector(
        app_id=app,
        credential=graph.access_token(),
        verifier=cr.Verifier(app, jwks=graph.jwks),
        base_url=graph.base_url,
    )
    bot.on_incoming(lambda _: TO_PHONE)
    notification = {
        "changeType": "created",
        "resourceUrl": f"/communications/calls/{call}",
        "resourceData": {"id": call, "state": "incoming"},
    }
    headers = {
        "Authorization": f"Bearer {graph.notification_token()}",
        "Content-Type": "application/json",
    }
    reply = await bot.handle({"value": [notification]}, headers)
    assert reply.status == 202
    await bot.close()
    span = only_span()
    assert span.attributes is not None and span.attributes["callredirect.call_id"] == call


def test_metrics() -> None:
    before = measured()
    outcomes = []
    for answer in (response("202 Accepted"), response("202 Accepted"), FORBIDDEN, None):
        with RawServer(answer) as server, cr.Client("token", base_url=server.url) as client:
            outcomes.append(client.redirect(CALL, TO_PHONE, deadline=2))
    after = measured()

    def grown(name: str, outcome: str) -> float:
        new, old = after[f"callredirect.{name}", outcome], before.get((f"callredirect.{name}", outcome), 0)
        return float(new - old if isinstance(new, int) else new[0] - (old[0] if old else 0))

    for name in ("redirects", "redirect.duration", "redirect.time_left"):
        assert [grown(name, outcome) for outcome in ("accepted", "rejected", "unknown")] == [2, 1, 1], name
    assert grown("attempts", "accepted") == sum(len(outcome.attempts) for outcome in outcomes[:2])
    assert grown("attempts", "unknown") == len(outcomes[3].attempts)
    count, total, bounds = after["callredirect.redirect.duration", "rejected"]
    assert 0 < total < 13 * count
    assert bounds[0] == 0.01 and bounds[-1] == 13


def test_who_has_not_loaded_it_does_not_load_it() -> None:
    code = """
import json, sys
import callredirect as cr
to = cr.Redirect([cr.Target.user("98da8a1a-1b87-452c-a713-65d3f10b1253")])
cr.Client("token", base_url=sys.argv[1]).redirect("491f0b00", to)
print(json.dumps([name for name in sys.modules if name.startswith("opentelemetry")]))
"""
    with RawServer() as server:
        command = [sys.executable, "-c", code, server.url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert json.loads(done.stdout) == [], done.stderr
