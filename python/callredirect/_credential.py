"""Where access tokens come from. Called from Python's side only, and never inspected beyond being a string."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from .exceptions import CredentialError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class AccessToken(Protocol):
    """What ``get_token`` returns: azure-core's ``AccessToken`` is one."""

    @property
    def token(self) -> str:
        """The token itself."""
        ...


class TokenCredential(Protocol):
    """Anything with azure-core's ``get_token``, synchronous."""

    def get_token(self, *scopes: str, tenant_id: str | None = None) -> AccessToken:
        """A token for the scopes, of the tenant if one is given."""
        ...


class AsyncTokenCredential(Protocol):
    """Anything with azure-core's ``get_token``, asynchronous."""

    async def get_token(self, *scopes: str, tenant_id: str | None = None) -> AccessToken:
        """A token for the scopes, of the tenant if one is given."""
        ...


Credential: TypeAlias = (
    "str | Callable[[], str] | Callable[[], Awaitable[str]] | TokenCredential | AsyncTokenCredential"
)


def get_token(credential: Any, scope: str, tenant_id: str | None) -> str:
    """A token for the blocking client."""
    result = _call(credential, scope, tenant_id)
    if inspect.isawaitable(result):
        if inspect.iscoroutine(result):
            result.close()
        raise CredentialError("an asynchronous credential needs AsyncClient; give Client a synchronous one")
    return _text(result)


async def get_token_async(credential: Any, scope: str, tenant_id: str | None, seconds: float) -> str | None:
    """A token for the asynchronous client, or ``None`` when the time is up first.

    Not ``wait_for``: that waits on for a credential which takes its time to be cancelled.
    """
    import asyncio

    asking = asyncio.ensure_future(_ask(credential, scope, tenant_id))
    try:
        await asyncio.wait([asking], timeout=seconds)
        return asking.result() if asking.done() else None
    finally:
        asking.cancel()


async def _ask(credential: Any, scope: str, tenant_id: str | None) -> str:
    if _is_async(credential):
        return _text(await _call(credential, scope, tenant_id))
    from ._threads import in_thread

    # A synchronous credential may block, so it gets a thread.
    result = await in_thread(_call, credential, scope, tenant_id)
    return _text(await result if inspect.isawaitable(result) else result)


def check(credential: Any) -> None:
    """Refuses at once what could never give a token."""
    if not (isinstance(credential, str) or hasattr(credential, "get_token") or callable(credential)):
        raise TypeError(
            "a credential is a token, a function that returns one, or has get_token(*scopes, tenant_id=...); "
            f"not {type(credential).__name__}"
        )


def _is_async(credential: Any) -> bool:
    return inspect.iscoroutinefunction(getattr(credential, "get_token", credential))


def _call(credential: Any, scope: str, tenant_id: str | None) -> Any:
    if isinstance(credential, str):
        return credential
    if not hasattr(credential, "get_token"):
        return credential()
    if tenant_id is None:
        return credential.get_token(scope)
    return credential.get_token(scope, tenant_id=tenant_id)


def _text(result: Any) -> str:
    token = getattr(result, "token", result)
    if not isinstance(token, str):
        raise CredentialError(f"the credential gave {type(token).__name__}, not a token")
    return token
