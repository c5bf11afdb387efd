"""Send: one core in Rust, two thin doors. Same methods, blocking and asynchronous."""

from __future__ import annotations

from ._native import Cloud, Sender

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from ._credential import Credential
    from ._native import Call, Deadline, Limits, Outcome, PreparedRedirect, Redirect

_TOO_LATE = "the deadline had passed before anything could be sent"


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
    ) -> None:
        from . import _credential

        _credential.check(credential)
        if not isinstance(cloud, Cloud):
            clouds = "Cloud.GLOBAL, Cloud.US_GOV, Cloud.US_GOV_DOD or Cloud.CHINA"
            # As for a wrong api_version: there are few values, and they are named.
            raise ValueError(f"cloud must be {clouds}, not {cloud!r}")  # noqa: TRY004
        self._credential = credential
        self._cloud = cloud
        root = cloud.graph_root if base_url is None else base_url
        self._sender = Sender(api_version=api_version, root=root, limits=limits)

    def _prepare(
        self,
        call: Call | str,
        redirect: Redirect,
        deadline: Deadline | float | None,
        scenario_id: str | None = None,
    ) -> PreparedRedirect:
        return self._sender.prepare(call, redirect, deadline, scenario_id)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._sender.root} {self._sender.api_version}>"


class Client(_Door):
    """Sends redirects and waits for the outcome. May be shared between threads.

    Args:
        credential: A token, a function that returns one, or anything with ``get_token(*scopes, tenant_id=...)``
            such as the credentials of azure-identity. It must be of the **call's** tenant.
        api_version: ``"v1.0"`` or ``"beta"``.
        cloud: Where Graph is.
        base_url: Another root of Graph, such as a simulator's; plain http on loopback only.
        limits: Other numbers than Microsoft's present ones.

    Works with and without ``with``; ``close`` is optional at exit.
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
        request = self._prepare(call, redirect, deadline)
        if request.deadline.passed:
            return request.never_sent(_TOO_LATE)
        from ._credential import get_token

        token = get_token(self._credential, self._cloud.scope, request.tenant_id)
        return self._sender.send(request, token)

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

    A credential may be asynchronous, too; a synchronous one runs in a thread.
    """

    async def redirect(
        self, call: Call | str, redirect: Redirect, *, deadline: Deadline | float | None = None
    ) -> Outcome:
        """Redirects a call and says what became of it; see ``Client.redirect``.

        Cancelling returns at once. A request that is already on its way is not cut off.
        """
        request = self._prepare(call, redirect, deadline)
        return await self._send(request, await self._token(request))

    async def _token(self, request: PreparedRedirect) -> str | Outcome:
        """A token, or what became of the redirect if there is none in time."""
        if isinstance(self._credential, str):
            return self._credential
        if request.deadline.passed:
            return request.never_sent(_TOO_LATE)
        from ._credential import get_token_async

        remaining = request.deadline.remaining
        token = await get_token_async(self._credential, self._cloud.scope, request.tenant_id, remaining)
        if token is None:
            return request.never_sent("the credential gave no token before the deadline")
        return token

    async def _send(self, request: PreparedRedirect, token: str | Outcome) -> Outcome:
        if not isinstance(token, str):
            return token
        from ._bridge import loop_mailbox

        box = loop_mailbox()
        outcome: Outcome = await box.wait(self._sender.submit(request, token, box.mailbox))
        return outcome

    async def close(self) -> None:
        """Refuses further calls. Redirects under way are not cut off."""
        self._sender.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
