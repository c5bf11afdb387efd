"""Parse one incoming notification and read what a bot reads, against msgspec and orjson."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import orjson

import callredirect as cr
from _rounds import in_turn, table

CALL = "481f0b00-ffff-4ca1-8c67-a5f1e31e8e82"
GRAPH = "#microsoft.graph."


def participant(kind: str, **identity: str) -> dict[str, Any]:
    return {
        "@odata.type": GRAPH + "participantInfo",
        "identity": {
            "@odata.type": GRAPH + "identitySet",
            kind: {"@odata.type": GRAPH + "identity", **identity},
        },
    }


# The second worked example of the documentation page, compact.
BODY = json.dumps(
    {
        "@odata.type": GRAPH + "commsNotifications",
        "value": [
            {
                "@odata.type": GRAPH + "commsNotification",
                "changeType": "created",
                "resourceUrl": f"/communications/calls/{CALL}",
                "resourceData": {
                    "@odata.type": GRAPH + "call",
                    "state": "incoming",
                    "direction": "incoming",
                    "callbackUri": "https://bot.contoso.com/api/calls/24701998-1a73-4d42-8085-bf46ed0ae039",
                    "source": {
                        **participant(
                            "user",
                            id="ec040873-8235-45fd-a403-c7259a5a548e",
                            tenantId="632899f8-2ea1-4604-8413-27bd2892079f",
                        ),
                        "region": "amer",
                    },
                    "targets": [
                        participant(
                            "application", displayName="test bot", id="24701998-1a73-4d42-8085-bf46ed0ae039"
                        )
                    ],
                    "tenantId": "632899f8-2ea1-4604-8413-27bd2892079f",
                    "myParticipantId": "f540f1b6-994b-4866-be95-8aad34c4f4dc",
                    "id": CALL,
                },
            }
        ],
    },
    separators=(",", ":"),
).encode()


class Identity(msgspec.Struct, rename="camel"):
    id: str | None = None
    display_name: str | None = None
    tenant_id: str | None = None


class IdentitySet(msgspec.Struct, rename="camel"):
    user: Identity | None = None
    application: Identity | None = None
    phone: Identity | None = None


class Participant(msgspec.Struct, rename="camel"):
    identity: IdentitySet
    region: str | None = None


class Call(msgspec.Struct, rename="camel"):
    id: str
    state: str
    direction: str | None = None
    callback_uri: str | None = None
    source: Participant | None = None
    targets: list[Participant] = []
    tenant_id: str | None = None
    my_participant_id: str | None = None


class Notification(msgspec.Struct, rename="camel"):
    change_type: str
    resource_url: str
    resource_data: Call


class Notifications(msgspec.Struct):
    value: list[Notification]


decode = msgspec.json.Decoder(Notifications).decode


def callredirect_two() -> object:
    call = cr.parse(BODY)[0].call
    return call.id, call.state


def callredirect_seven() -> object:
    note = cr.parse(BODY)[0]
    call = note.call
    return (
        note.change_type,
        call.id,
        call.state,
        call.tenant_id,
        call.callback_uri,
        call.source.identity.id,
        call.targets[0].identity.id,
    )


def msgspec_two() -> object:
    call = decode(BODY).value[0].resource_data
    return call.id, call.state


def msgspec_seven() -> object:
    note = decode(BODY).value[0]
    call = note.resource_data
    return (
        note.change_type,
        call.id,
        call.state,
        call.tenant_id,
        call.callback_uri,
        call.source.identity.user.id,
        call.targets[0].identity.application.id,
    )


def orjson_two() -> object:
    call = orjson.loads(BODY)["value"][0]["resourceData"]
    return call["id"], call["state"]


def orjson_seven() -> object:
    note = orjson.loads(BODY)["value"][0]
    call = note["resourceData"]
    return (
        note["changeType"],
        call["id"],
        call["state"],
        call["tenantId"],
        call["callbackUri"],
        call["source"]["identity"]["user"]["id"],
        call["targets"][0]["identity"]["application"]["id"],
    )


def main() -> None:
    two = {"msgspec typed": msgspec_two, "orjson dict": orjson_two, "callredirect": callredirect_two}
    seven = {"msgspec typed": msgspec_seven, "orjson dict": orjson_seven, "callredirect": callredirect_seven}
    for subjects in (two, seven):
        answers = {repr(subject()) for subject in subjects.values()}
        assert len({tuple(map(str, subject())) for subject in subjects.values()}) == 1, answers
    for reads, subjects in (("2 reads", two), ("7 reads", seven)):
        title = f"parse one incoming notification ({len(BODY):,} bytes) + {reads}"
        table(title, in_turn(subjects), unit="ns", against="msgspec typed")


if __name__ == "__main__":
    main()
