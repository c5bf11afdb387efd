"""What becomes of redirects, told to whoever watches: the log, and OpenTelemetry where the application has loaded it.

Spoken from Python's threads only, and never of a token, a body, a name or a phone number: of ids, codes and times.
Who does not watch pays next to nothing: neither `logging` nor OpenTelemetry is imported here.
"""

from __future__ import annotations

import sys

from ._native import Accepted, CallGone, Expired, Rejected, Unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any

    from typing_extensions import Self

    from ._native import Call, Outcome, PreparedRedirect

_NAMES: dict[type[Outcome], str] = {
    Accepted: "accepted",
    Rejected: "rejected",
    CallGone: "call gone",
    Expired: "expired",
    Unknown: "unknown",
}
_FINE = (Accepted, CallGone)  # a caller who hung up is nobody's fault
_DEBUG, _INFO, _WARNING = 10, 20, 30  # as in `logging`
# Seconds. The default bounds of OpenTelemetry are made for milliseconds.
_BOUNDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 10.0, 11.0, 12.0, 12.5, 13.0]


def logger(step: str = "") -> logging.Logger:
    """The package's logger, or that of one step."""
    # Imported when there is something to say: it costs more than the rest of the package.
    import logging

    return logging.getLogger(f"callredirect.{step}" if step else "callredirect")


_logs: dict[bool, logging.Logger] = {}


def _open(silent: bool) -> logging.Logger:
    """Where outcomes are told. Python prints warnings where no logging is set up: not those that are silent."""
    log = _logs[silent] = logger("send" if silent else "")
    if silent:
        import logging

        log.addHandler(logging.NullHandler())
    return log


class Watched:
    """One redirect from when it is ready to be sent until its outcome is known: ``with Watched(...) as watched``."""

    __slots__ = ("_call", "_late", "_left", "_request", "_silent", "_span")

    def __init__(
        self,
        call: Call | str,
        request: PreparedRedirect,
        *,
        silent: bool = True,
        late: Callable[[Outcome], object] | None = None,
    ) -> None:
        self._call = call
        self._request = request
        # The caller of a client holds the outcome in his hand; what a `Redirector` does would go unseen.
        self._silent = silent
        self._span: Any = None
        self._late = late
        self._left = False

    def __enter__(self) -> Self:
        if "opentelemetry.trace" in sys.modules:
            tracer, kind, _ = _tracing()
            self._span = tracer.start_span("callredirect.redirect", kind=kind)
        return self

    def ended(self, outcome: Outcome) -> Outcome:
        """Says how it ended, and hands the outcome on."""
        log = _logs.get(self._silent)
        if log is None and "logging" in sys.modules:  # else nobody can be listening
            log = _open(self._silent)
        level = _INFO if isinstance(outcome, _FINE) else _WARNING
        if log is not None and log.isEnabledFor(level):
            self._log(log, level, outcome)
        if self._span is not None and self._span.is_recording():
            self._trace(outcome)
        if _measured():
            self._measure(outcome)
        return outcome

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._left:
            self._close(kind)

    def leave(self) -> None:
        """Whoever waited was cancelled: the outcome is still to come, see ``come``."""
        self._left = True

    def come(self, outcome: Outcome | None, error: BaseException | None) -> None:
        """The outcome of a redirect that nobody waits for any more. ``None``: nobody would have another token."""
        if error is None:
            outcome = outcome or self._request.give_up()
            if self._late is not None:
                self._late(outcome)
            self.ended(outcome)
        self._close(None if error is None else type(error))

    def _close(self, kind: type[BaseException] | None) -> None:
        if kind is not None:
            # Only the class: what a credential raises may quote a secret.
            if self._span is not None:
                self._fault(kind.__name__)
            if _measured():
                _instruments()[0].add(1, {"callredirect.outcome": "raised", "error.type": kind.__name__})
        if self._span is not None:
            self._span.end()

    @property
    def _call_id(self) -> str | None:
        return self._call if isinstance(self._call, str) else self._call.id

    def _log(self, log: logging.Logger, level: int, outcome: Outcome) -> None:
        call_id, name, attempts = self._call_id, _NAMES[type(outcome)], outcome.attempts
        elapsed, left = outcome.elapsed * 1e3, self._request.deadline.remaining * 1e3
        last = attempts[-1] if attempts else None
        fields = {
            "call_id": call_id,
            "client_request_id": outcome.client_request_id,
            "outcome": name.replace(" ", "_"),
            "attempts": len(attempts),
            "elapsed_ms": round(elapsed, 3),
            "time_left_ms": round(left, 3),
            "status": last and last.status,
            "code": getattr(outcome, "code", None),
            "request_id": getattr(outcome, "request_id", None) or (last and last.request_id),
        }
        for number, attempt in enumerate(attempts, 1) if log.isEnabledFor(_DEBUG) else ():
            what, took = attempt.status or attempt.error, attempt.duration * 1e3
            log.debug("call %s: attempt %d: %s, %.1f ms", call_id, number, what, took, extra=fields)
        detail = " ".join(str(fields[key]) for key in ("status", "code") if fields[key] is not None)
        # Not the reason where Graph has spoken: it quotes Graph, and Graph may repeat a name.
        detail = detail or (last.error if last else getattr(outcome, "reason", None)) or "no answer"
        log.log(
            level,
            "call %s: %s: %s, attempts %d, %.1f ms, %.0f ms left, client-request-id %s, request-id %s",
            call_id,
            name,
            detail,
            len(attempts),
            elapsed,
            left,
            outcome.client_request_id,
            fields["request_id"],
            extra=fields,
        )

    def _trace(self, outcome: Outcome) -> None:
        span, attempts = self._span, outcome.attempts
        span.set_attribute("callredirect.outcome", _NAMES[type(outcome)].replace(" ", "_"))
        span.set_attribute("callredirect.client_request_id", outcome.client_request_id)
        span.set_attribute("callredirect.attempts", len(attempts))
        span.set_attribute("callredirect.time_left", self._request.deadline.remaining)
        if (call_id := self._call_id) is not None:
            span.set_attribute("callredirect.call_id", call_id)
        if attempts and attempts[-1].status is not None:
            span.set_attribute("http.response.status_code", attempts[-1].status)
        request_id = getattr(outcome, "request_id", None) or (attempts and attempts[-1].request_id)
        if request_id:
            span.set_attribute("callredirect.request_id", request_id)
        if not isinstance(outcome, _FINE):
            self._fault(getattr(outcome, "code", None) or _NAMES[type(outcome)])

    def _fault(self, kind: str) -> None:
        status = _tracing()[2]
        self._span.set_attribute("error.type", kind)
        self._span.set_status(status)

    def _measure(self, outcome: Outcome) -> None:
        redirects, attempts, duration, left = _instruments()
        labels: dict[str, str | int] = {"callredirect.outcome": _NAMES[type(outcome)].replace(" ", "_")}
        tried = outcome.attempts
        if tried and tried[-1].status is not None:
            labels["http.response.status_code"] = tried[-1].status
        redirects.add(1, labels)
        attempts.add(len(tried), labels)
        duration.record(outcome.elapsed, labels)
        left.record(self._request.deadline.remaining, labels)


def _measured() -> bool:
    """Whether the application has set up metrics: what OpenTelemetry has by itself counts nothing."""
    if "opentelemetry.metrics" not in sys.modules:
        return False
    from opentelemetry.metrics import get_meter_provider

    return not type(get_meter_provider()).__module__.startswith("opentelemetry.metrics")


_made: dict[str, tuple[Any, ...]] = {}


def _tracing() -> tuple[Any, ...]:
    """The tracer, the kind of our spans, and the status of those that went wrong."""
    made = _made.get("trace")
    if made is None:
        from opentelemetry.trace import SpanKind, Status, StatusCode, get_tracer

        made = _made["trace"] = (get_tracer("callredirect"), SpanKind.CLIENT, Status(StatusCode.ERROR))
    return made


def _instruments() -> tuple[Any, ...]:
    """The counters of redirects and attempts, the histograms of duration and of time left."""
    made = _made.get("metrics")
    if made is None:
        from opentelemetry.metrics import get_meter

        meter = get_meter("callredirect")

        def histogram(name: str, description: str) -> Any:
            bounds = {"explicit_bucket_boundaries_advisory": _BOUNDS}
            try:
                return meter.create_histogram(name, "s", description, **bounds)
            except TypeError:  # OpenTelemetry before 1.30 takes no advice
                return meter.create_histogram(name, "s", description)

        made = _made["metrics"] = (
            meter.create_counter("callredirect.redirects", "{redirect}", "Redirects, by outcome"),
            meter.create_counter("callredirect.attempts", "{attempt}", "Requests to Graph, by outcome"),
            histogram("callredirect.redirect.duration", "From the first attempt to the outcome"),
            histogram("callredirect.redirect.time_left", "Between the outcome and the deadline"),
        )
    return made
