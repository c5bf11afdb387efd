"""Where access tokens come from, if not from Rust. Called from Python's side only; a token is looked at by nobody."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from ._native import ClientCertificate, ClientSecret, ManagedIdentity
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


OwnCredential: TypeAlias = "ClientSecret | ClientCertificate | ManagedIdentity"
Credential: TypeAlias = "str | Callable[[], str] | Callable[[], Awaitable[str]] | TokenCredential | AsyncTokenCredential | OwnCredential"


def get_token(credential: Any, scope: str, tenant_id: str | None) -> Any:
    """What the credential gives the blocking client."""
    result = _question(credential, scope, tenant_id)()
    if inspect.isawaitable(result):
        if inspect.iscoroutine(result):
            result.close()
        raise CredentialError("an asynchronous credential needs AsyncClient; give Client a synchronous one")
    return result


async def get_token_async(credential: Any, scope: str, tenant_id: str | None, seconds: float) -> str | None:
    """A token for the asynchronous client, or ``None`` when the time is up first.

    Not ``wait_for``: that waits on for a credential which takes its time to be cancelled.
    """
    from ._bridge import under_trio

    if under_trio():
        import trio

        with trio.move_on_after(seconds):
            return text(await ask(credential, scope, tenant_id))
        return None
    import asyncio

    asking = asyncio.ensure_future(ask(credential, scope, tenant_id))
    try:
        await asyncio.wait([asking], timeout=seconds)
        return text(asking.result()) if asking.done() else None
    finally:
        asking.cancel()


async def ask(credential: Any, scope: str, tenant_id: str | None) -> Any:
    """What the credential gives, synchronous or not."""
    from ._threads import call

    return await call(_question(credential, scope, tenant_id))


def own(credential: Any) -> OwnCredential | None:
    """The credential if it is one that Rust asks by itself."""
    return credential if isinstance(credential, (ClientSecret, ClientCertificate, ManagedIdentity)) else None


def check(credential: Any) -> None:
    """Refuses at once what could never give a token."""
    known = isinstance(credential, str) or own(credential) is not None
    if not (known or hasattr(credential, "get_token") or callable(credential)):
        raise TypeError(
            "a credential is a token, a function that returns one, one of ClientSecret, ClientCertificate and "
            "ManagedIdentity, or has get_token(*scopes, tenant_id=...) as those of azure-identity; "
            f"not {type(credential).__name__}"
        )


def _question(credential: Any, scope: str, tenant_id: str | None) -> Callable[[], Any]:
    if not hasattr(credential, "get_token"):
        return functools.partial(credential)
    if tenant_id is None:
        return functools.partial(credential.get_token, scope)
    return functools.partial(credential.get_token, scope, tenant_id=tenant_id)


def text(result: Any) -> str:
    """The token in what a credential gave."""
    token = getattr(result, "token", result)
    if not isinstance(token, str):
        raise CredentialError(f"the credential gave {type(token).__name__}, not a token")
    return token
