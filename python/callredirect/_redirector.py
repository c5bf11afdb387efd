"""The whole flow: verify, parse, claim, decide, validate, send, outcome.

Receiving is Rust's; what is here calls the bot's own functions, and runs on after the reply.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from ._client import AsyncClient
from ._native import Cloud, Receiver, Redirect, Reply, TrackedCall, Verifier
from ._observe import Watched, logger
from .exceptions import CallRedirectError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
    from typing import Any, TypeAlias, TypeVar

    from ._client import OnAmbiguous
    from ._credential import Credential
    from ._native import Call, Limits

    IncomingHandler: TypeAlias = (
        "Callable[[Call], Redirect | None] | Callable[[Call], Coroutine[Any, Any, Redirect | None]]"
    )
    EndedHandler: TypeAlias = "Callable[[TrackedCall], Any]"

    OnIncoming = TypeVar("OnIncoming", bound=IncomingHandler)
    OnEnded = TypeVar("OnEnded", bound=EndedHandler)
    _Handler = TypeVar("_Handler")
    _Result = TypeVar("_Result")


# Redirects are over within 13 seconds of their arrival; `on_ended` handlers may need a moment more.
_DRAIN_SECONDS = 15.0


class Redirector:
    """A bot that redirects calls. Give its ``handle`` every request to the calling webhook.

    Args:
        app_id: The bot's application id: the audience of Microsoft's tokens.
        credential: As for ``AsyncClient``; of the **call's** tenant.
        verifier: How to tell genuine notifications; ``Verifier(app_id)`` with Microsoft's own keys if not given.
        store: Where claims are kept, so that one call is redirected once: ``"memory"``, which is this process.
        api_version: ``"v1.0"`` or ``"beta"``.
        cloud: Where Graph is.
        base_url: Another root of Graph, such as a simulator's; plain http on loopback only.
        limits: Other numbers than Microsoft's present ones.
        on_ambiguous: As for ``AsyncClient``.

    The host owns the server, the event loop and the lifecycle; see ``callredirect.adapters``. Logs to
    ``callredirect``: ``INFO`` for refused notifications and accepted redirects, ``WARNING`` for other outcomes,
    ``ERROR`` for calls that could not be redirected; never tokens, bodies, names or whole phone numbers.
    """

    def __init__(
        self,
        *,
        app_id: str,
        credential: Credential,
        verifier: Verifier | None = None,
        store: str = "memory",
        api_version: str = "v1.0",
        cloud: Cloud = Cloud.GLOBAL,
        base_url: str | None = None,
        limits: Limits | None = None,
        on_ambiguous: OnAmbiguous = "probe_then_resend",
    ) -> None:
        verifier = verifier or Verifier(app_id)
        if verifier.app_id != app_id.lower():
            raise ValueError(f"the verifier is for app id {verifier.app_id!r}, the bot is {app_id!r}")
        self._app_id = app_id
        self._receiver = Receiver(verifier, store=store)
        self._client = AsyncClient(
            credential,
            api_version=api_version,
            cloud=cloud,
            base_url=base_url,
            limits=limits,
            on_ambiguous=on_ambiguous,
        )
        self._incoming: IncomingHandler | None = None
        self._ended: EndedHandler | None = None
        self._redirecting: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._fetching: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Redirector {self._app_id} {self._client!r}>"

    def on_incoming(self, handler: OnIncoming) -> OnIncoming:
        """Registers the function that says where a call goes: a ``Redirect``, or ``None`` to leave it alone.

        Synchronous functions run in a thread each. The function has until ``call.deadline``; then it
        is cancelled, as far as it can be, and the call is lost. The last one registered counts.
        """
        self._incoming = _checked(handler)
        return handler

    def on_ended(self, handler: OnEnded) -> OnEnded:
        """Registers the function that is told of every call that ended, once, after its redirect is settled."""
        self._ended = _checked(handler)
        return handler

    @property
    def calls(self) -> tuple[TrackedCall, ...]:
        """The last calls of this process, at most 10,000, oldest first."""
        return self._receiver.calls

    @property
    def max_bytes(self) -> int:
        """The longest body that is read, in bytes. A host may stop reading one byte later."""
        return self._receiver.max_bytes

    async def handle(
        self,
        body: bytes | str | Mapping[str, Any],
        headers: Mapping[str, str] | Iterable[tuple[str, str] | tuple[bytes, bytes]],
        *,
        received_at: float | None = None,
    ) -> Reply:
        """Takes in one webhook request and says what to answer. The redirect runs on after it.

        Args:
            body: The body as it came, or as the host has already read it.
            headers: All request headers: a mapping, or pairs.
            received_at: ``time.monotonic()`` when the request began; now, if it is not given.

        Returns:
            What to answer: 202, 204, 400, 401, 403, 413, 415 or 503, whatever the sender did.

        Raises:
            TypeError: The host's mistake, never the sender's: a body or headers of another type. A header that is
                ``None`` counts as absent.
        """
        if received_at is None:
            received_at = time.monotonic()
        from ._bridge import need_asyncio

        need_asyncio("Redirector")
        if isinstance(headers, Iterator):
            headers = list(headers)  # they may have to be read twice
        receipt = self._receiver.receive(body, headers, received_at)
        while receipt.reply is None:
            await self._fetch_keys()
            receipt = self._receiver.receive(body, headers, received_at)
        if receipt.reason is not None:
            logger().info("notification answered %d: %s", receipt.reply.status, receipt.reason)
        for call in receipt.incoming:
            redirecting = self._redirect(call, receipt.scenario_id)
            self._redirecting[call.call_id] = self._start(redirecting)
        for call in receipt.ended:
            self._start(self._tell_ended(call))
        return receipt.reply

    async def warm_up(self, tenant_id: str | None = None) -> None:
        """Fetches a token and opens a connection before the first call; for the host's startup. See ``Client.warm_up``."""
        await self._client.warm_up(tenant_id)

    async def close(self) -> None:
        """Answers new requests 503 and waits for the redirects under way, which their deadlines bound.

        Waits at most 15 seconds, in case a handler does not come back. Harmless when closed already.
        """
        import asyncio

        self._receiver.close()
        others = self._tasks - {asyncio.current_task()}
        if others:
            _, late = await asyncio.wait(others, timeout=_DRAIN_SECONDS)
            if late:
                logger().warning("closed with %d handler(s) still running", len(late))

    def _start(self, work: Coroutine[Any, Any, _Result]) -> asyncio.Task[_Result]:
        import asyncio

        # The set keeps the task alive: the loop itself holds it only weakly.
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _fetch_keys(self) -> None:
        """One fetch at a time, however many requests wait for it; a request that is cut off does not end it."""
        import asyncio

        fetching = self._fetching
        if fetching is None or fetching.done() or fetching.get_loop() is not asyncio.get_running_loop():
            fetching = self._fetching = self._start(self._fetch_keys_once())
        await asyncio.shield(fetching)

    async def _fetch_keys_once(self) -> None:
        from ._bridge import loop_mailbox

        failure: str | None
        try:
            box = loop_mailbox()
            failure = await box.wait(self._receiver.fetch_keys(box.mailbox))
        except OSError as error:
            failure = str(error)
        if failure is not None:
            logger().warning("Microsoft's keys could not be fetched: %s", failure)

    async def _redirect(self, tracked: TrackedCall, scenario_id: str | None) -> None:
        """Decide, validate, send. Whatever happens, the call ends in one recorded outcome."""
        try:
            await self._settle(tracked, scenario_id)
        except CallRedirectError as error:
            self._failed(tracked, " ".join(f"{type(error).__name__}: {error}".split()))  # one line
        except Exception as error:
            # The bot's own code, or its credential: the log has the traceback, the record only the kind.
            logger().exception("call %s: the bot's code raised", tracked.call_id)
            self._failed(tracked, f"{type(error).__name__} was raised")
        except BaseException as error:
            # The loop or the process is being stopped.
            self._failed(tracked, f"interrupted by {type(error).__name__}")
            raise
        finally:
            self._redirecting.pop(tracked.call_id, None)

    async def _settle(self, tracked: TrackedCall, scenario_id: str | None) -> None:
        import asyncio

        call = tracked.call
        if call is None or self._incoming is None:
            return self._failed(tracked, "no on_incoming handler is registered")
        if call.deadline.passed:
            return self._failed(tracked, "it arrived too late to be redirected")
        deciding = self._start(_run(self._incoming, call))
        try:
            await asyncio.wait([deciding], timeout=call.deadline.remaining)
        finally:
            in_time = deciding.done()
            deciding.cancel()  # it may refuse to be: nobody waits for it
        if not in_time:
            return self._failed(tracked, "the on_incoming handler gave no answer before the deadline")
        if deciding.cancelled():
            return self._failed(tracked, "the on_incoming handler was cancelled")
        decision = deciding.result()
        tracked._decided()
        if decision is None:
            logger().info("call %s was left alone", tracked.call_id)
            tracked._left_alone()
            return None
        if not isinstance(decision, Redirect):
            return self._failed(
                tracked, f"the on_incoming handler returned {type(decision).__name__}, not a Redirect or None"
            )
        request = self._client._prepare(call, decision, call.deadline, scenario_id)
        tracked._validated()
        if tracked.ended:
            reason = "the call ended before it could be redirected"
            tracked._failed(reason)
            return logger().info("call %s: %s", tracked.call_id, reason)  # nobody's fault
        with Watched(call, request, silent=False) as watched:
            token = await self._client._token(request)
            try:
                outcome = await self._client._send(request, token)
            except asyncio.CancelledError:
                self._failed(tracked, "cancelled while the redirect was being sent: it may have arrived")
                raise
            tracked._redirected(outcome)
            watched.ended(outcome)
        logger().debug("%r", tracked)
        return None

    def _failed(self, tracked: TrackedCall, reason: str) -> None:
        if tracked._failed(reason):
            logger().error("call %s: %s", tracked.call_id, reason)

    async def _tell_ended(self, tracked: TrackedCall) -> None:
        import asyncio

        redirecting = self._redirecting.get(tracked.call_id)
        if redirecting is not None:
            await asyncio.wait([redirecting])
        if self._ended is None:
            return
        try:
            await _run(self._ended, tracked)
        except Exception:
            logger().exception("call %s: the on_ended handler raised", tracked.call_id)


def _checked(handler: _Handler) -> _Handler:
    if not callable(handler):
        raise TypeError(f"a handler is a function, not {type(handler).__name__}")
    return handler


async def _run(handler: Callable[..., Any], argument: object) -> Any:
    """Calls a handler, synchronous ones in a thread because they may block."""
    import inspect

    if inspect.iscoroutinefunction(handler):
        return await handler(argument)
    from ._threads import in_thread

    result = await in_thread(handler, argument)
    if inspect.isawaitable(result):
        awaitable: Awaitable[Any] = result
        return await awaitable
    return result
