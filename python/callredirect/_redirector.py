"""The whole flow: verify, parse, claim, decide, validate, send, outcome.

Receiving is Rust's; what is here calls the bot's own functions, and runs on after the reply.
"""

from __future__ import annotations

import contextlib
import functools
import os
import time
from collections.abc import Iterator

from ._claims import LEASE, NativeClaims, OwnClaims, check
from ._client import AsyncClient
from ._native import ClaimRecord, Cloud, Receiver, Redirect, Reply, TrackedCall, Verifier
from ._observe import Watched, logger
from ._recording import Recorder
from .exceptions import CallRedirectError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
    from typing import Any, Literal, TypeAlias, TypeVar

    from ._claims import Grant
    from ._client import OnAmbiguous
    from ._credential import Credential
    from ._native import Call, Limits, Outcome, PreparedRedirect
    from ._warm import Warmth
    from .stores import ClaimStore

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

# What a default redirect needs when the handler has used up its time.
_RESERVED = 3.0

# A turn of the event loop that took longer was somebody's who blocked it.
_LONG_TURN = 0.02
_REPLIES_FIRST_SECONDS = 60.0

# Between two warnings of one fault of the store.
_WARNING_SECONDS = 60.0

# Calls left behind that are logged one by one.
_MOST_LOGGED = 20

# Of the processes that this one was forked off.
_inherited: list[object] = []

_YOURS = ("yours", None)
_INTERRUPTED = "interrupted while the redirect was being sent"
_ENDED = "the call ended before it could be redirected"


class Redirector:
    """A bot that redirects calls. Give its ``handle`` every request to the calling webhook.

    Args:
        app_id: The bot's application id: the audience of Microsoft's tokens.
        credential: As for ``AsyncClient``; of the **call's** tenant.
        verifier: How to tell genuine notifications; ``Verifier(app_id)`` with Microsoft's own keys if not given.
        store: Where claims are kept, so that one call is redirected once: ``"memory"``, which is this process;
            ``"sqlite:///calls.db"`` for several workers on one host (four slashes from the root), kept over a restart;
            ``"redis://host:6379/0"``, or ``rediss://`` encrypted, for workers on many hosts, Redis or Valkey; or a
            ``callredirect.stores.ClaimStore`` of your own.
        store_down: What to do with a call when the store gives no answer within 300 ms: ``"degrade"`` redirects it all
            the same, for a lost call is certain harm and Graph refuses to redirect a call twice; ``"fail_closed"``
            loses it.
        default: Where a call goes when the handler raises, hangs, or returns what cannot be sent.
        handler_timeout: Seconds that the handler has, at most until the call's deadline; with a ``default``, until 3
            seconds before it.
        end_timeout: Seconds after which a call whose end was never told counts as over.
        api_version: ``"v1.0"`` or ``"beta"``.
        cloud: Where Graph is.
        base_url: Another root of Graph, such as a simulator's; plain http on loopback only.
        limits: Other numbers than Microsoft's present ones.
        on_ambiguous: As for ``AsyncClient``.
        application_instances: Object ids of the application instances (resource accounts, phone numbers) that are this
            bot's. A call must then ring one of them, or the application itself; else it is answered 403. ``None``
            takes the calls of any instance.
        region_urls: For a bot in several regions: the other regions' webhooks by the caller's region (``"emea"``,
            ``"apac"``, ...), as Microsoft names it in ``X-Microsoft-Skype-Caller-Region``. Their calls are answered
            302 with that address, and Microsoft goes there.
        record: Where requests are recorded: the path of a file, or a ``Recorder``.

    The host owns the server, the event loop and the lifecycle; see ``callredirect.adapters``. Logs to
    ``callredirect``: ``INFO`` for refused notifications, accepted redirects and callers who hung up, ``WARNING`` for
    other outcomes, ``ERROR`` for calls that could not be redirected, ``DEBUG`` for every attempt and the whole story
    of each call; never tokens, bodies, names or whole phone numbers. Needs asyncio (uvloop, or anyio on it).
    """

    def __init__(
        self,
        *,
        app_id: str,
        credential: Credential,
        verifier: Verifier | None = None,
        store: str | ClaimStore = "memory",
        store_down: Literal["degrade", "fail_closed"] = "degrade",
        default: Redirect | None = None,
        handler_timeout: float | None = None,
        end_timeout: float = 600.0,
        api_version: str = "v1.0",
        cloud: Cloud = Cloud.GLOBAL,
        base_url: str | None = None,
        limits: Limits | None = None,
        on_ambiguous: OnAmbiguous = "probe_then_resend",
        application_instances: Sequence[str] | None = None,
        region_urls: Mapping[str, str] | None = None,
        record: str | os.PathLike[str] | Recorder | None = None,
    ) -> None:
        verifier = verifier or Verifier(app_id)
        if verifier.app_id != app_id.lower():
            raise ValueError(f"the verifier is for app id {verifier.app_id!r}, the bot is {app_id!r}")
        self._app_id = app_id
        if store_down not in ("degrade", "fail_closed"):
            raise ValueError(f"store_down must be 'degrade' or 'fail_closed', not {store_down!r}")
        if default is not None:
            default.validate(api_version, limits)
        fail_closed = store_down == "fail_closed"
        if verifier.accepts_anyone:
            logger().warning(
                "bot %s accepts notifications from ANYONE: whoever reaches its webhook can make it redirect calls;"
                " give it a Verifier(app_id) before it is on the air",
                app_id,
            )
        receiver = functools.partial(
            Receiver,
            verifier,
            fail_closed=fail_closed,
            application_instances=application_instances,
            regions=dict(region_urls or {}),
        )
        self._claims: NativeClaims | OwnClaims
        if isinstance(store, str):
            self._receiver = receiver(store=store)
            self._claims = NativeClaims(self._receiver)
        else:
            check(store)
            self._receiver = receiver(store="memory")
            self._claims = OwnClaims(store, fail_closed=fail_closed)
        self._recorder = record if record is None or isinstance(record, Recorder) else Recorder(record)
        self._anyone = verifier.accepts_anyone
        self._default = default
        self._handler_timeout = handler_timeout
        self._end_timeout = end_timeout
        self._made_in = self._works_in = os.getpid()
        self._began_in: int | None = None
        self._beginning: asyncio.Task[None] | None = None
        self._warned_at: float | None = None
        self._replies_first_until = 0.0
        self._waiters: dict[str, list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]]] = {}
        self._timers: dict[str, tuple[asyncio.AbstractEventLoop, asyncio.TimerHandle]] = {}
        self._client = AsyncClient(
            credential,
            api_version=api_version,
            cloud=cloud,
            base_url=base_url,
            limits=limits,
            on_ambiguous=on_ambiguous,
        )
        self._closing = False
        self._warmth: Warmth | None = None
        self._incoming: IncomingHandler | None = None
        self._ended: EndedHandler | None = None
        self._redirecting: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._fetching: asyncio.Task[None] | None = None
        self._closed = False

    def __repr__(self) -> str:
        return f"<Redirector {self._app_id} {self._client!r}>"

    def on_incoming(self, handler: OnIncoming) -> OnIncoming:
        """Registers the function that says where a call goes: a ``Redirect``, or ``None`` to leave it alone.

        Synchronous functions run in a thread each; an asynchronous one must not block. The function has until
        ``call.deadline``, or less, see ``handler_timeout``; then it is cancelled, as far as it can be, and the call
        goes to the ``default`` or is lost. The last one registered counts.
        """
        self._incoming = _checked(handler)
        return handler

    def on_ended(self, handler: OnEnded) -> OnEnded:
        """Registers the function that is told of every call that ended, once, after its redirect is settled.

        With a store, one worker of all is told. A call whose end never comes is told after ``end_timeout``, with
        ``timed_out``.
        """
        self._ended = _checked(handler)
        return handler

    @property
    def calls(self) -> tuple[TrackedCall, ...]:
        """The last calls this process heard of, at most 10,000, oldest first."""
        return self._receiver.calls

    @property
    def claims_degraded(self) -> int:
        """Calls that were redirected without the claim store's leave since the start, because it gave no answer."""
        return self._claims.degraded

    async def ended(self, call_id: str, *, timeout: float | None = None) -> TrackedCall:
        """Waits until a call is over: until its redirect is settled, and its end was told or waited for in vain.

        Raises:
            LookupError: This process has not heard of the call.
            TimeoutError: It is not over in time, or when the bot closes, nor was another worker told of its end, as far
                as the store answers.
        """
        import asyncio

        tracked = self._receiver.find(call_id)
        if tracked is None:
            raise LookupError(f"no call {call_id!r} was ever notified to this process")
        if self._is_over(tracked):
            return tracked
        if not self._closed:
            loop = asyncio.get_running_loop()
            over = loop.create_future()
            waiters = self._waiters.setdefault(tracked.call_id, [])
            waiters.append((loop, over))
            try:
                await asyncio.wait([over], timeout=timeout)
            finally:
                if not over.done():
                    waiters.remove((loop, over))
                    if not waiters:
                        self._waiters.pop(tracked.call_id, None)
        if not self._is_over(tracked):
            await self._claims.get(tracked)  # another worker may have been told of it
            if not self._is_over(tracked):
                when = "when the bot was closed" if self._closed else f"within {timeout} s"
                raise TimeoutError(f"call {tracked.call_id} was not over {when}")
            self._over(tracked)
        return tracked

    def _is_over(self, tracked: TrackedCall) -> bool:
        return (tracked.ended or tracked.timed_out) and tracked.call_id not in self._redirecting

    async def unfinished(self) -> tuple[ClaimRecord, ...]:
        """Calls whose worker ended without saying how they did, oldest first.

        ``claimed`` was not redirected, ``sent`` may have been. Nobody redirects them any more; each worker logs them
        when it takes its first request. None with ``"memory"`` and with a store of your own.

        Raises:
            OSError: The store does not answer.
        """
        return await self._claims.unfinished()

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

        It is asked for, and on its way, before the reply is written, where nothing has to be waited for: the claims are
        in memory, the token is at hand, and the handler is asynchronous and decides without awaiting.

        Args:
            body: The body as it came, or as the host has already read it.
            headers: All request headers: a mapping, or pairs.
            received_at: ``time.monotonic()`` when the request began; now, if it is not given.

        Returns:
            What to answer: 202, 204, 302, 400, 401, 403, 413, 415 or 503, whatever the sender did.

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
        self._leave_parent()
        receipt = self._receiver.receive(body, headers, received_at)
        while receipt.reply is None:
            await self._fetch_keys()
            receipt = self._receiver.receive(body, headers, received_at)
        if self._recorder is not None:
            self._recorder._note(body, headers, received_at, receipt, self._anyone)
        if receipt.keys_due:
            self._start(self._fetch_keys())  # nobody waits for these
        if receipt.reason is not None:
            logger().info("notification answered %d: %s", receipt.reply.status, receipt.reason)
        if self._began_in != os.getpid():
            self._begin()
        at_once = False
        for call in receipt.incoming:
            # The store is asked before the reply leaves, and its answer awaited after it.
            claiming = self._claim(call)
            # Before the task that waits for it: then both have their first turn in this order.
            deciding = self._ask(call) if claiming == _YOURS else None
            work = self._redirect(call, claiming, deciding, receipt.scenario_id)
            at_once = at_once or deciding is not None
            redirecting = self._start(work)
            if not redirecting.done():  # tasks may be eager
                self._redirecting[call.call_id] = redirecting
        for call in receipt.ended:
            self._start(self._tell_ended(call))
        if at_once:
            await self._one_turn()
        return receipt.reply

    async def _one_turn(self) -> None:
        """Lets a redirect that has nothing to wait for leave before the reply is written, which takes as long.

        A handler that blocks the loop, as it must not, delays a reply by that: then they go first again for a while.
        """
        import asyncio

        began = time.monotonic()
        if began >= self._replies_first_until:
            await asyncio.sleep(0)
            if (now := time.monotonic()) - began > _LONG_TURN:
                self._replies_first_until = now + _REPLIES_FIRST_SECONDS

    async def warm_up(self, tenant_id: str | None = None) -> None:
        """Fetches a token and opens a connection before the first call; for the host's startup. See ``Client.warm_up``.

        From then on, or from the first redirect on, both are kept until ``close``, however quiet it is: those of the 16
        tenants lately called.
        """
        await self._client.warm_up(tenant_id)
        self._keep_warm(tenant_id)

    def _keep_warm(self, tenant_id: str | None) -> None:
        if self._closing:
            return
        if self._warmth is None:
            from ._warm import Warmth

            self._warmth = Warmth(self._client)
        self._warmth.used(tenant_id)

    async def close(self) -> None:
        """Answers new requests 503 and waits for the redirects under way, which their deadlines bound.

        Waits at most 15 seconds, in case a handler does not come back. Harmless when closed already.
        """
        self._leave_parent()
        self._receiver.close()
        self._claims.close()
        self._closing = True
        if self._beginning is not None:
            self._beginning.cancel()
        for call_id in tuple(self._timers):
            self._unwatch(call_id)
        if self._warmth is not None:
            await self._warmth.close()
        if late := await self._drained():
            logger().warning("closed with %d handler(s) still running", late)
        # No end will be told any more, and no timer goes off.
        self._closed = True
        for call_id in tuple(self._waiters):
            self._wake(call_id)
        if self._recorder is not None:
            from ._threads import call

            await call(self._recorder.close)

    async def settled(self) -> None:
        """Waits for the redirects under way, at most 15 seconds, and goes on taking requests.

        For a host that may stop the process as soon as it has replied.
        """
        await self._drained()

    async def _drained(self) -> int:
        """Waits for what runs, and says how much of it still does."""
        import asyncio

        self._leave_parent()
        others = [_end_of(task) for task in self._tasks - {asyncio.current_task()}]
        return len((await asyncio.wait(others, timeout=_DRAIN_SECONDS))[1]) if others else 0

    def _leave_parent(self) -> None:
        """What the process runs that this one was forked off is its own: nobody here may wait for it."""
        if self._works_in == os.getpid():
            return
        self._works_in = os.getpid()
        # Letting go of tasks that are pending would be complained of.
        _inherited.append((self._tasks, self._redirecting, self._beginning, self._fetching))
        self._tasks, self._redirecting = set(), {}
        self._beginning = self._fetching = None
        self._timers, self._waiters = {}, {}

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

    def _begin(self) -> None:
        """What is said once in each process: that others may claim the same calls, and what was left unfinished."""
        self._began_in = os.getpid()
        if isinstance(self._claims, NativeClaims) and self._claims.local:
            from ._workers import siblings

            forked = (
                "the bot was made before its process was forked" if self._made_in != os.getpid() else None
            )
            if reason := siblings() or forked:
                logger().warning(
                    "store='memory' keeps claims within one process, but there seem to be several (%s): a call that is"
                    " notified twice may be redirected twice; set store= to sqlite:///... or redis://...",
                    reason,
                )
        elif not self._claims.local:
            import asyncio

            self._beginning = asyncio.get_running_loop().create_task(self._log_unfinished())

    async def _log_unfinished(self) -> None:
        import asyncio

        await asyncio.sleep(LEASE)  # a worker that died a moment ago still has its claims
        try:
            records = await self.unfinished()
        except OSError as error:
            self._store_fault(str(error))
            return
        for record in records[:_MOST_LOGGED]:
            became = "may have been redirected" if record.stage == "sent" else "was not redirected"
            logger().warning(
                "call %s was left behind by a worker that is gone: it %s", record.call_id, became
            )
        if len(records) > _MOST_LOGGED:
            logger().warning("%d more calls were left behind", len(records) - _MOST_LOGGED)

    def _claim(self, tracked: TrackedCall) -> Grant | Awaitable[Grant]:
        try:
            return self._claims.claim(tracked)
        except OSError as error:
            return "refused", str(error)

    def _ask(self, tracked: TrackedCall) -> asyncio.Task[Redirect | None] | None:
        """Starts the bot's own function, in a task of its own: whatever it does there, the redirect's goes on."""
        from ._threads import call as run

        call = tracked.call
        if self._incoming is None or call is None or tracked.deadline.passed:
            return None
        return self._start(run(self._incoming, call))

    def _store_fault(self, reason: str) -> None:
        """Once a minute: when a store is down, every call meets that."""
        now = time.monotonic()
        if self._warned_at is None or now - self._warned_at >= _WARNING_SECONDS:
            self._warned_at = now
            logger().warning(
                "the claim store is no help: %s; %d call(s) went on without it so far",
                reason,
                self.claims_degraded,
            )

    async def _redirect(
        self,
        tracked: TrackedCall,
        claiming: Grant | Awaitable[Grant],
        deciding: asyncio.Task[Redirect | None] | None,
        scenario_id: str | None,
    ) -> None:
        """Claim, decide, validate, send. Whatever happens, the call ends in one recorded outcome."""
        claimed = False
        try:
            grant = claiming if isinstance(claiming, tuple) else await claiming
            self._watch(tracked)
            if claimed := self._granted(tracked, grant):
                await self._attempt(tracked, deciding or self._ask(tracked), scenario_id)
                if fault := await self._claims.finish(tracked):
                    self._store_fault(fault)
        except BaseException as error:
            # The loop or the process is being stopped.
            self._failed(tracked, f"interrupted by {type(error).__name__}")
            if claimed:
                self._claims.finish_soon(tracked)
            raise
        finally:
            self._redirecting.pop(tracked.call_id, None)
            if tracked.ended:
                self._over(tracked)

    async def _attempt(
        self,
        tracked: TrackedCall,
        deciding: asyncio.Task[Redirect | None] | None,
        scenario_id: str | None,
    ) -> None:
        try:
            await self._settle(tracked, deciding, scenario_id)
        except CallRedirectError as error:
            self._failed(tracked, _one_line(error))
        except Exception as error:
            # The credential: the log has the traceback, the record only the kind.
            logger().exception("call %s: the bot's code raised", tracked.call_id)
            self._failed(tracked, f"{type(error).__name__} was raised")

    def _granted(self, tracked: TrackedCall, grant: Grant) -> bool:
        """Whether to go on; if not, the call is settled."""
        word, reason = grant
        if reason is not None:
            self._store_fault(reason)
        if word == "elsewhere":
            tracked._elsewhere()
            logger().info("call %s is another worker's", tracked.call_id)
        elif word == "ended":
            tracked._failed(_ENDED)
            tracked._end_elsewhere()
            logger().info("call %s: %s", tracked.call_id, _ENDED)  # nobody's fault
        elif word == "refused":
            self._failed(tracked, f"not claimed, so not redirected: {reason}")
        return word in ("yours", "unasked")

    async def _settle(
        self,
        tracked: TrackedCall,
        deciding: asyncio.Task[Redirect | None] | None,
        scenario_id: str | None,
    ) -> None:
        call = tracked.call
        if call is None:
            return self._failed(tracked, "the call came without a notification of its arrival")
        if deciding is None and tracked.deadline.passed:
            return self._failed(tracked, "it arrived too late to be redirected")
        told = (tracked.deadline, scenario_id, tracked._tenant_id)
        request: PreparedRedirect | None = None
        failure: str | None = None
        decision, failure = await self._decide(tracked, deciding)
        if failure is None and decision is None:
            logger().info("call %s was left alone", tracked.call_id)
            tracked._left_alone()
            return None
        if decision is not None:
            try:
                request = self._client._sender.prepare(call, decision, *told)
            except CallRedirectError as error:
                failure = _one_line(error)
        if request is None:
            if self._default is None:
                return self._failed(tracked, failure or "the handler decided nothing")
            tracked._fall_back(f"{failure}; the default redirect was used")
            logger().error("call %s: %s; the default redirect is used", tracked.call_id, failure)
            request = self._client._sender.prepare(call, self._default, *told)
        tracked._validated()
        if tracked.ended:
            tracked._failed(_ENDED)
            return logger().info("call %s: %s", tracked.call_id, _ENDED)  # nobody's fault
        self._keep_warm(request.tenant_id)
        late = functools.partial(self._answered_late, tracked)
        with Watched(call, request, silent=False, late=late) as watched:
            token = await self._client._token_ahead(request)
            to_be_sent = token is None or isinstance(token, str)
            if to_be_sent and not self._granted(tracked, await self._claims.may_send(tracked)):
                return None
            try:
                outcome = await self._client._send(request, token, watched)
            except BaseException as error:
                if not isinstance(error, Exception) and tracked._redirected(
                    request.never_heard(_INTERRUPTED)
                ):
                    logger().error("call %s: %s: it may have arrived", tracked.call_id, _INTERRUPTED)
                raise
            tracked._redirected(outcome)
            watched.ended(outcome)
        logger().debug("%r", tracked)
        return None

    def _answered_late(self, tracked: TrackedCall, outcome: Outcome) -> None:
        """The task that waited was cancelled; the request was not."""
        tracked._redirected(outcome)
        self._claims.finish_soon(tracked)

    async def _decide(
        self, tracked: TrackedCall, deciding: asyncio.Task[Redirect | None] | None
    ) -> tuple[Redirect | None, str | None]:
        """What the bot's own function says within its time, or what it did instead."""
        import asyncio

        if deciding is None:
            return None, "no on_incoming handler is registered"
        until_deadline = seconds = tracked.deadline.remaining
        if self._default is not None:
            seconds = max(seconds - _RESERVED, 0)
        if self._handler_timeout is not None:
            seconds = min(seconds, self._handler_timeout)
        try:
            if not deciding.done():
                await asyncio.wait([deciding], timeout=seconds)
        finally:
            in_time = deciding.done()
            deciding.cancel()  # it may refuse to be: nobody waits for it
        if not in_time:
            late = "in its time" if seconds < until_deadline else "before the deadline"
            return None, f"the on_incoming handler gave no answer {late}"
        if deciding.cancelled():
            return None, "the on_incoming handler was cancelled"
        if (error := deciding.exception()) is not None:
            if isinstance(error, CallRedirectError):
                return None, _one_line(error)
            if not isinstance(error, Exception):
                raise error
            # The log has the traceback, the record only the kind: the words may name people.
            logger().error("call %s: the bot's code raised", tracked.call_id, exc_info=error)
            return None, f"{type(error).__name__} was raised"
        decision = deciding.result()
        tracked._decided()
        if decision is not None and not isinstance(decision, Redirect):
            return None, f"the on_incoming handler returned {type(decision).__name__}, not a Redirect or None"
        return decision, None

    def _failed(self, tracked: TrackedCall, reason: str) -> None:
        if tracked._failed(reason):
            logger().error("call %s: %s", tracked.call_id, reason)

    async def _tell_ended(self, tracked: TrackedCall) -> None:
        first = await self._claims.end(tracked)
        await self._redirect_over(tracked)
        self._over(tracked)
        if first and not tracked.timed_out:
            await self._run_ended(tracked)

    async def _redirect_over(self, tracked: TrackedCall) -> None:
        import asyncio

        if redirecting := self._redirecting.get(tracked.call_id):
            await asyncio.wait([_end_of(redirecting)])

    async def _run_ended(self, tracked: TrackedCall) -> None:
        if self._ended is None:
            return
        from ._threads import call

        try:
            await call(self._ended, tracked)
        except Exception:
            logger().exception("call %s: the on_ended handler raised", tracked.call_id)

    def _over(self, tracked: TrackedCall) -> None:
        self._unwatch(tracked.call_id)
        self._wake(tracked.call_id)

    def _wake(self, call_id: str) -> None:
        for loop, over in self._waiters.pop(call_id, ()):
            with contextlib.suppress(RuntimeError):  # the loop that waited is closed
                loop.call_soon_threadsafe(_resolve, over)

    def _watch(self, tracked: TrackedCall) -> None:
        """Some calls end without a word: nobody may wait for them for ever."""
        import asyncio

        def over() -> None:
            self._timers.pop(tracked.call_id, None)
            self._start(self._never_ended(tracked))

        loop = asyncio.get_running_loop()
        self._timers[tracked.call_id] = loop, loop.call_later(self._end_timeout, over)

    def _unwatch(self, call_id: str) -> None:
        import asyncio

        if watching := self._timers.pop(call_id, None):
            loop, timer = watching
            if loop is asyncio.get_running_loop():
                timer.cancel()
            else:
                with contextlib.suppress(RuntimeError):  # that loop is closed
                    loop.call_soon_threadsafe(timer.cancel)

    async def _never_ended(self, tracked: TrackedCall) -> None:
        await self._redirect_over(tracked)
        await self._claims.get(tracked)  # another worker may have been told of it
        told = tracked._time_out() and not tracked.elsewhere
        self._over(tracked)
        if told:
            await self._run_ended(tracked)


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def _end_of(task: asyncio.Task[Any]) -> asyncio.Future[Any]:
    """Done when the task is, and to be waited for in the running loop, whichever loop the task is of."""
    import asyncio

    here, there = asyncio.get_running_loop(), task.get_loop()
    if there is here:
        return task
    over = here.create_future()

    def tell(_: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop that waited is closed
            here.call_soon_threadsafe(_resolve, over)

    try:
        there.call_soon_threadsafe(task.add_done_callback, tell)
    except RuntimeError:  # that loop is closed: the task goes no further
        over.set_result(None)
    return over


def _resolve(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)


def _checked(handler: _Handler) -> _Handler:
    if not callable(handler):
        raise TypeError(f"a handler is a function, not {type(handler).__name__}")
    return handler
