"""Send: one core in Rust, two thin doors. Same methods, blocking and asynchronous."""

from __future__ import annotations

from ._native import Cloud, Sender
from ._observe import Watched
from .exceptions import CredentialError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Literal, TypeAlias

    from typing_extensions import Self

    from ._bridge import LoopMailbox
    from ._credential import Credential
    from ._native import Call, Deadline, Limits, Outcome, PreparedRedirect, Redirect
    from ._tokens import Tokens
    from ._trio import TrioMailbox

    OnAmbiguous: TypeAlias = Literal["probe_then_resend", "stop"]

_TOO_LATE = "the deadline had passed before anything could be sent"
_NEVER_CAME = "the credential gave no token before the deadline"
_WARM_UP_SECONDS = 13.0


class _Door:
    """What both clients are made of."""

    def __init__(
        self,
        credential: Credential,
        *,
        api_version: str = "v1.0",
        cloud: Cloud = Cloud.GLOBAL,
        base_url: str | None = None,
        limits: Limits | None = None,
        on_ambiguous: OnAmbiguous = "probe_then_resend",
    ) -> None:
        from . import _credential

        _credential.check(credential)
        if not isinstance(cloud, Cloud):
            clouds = "Cloud.GLOBAL, Cloud.US_GOV, Cloud.US_GOV_DOD or Cloud.CHINA"
            # As for a wrong api_version: there are few values, and they are named.
            raise ValueError(f"cloud must be {clouds}, not {cloud!r}")  # noqa: TRY004
        root = cloud.graph_root if base_url is None else base_url
        own = _credential.own(credential)
        self._sender = Sender(
            api_version=api_version,
            root=root,
            limits=limits,
            cloud=cloud,
            credential=own,
            on_ambiguous=on_ambiguous,
        )
        # A token as such, where others come from, or neither: Rust's own.
        self._fixed = credential if isinstance(credential, str) else None
        self._tokens: Tokens | None = None
        if own is None and self._fixed is None:
            from ._tokens import Tokens

            self._tokens = Tokens(credential, cloud.scope)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._sender.root} {self._sender.api_version}>"


class Client(_Door):
    """Sends redirects and waits for the outcome. May be shared between threads.

    Args:
        credential: ``ClientSecret``, ``ClientCertificate`` or ``ManagedIdentity``; or anything with
            ``get_token(*scopes, tenant_id=...)`` such as the credentials of azure-identity, whose tokens are kept while
            they live; or a function that returns a token, called each time; or a token. It must be of the **call's**
            tenant. What may block is called in a thread of its own, so that it holds no call beyond its deadline.
        api_version: ``"v1.0"`` or ``"beta"``.
        cloud: Where Graph is.
        base_url: Another root of Graph, such as a simulator's; plain http on loopback only.
        limits: Other numbers than Microsoft's present ones.
        on_ambiguous: What to do when a request left and nobody knows whether it took effect: no answer came, the
            connection broke, or a server error came that does not say. ``"probe_then_resend"`` asks Graph for the
            call, and sends the same bytes again if it still rings. ``"stop"`` leaves it at ``Unknown``. No source
            settles what Graph answers when a call is redirected for the second time; whoever will not rely on its
            refusing that chooses ``"stop"``.

    What surely never left is sent again until the deadline; what Graph turned away for the moment (429, 503) when it
    says, if that is soon enough, or else at distances that grow with the time left; four times in all at most. Never to
    other targets.

    Works with and without ``with``; ``close`` is optional at exit. Each outcome is a line of the log
    ``callredirect.send``, silent until logging is set up: ``INFO`` for ``Accepted`` and ``CallGone``, ``WARNING`` for the
    others, every attempt at ``DEBUG``. The record has ``call_id``, ``client_request_id``, ``outcome``, ``attempts``,
    ``elapsed_ms``, ``time_left_ms``, ``status``, ``code`` and ``request_id``; no token, body, name or phone number.
    Where the application has loaded OpenTelemetry, each redirect is a span ``callredirect.redirect`` with the same
    facts, and counts in the metrics ``callredirect.redirects``, ``callredirect.attempts``,
    ``callredirect.redirect.duration`` and ``callredirect.redirect.time_left`` (seconds).
    """

    def redirect(
        self, call: Call | str, redirect: Redirect, *, deadline: Deadline | float | None = None
    ) -> Outcome:
        """Redirects a call and says what became of it.

        Args:
            call: A call out of a notification, or its id.
            redirect: Where it goes.
            deadline: When to give up: a ``Deadline``, or seconds from now. The call's own deadline if there is one,
                else 13 seconds from now.

        Returns:
            One of ``Accepted``, ``Rejected``, ``CallGone``, ``Expired``, ``Unknown``.

        Raises:
            ValidationError: The redirect breaks rules; nothing was sent.
            ValueError: The call id is none; nothing was sent.
            CredentialError: No usable token; nothing was sent. What the credential itself raises comes unchanged.
        """
        request = self._sender.prepare(call, redirect, deadline)
        with Watched(call, request) as watched:
            return watched.ended(self._settle(request))

    def _settle(self, request: PreparedRedirect) -> Outcome:
        if request.deadline.passed:
            return request.never_sent(_TOO_LATE)
        token = self._fixed
        if self._tokens is not None:
            token = self._tokens.get(request.tenant_id, request.deadline.remaining)
            if token is None:
                return request.never_sent(_NEVER_CAME)
        outcome = self._sender.send(request, token)
        if outcome is None and self._tokens is not None and token is not None:
            self._tokens.refused(request.tenant_id, token)
            try:
                token = self._tokens.get(request.tenant_id, request.deadline.remaining)
            except Exception:
                # What Graph said of the first one is the outcome.
                return request.give_up()
            outcome = None if token is None else self._sender.send(request, token)
        return outcome or request.give_up()

    def warm_up(self, tenant_id: str | None = None, *, timeout: float = _WARM_UP_SECONDS) -> None:
        """Fetches a token and opens a connection, so that the first call waits for neither.

        Call it when the bot starts. Both are kept: the token is renewed in time when calls come, a connection that is
        idle is closed after some 50 seconds and opened anew when needed. A ``Redirector`` keeps both warm by itself.

        Args:
            tenant_id: The tenant that calls are expected of, if not the credential's own.
            timeout: How long to try, in seconds.

        Raises:
            CredentialError: There is no token; what a credential of Python raises comes unchanged.
            ConnectionError: Graph could not be reached.
        """
        if self._tokens is not None and self._tokens.get(tenant_id, timeout) is None:
            raise CredentialError(_NEVER_CAME)
        self._sender.warm_up(tenant_id, timeout)

    def close(self) -> None:
        """Refuses further calls. Redirects under way are not cut off."""
        self._sender.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(_Door):
    """Sends redirects without blocking the event loop. Made for many at a time; takes the arguments of ``Client``.

    Runs under asyncio, uvloop, trio, and anyio on either. A credential may be asynchronous, too; a synchronous one runs
    in a thread.
    """

    async def redirect(
        self, call: Call | str, redirect: Redirect, *, deadline: Deadline | float | None = None
    ) -> Outcome:
        """Redirects a call and says what became of it; see ``Client.redirect``.

        Cancelling returns at once. A request that is already on its way is not cut off: its outcome is logged when it
        comes.
        """
        request = self._sender.prepare(call, redirect, deadline)
        with Watched(call, request) as watched:
            return watched.ended(await self._send(request, await self._token(request), watched))

    async def warm_up(self, tenant_id: str | None = None, *, timeout: float = _WARM_UP_SECONDS) -> None:
        """Fetches a token and opens a connection, so that the first call waits for neither; see ``Client.warm_up``."""
        await self._warm(tenant_id, timeout, again=False)

    async def _warm(self, tenant_id: str | None, timeout: float, *, again: bool) -> None:
        """The same ``again`` costs nothing where all is warm, and asks for no token that would not be kept."""
        tokens = self._tokens if self._tokens is None or self._tokens.keeps or not again else None
        if tokens is not None and await tokens.get_async(tenant_id, timeout) is None:
            raise CredentialError(_NEVER_CAME)
        box = self._mailbox()
        await box.wait(self._sender.submit_warm_up(tenant_id, timeout, again, box.mailbox))

    async def _token(self, request: PreparedRedirect) -> str | Outcome | None:
        """A token, or what became of the redirect if there is none in time; ``None`` where Rust fetches it."""
        if self._tokens is None:
            return self._fixed
        if request.deadline.passed:
            return request.never_sent(_TOO_LATE)
        token = await self._tokens.get_async(request.tenant_id, request.deadline.remaining)
        return request.never_sent(_NEVER_CAME) if token is None else token

    async def _token_ahead(self, request: PreparedRedirect) -> str | Outcome | None:
        """The same, and fetched by now where Rust fetches it: what comes next says that a request is about to leave."""
        if self._tokens is not None or self._fixed is not None or request.deadline.passed:
            return await self._token(request)
        if self._sender.take_token(request):
            return None
        box = self._mailbox()
        outcome: Outcome | None = await box.wait(self._sender.submit_token(request, box.mailbox))
        return outcome

    async def _send(
        self, request: PreparedRedirect, token: str | Outcome | None, watched: Watched
    ) -> Outcome:
        if not (token is None or isinstance(token, str)):
            return token
        outcome = await self._submit(request, token, watched)
        if outcome is None and self._tokens is not None and token is not None:
            self._tokens.refused(request.tenant_id, token)
            try:
                token = await self._tokens.get_async(request.tenant_id, request.deadline.remaining)
            except Exception:
                # What Graph said of the first one is the outcome.
                return request.give_up()
            outcome = None if token is None else await self._submit(request, token, watched)
        return outcome or request.give_up()

    async def _submit(self, request: PreparedRedirect, token: str | None, watched: Watched) -> Outcome | None:
        box = self._mailbox()
        waiting: Any = box.wait(self._sender.submit(request, token, box.mailbox), watched.come)
        try:
            outcome: Outcome | None = await waiting
        except BaseException as error:
            if not isinstance(error, Exception):  # cancelled; the request goes on
                watched.leave()
                box.cancelled(waiting, watched.come)
            raise
        return outcome

    @staticmethod
    def _mailbox() -> LoopMailbox | TrioMailbox:
        """The mailbox of the running loop. Its module is imported late, for it costs more than the rest, and once."""
        from ._bridge import loop_mailbox

        AsyncClient._mailbox = staticmethod(loop_mailbox)  # type: ignore[method-assign]
        return loop_mailbox()

    async def close(self) -> None:
        """Refuses further calls. Redirects under way are not cut off."""
        self._sender.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
