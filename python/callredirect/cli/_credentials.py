"""Who the command line is for Graph: options and the environment, made into a credential. No secret is an argument.

Arguments are seen by everybody on the machine and stay in the shell's history; so there is no ``--secret``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import callredirect as cr

from ._arguments import OneOf, file_name, http_url
from ._failure import Failure
from ._files import read_text

if TYPE_CHECKING:
    import argparse

    from callredirect._credential import OwnCredential

    from ._arguments import Arguments

CLOUDS = {
    "global": cr.Cloud.GLOBAL,
    "us-gov": cr.Cloud.US_GOV,
    "us-gov-dod": cr.Cloud.US_GOV_DOD,
    "china": cr.Cloud.CHINA,
}
_AUTHORITIES = {
    "global": "https://login.microsoftonline.com",
    "us-gov": "https://login.microsoftonline.us",
    "us-gov-dod": "https://login.microsoftonline.us",
    "china": "https://login.chinacloudapi.cn",
}

ENVIRONMENT = """
environment (options go first):
  BOT_APP_ID, BOT_TENANT, BOT_SECRET   the app, or AZURE_CLIENT_ID and so on
  AZURE_CLIENT_CERTIFICATE_PATH        a PEM file instead of a secret
  GRAPH_TOKEN                          a token instead of all these
  GRAPH_URL, LOGIN_URL                 a simulator's addresses
"""


class Identity(NamedTuple):
    """The app as the command line has it, and where it goes."""

    app_id: str | None
    tenant_id: str | None
    cloud: cr.Cloud
    graph_url: str
    login_url: str
    token: str | None
    secret: str | None
    certificate: str | None
    managed: bool

    @property
    def kind(self) -> str | None:
        """What it proves itself with; ``None`` if with nothing."""
        if self.token:
            return "token"
        if self.managed:
            return "managed identity"
        return "certificate" if self.certificate else "secret" if self.secret else None

    def credential(self) -> str | OwnCredential:
        """The credential.

        Raises:
            Failure: Something is missing or cannot be right.
        """
        if self.token:
            return self.token
        try:
            if self.managed:
                return cr.ManagedIdentity(self.app_id)
            if not (self.certificate or self.secret):
                hint = (
                    "set BOT_APP_ID, BOT_TENANT and BOT_SECRET, or GRAPH_TOKEN; --help names the other ways"
                )
                raise Failure("there is no credential for Graph", hint)
            app_id, tenant_id = self._ids()
            if self.certificate:
                return cr.ClientCertificate(app_id, self.certificate, tenant_id, authority=self.login_url)
            return cr.ClientSecret(app_id, self.secret or "", tenant_id, authority=self.login_url)
        except OSError as error:
            from ._files import cannot_open

            raise cannot_open(self.certificate or "", error) from None
        except ValueError as error:
            raise Failure(f"the credential cannot be right: {error}") from None

    def _ids(self) -> tuple[str, str]:
        if not self.app_id:
            raise Failure("the app's id is missing", "set BOT_APP_ID or give --app-id")
        if not self.tenant_id:
            raise Failure("the tenant is missing", "set BOT_TENANT or give --tenant: that of the call")
        return self.app_id, self.tenant_id


def add_arguments(parser: Arguments) -> None:
    """Adds the options of a credential."""
    group = parser.add_argument_group("credential")
    group.add_argument("--app-id", metavar="ID", help="the bot's application id")
    group.add_argument("--tenant", metavar="ID", help="tenant of the call, and of the token")
    group.add_argument(
        "--secret-file", type=file_name, metavar="FILE", help="the client secret; -: standard input"
    )
    group.add_argument("--certificate", type=file_name, metavar="PEM", help="certificate and key instead")
    group.add_argument("--managed-identity", action="store_true", help="the identity of this Azure machine")
    group.add_argument("--token-file", type=file_name, metavar="FILE", help="a token; -: standard input")
    clouds = OneOf(*CLOUDS)
    group.add_argument("--cloud", type=clouds, default="global", metavar="NAME", help=f"{', '.join(CLOUDS)}")
    group.add_argument("--graph-url", type=http_url, metavar="URL", help="another Graph, as of a simulator")
    group.add_argument("--login-url", type=http_url, metavar="URL", help="another issuer of tokens")


def identity(options: argparse.Namespace) -> Identity:
    """The app, out of options and environment.

    Raises:
        Failure: A file cannot be read, or an address of the environment is none.
    """
    own = any((options.secret_file, options.certificate, options.managed_identity, options.token_file))
    cloud = CLOUDS[options.cloud]
    return Identity(
        app_id=options.app_id or _set("BOT_APP_ID", "AZURE_CLIENT_ID"),
        tenant_id=options.tenant or _set("BOT_TENANT", "AZURE_TENANT_ID"),
        cloud=cloud,
        graph_url=options.graph_url or address("GRAPH_URL") or cloud.graph_root,
        login_url=options.login_url or address("LOGIN_URL") or _AUTHORITIES[options.cloud],
        token=_first_line(options.token_file) if options.token_file else None if own else _set("GRAPH_TOKEN"),
        secret=_first_line(options.secret_file) if options.secret_file else None if own else _set("BOT_SECRET", "AZURE_CLIENT_SECRET"),
        certificate=options.certificate or (None if own else _set("AZURE_CLIENT_CERTIFICATE_PATH")),
        managed=options.managed_identity,
    )  # fmt: skip


def _set(*names: str) -> str | None:
    return next((value for name in names if (value := os.environ.get(name, "").strip())), None)


def address(name: str) -> str | None:
    """An address out of the environment."""
    import argparse

    value = _set(name)
    try:
        return value and http_url(value)
    except argparse.ArgumentTypeError as error:
        raise Failure(f"{name} in the environment: {error}") from None


def _first_line(path: str) -> str:
    text = read_text(path).strip()
    if not text or "\n" in text:
        raise Failure(f"{path} should hold one line, the secret or token alone")
    return text
