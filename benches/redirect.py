"""Build a redirect, check it by every rule and write its JSON, against msgspec with the same rules."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

import callredirect as cr
from _rounds import in_turn, table

GOAL = 1.0
CALLBACK = "https://bot.contoso.com/api/calls/24701998-1a73-4d42-8085-bf46ed0ae039"
USERS = [f"98da8a1a-1b87-452c-a713-{number:012x}" for number in range(25)]
GRAPH = "#microsoft.graph."

Id = Annotated[str, Meta(min_length=1, max_length=256, pattern="^[!-~]+$")]
E164 = Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{6,14}$")]


class Identity(
    Struct, rename="camel", tag_field="@odata.type", tag=GRAPH + "identity", omit_defaults=True, frozen=True
):
    id: Id
    display_name: str | None = None
    tenant_id: Id | None = None


class Phone(
    Struct, rename="camel", tag_field="@odata.type", tag=GRAPH + "identity", omit_defaults=True, frozen=True
):
    id: E164
    display_name: str | None = None
    tenant_id: Id | None = None


class IdentitySet(
    Struct,
    rename="camel",
    tag_field="@odata.type",
    tag=GRAPH + "identitySet",
    omit_defaults=True,
    frozen=True,
):
    user: Identity | None = None
    application: Identity | None = None
    phone: Phone | None = None

    def __post_init__(self) -> None:
        if (self.user is not None) + (self.application is not None) + (self.phone is not None) != 1:
            raise ValueError("one identity is needed")

    def destination(self) -> tuple[str, str]:
        if self.user is not None:
            return "user", self.user.id.lower()
        if self.application is not None:
            return "application", self.application.id.lower()
        assert self.phone is not None
        return "phone", self.phone.id


class Participant(
    Struct,
    rename="camel",
    tag_field="@odata.type",
    tag=GRAPH + "invitationParticipantInfo",
    omit_defaults=True,
    frozen=True,
):
    identity: IdentitySet
    endpoint_type: str | None = None


plain = re.compile("[!-~]{1,2048}").fullmatch


class Redirect(Struct, rename="camel", omit_defaults=True, frozen=True):
    targets: Annotated[list[Participant], Meta(min_length=1, max_length=25)]
    timeout: Annotated[int, Meta(ge=15, le=90)] | None = None
    callback_uri: str | None = None

    def __post_init__(self) -> None:
        destinations = [target.identity.destination() for target in self.targets]
        if len(set(destinations)) != len(destinations):
            raise ValueError("a target is there twice")
        if (uri := self.callback_uri) is not None:
            parts = urlsplit(uri)
            if parts.scheme != "https" or not parts.hostname or parts.username is not None or parts.fragment:
                raise ValueError("an https address is needed")
            if not plain(uri):
                raise ValueError("an address has no white space")


encode = msgspec.json.Encoder().encode


def by_msgspec(count: int) -> bytes:
    targets: list[dict[str, Any]] = [
        {
            "@odata.type": GRAPH + "invitationParticipantInfo",
            "identity": {
                "@odata.type": GRAPH + "identitySet",
                "user": {"@odata.type": GRAPH + "identity", "id": user, "displayName": "test user"},
            },
        }
        for user in USERS[:count]
    ]
    body = {"targets": targets, "timeout": 30, "callbackUri": CALLBACK}
    return encode(msgspec.convert(body, Redirect))


def by_callredirect(count: int) -> str:
    targets = [cr.Target.user(user, display_name="test user") for user in USERS[:count]]
    redirect = cr.Redirect(targets, timeout=30, callback_uri=CALLBACK)
    redirect.validate("v1.0")
    return redirect.to_json("v1.0")


def main() -> None:
    for count in (1, 25):
        assert json.loads(by_msgspec(count)) == json.loads(by_callredirect(count))
        timings = in_turn(
            {
                "msgspec": lambda count=count: by_msgspec(count),
                "callredirect": lambda count=count: by_callredirect(count),
            },
            number=5000 // count,
        )
        title = f"build, validate and serialise a redirect, {count} target{'s' * (count > 1)}"
        table(f"{title} (goal {GOAL} x msgspec)", timings, unit="ns", against="msgspec")


if __name__ == "__main__":
    main()
