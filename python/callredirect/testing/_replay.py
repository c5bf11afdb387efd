"""Recorded requests, posted to a bot once more."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any, Protocol

from callredirect._native import IncomingCall, RecordedRequest, Replay, Replayed
from callredirect._recording import read_recording
from callredirect.exceptions import ParseError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
    from typing import TypeAlias

    from callredirect._native import Simulator

    Recording: TypeAlias = "str | os.PathLike[str] | Iterable[RecordedRequest]"
    Authorize: TypeAlias = "Callable[[RecordedRequest], str | None]"
    AuthorizeAsync: TypeAlias = "Callable[[RecordedRequest], str | None | Awaitable[str | None]]"


class Signer(Protocol):
    """What a replay needs of a simulator."""

    def notification_token(self, app_id: None, tenant_id: str | None, /) -> str:
        """A token for the simulator's app and a tenant, ``None`` for its own."""
        ...

    def place_call(self, *, call_id: str, tenant_id: str | None) -> object:
        """Makes a call known to Graph. ``ValueError`` if it rings already."""
        ...


def replay(
    recording: Recording,
    url: str,
    *,
    speed: float | None = 1.0,
    simulator: Simulator | None = None,
    authorization: str | Authorize | None = None,
    concurrency: int = 16,
    timeout: float = 15.0,
    patience: float = 5.0,
) -> Iterator[Replayed]:
    """Posts recorded requests to a bot, and tells what it answers each time, as the answers come.

    ``list(replay(...))`` replays all. The requests of one call are posted one after another. A recording holds no
    tokens: give the ``simulator`` whose bot it is, and it signs the requests that were genuine when they were recorded;
    or an ``authorization`` of your own. Without either the requests are posted without any.

    Args:
        recording: The path of a recording, or requests out of one.
        url: The bot's webhook: https, or http on this machine.
        speed: How many times faster than they came, 10 for a tenth of the time; ``None`` does not wait at all.
        simulator: Who signs the requests.
        authorization: The header's value, or a function that gives it, ``None`` for none, for each request.
        concurrency: Requests under way at a time.
        timeout: Seconds that the bot has for an answer.
        patience: Seconds to wait for a bot on this machine to listen.

    Raises:
        ConnectionError: Nobody listens at ``url``.
        ValueError: An ``url`` that cannot be posted to, or no recording.
    """
    sign = _signer(simulator, authorization)
    begun = _begin(recording, url, speed, sign, concurrency, timeout, patience)

    def results() -> Iterator[Replayed]:
        while (news := begun.next(None)) is not None:
            if isinstance(news, int):
                answer = _signed(begun, news, sign)
                if not (answer is None or isinstance(answer, str)):
                    raise TypeError("an authorization that has to be awaited is for replay_async")
                begun.authorize(news, answer)
            else:
                yield news

    return results()


def replay_async(
    recording: Recording,
    url: str,
    *,
    speed: float | None = 1.0,
    simulator: Simulator | None = None,
    authorization: str | AuthorizeAsync | None = None,
    concurrency: int = 16,
    timeout: float = 15.0,
    patience: float = 5.0,
) -> AsyncIterator[Replayed]:
    """What `replay` does, for ``async for``: also when the bot runs on this very event loop.

    The ``authorization`` may be a function that is awaited.
    """
    sign = _signer(simulator, authorization)
    begun = _begin(recording, url, speed, sign, concurrency, timeout, patience)

    async def results() -> AsyncIterator[Replayed]:
        from callredirect._bridge import loop_mailbox

        box = loop_mailbox()
        while (news := await box.wait(begun.next(box.mailbox))) is not None:  # type: ignore[arg-type]
            if isinstance(news, Replayed):
                yield news
                continue
            answer = _signed(begun, news, sign)
            begun.authorize(news, answer if answer is None or isinstance(answer, str) else await answer)

    return results()


def _begin(
    recording: Recording,
    url: str,
    speed: float | None,
    sign: object,
    concurrency: int,
    timeout: float,
    patience: float,
) -> Replay:
    requests = read_recording(recording) if isinstance(recording, (str, os.PathLike)) else recording
    return Replay(
        requests,
        url,
        speed=speed,
        concurrency=concurrency,
        timeout=timeout,
        patience=patience,
        ask=sign is not None,
    )


def _signed(begun: Replay, index: int, sign: Any) -> Any:
    request = begun.request(index)
    return None if request is None else sign(request)


def _signer(simulator: Simulator | None, authorization: Any) -> Any:
    """What gives a request its ``Authorization``; ``None`` where none has any."""
    if simulator is not None:
        if authorization is not None:
            raise ValueError("simulator or authorization, not both")
        return Signing(simulator)
    if isinstance(authorization, str):
        return lambda _: authorization
    return authorization


class Signing:
    """Signs with a simulator's key, for the tenant of the call: only its first notification may name that.

    A call that comes rings at the simulator, so that its redirect is taken.
    """

    def __init__(self, simulator: Signer) -> None:
        self._simulator = simulator
        self._tenants: dict[str, str] = {}

    def __call__(self, request: RecordedRequest) -> str | None:
        if request.verdict.status == 401 and not request.verdict.verified:
            return None  # refused then and now; a recorder before the bot saw no more than the 401
        tenant: str | None = None
        try:
            for note in request.parse():
                call = getattr(note, "call", None)
                if note.call_id is not None:
                    if isinstance(note, IncomingCall):
                        with contextlib.suppress(ValueError):  # it rings already: the notification came twice
                            self._simulator.place_call(call_id=note.call_id, tenant_id=note.call.tenant_id)
                    tenant = getattr(call, "tenant_id", None) or self._tenants.get(note.call_id)
                    if tenant is not None:
                        self._tenants[note.call_id] = tenant
                        break
        except ParseError:
            pass  # the bot's own business
        return f"Bearer {self._simulator.notification_token(None, tenant)}"
