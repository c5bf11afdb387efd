# ruff: noqa: B023
"""Six canaries through every fault there is, with everything listened to: none of them sings.

What each part does alone is in the tests of that part; here they are together, as in a bot.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import logging
import pickle
import time
import traceback
import warnings
from typing import TYPE_CHECKING, Any

import pytest

import callredirect as cr
from callredirect.testing import Simulator
from conftest import FIXTURES
from servers import ACCEPTED, RawServer, ScriptedServer, refused_url, response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET = "canary~client.secret"
ACCESS = "eyJ-canary.access.token"
PHONE = "+19995550123"
NAME = "Canary Zaphod Beeblebrox"
PEM = (FIXTURES / "token" / "certificate.pem").read_bytes()
KEY = next(line for line in PEM.decode().splitlines() if "PRIVATE" not in line)
APP = "24701998-1a73-4d42-8085-bf46ed0ae039"
TENANT = "632899f8-2ea1-4604-8413-27bd2892079f"
CALL = "491f0b00-ffff-4bc9-a43e-b226498ec22a"

TARGET = cr.Target.phone(PHONE, display_name=NAME)
REDIRECTS = [
    cr.Redirect([TARGET]),
    cr.Redirect([TARGET, TARGET], timeout=1),
    cr.Redirect([cr.Target.phone(f"{PHONE}x", display_name=NAME)]),
    cr.Redirect([TARGET], callback_uri=f"https://bot.contoso.com/{PHONE}?token={ACCESS}", mask_caller=True),
    cr.Redirect([cr.Target.identity("user", PHONE, displayName=NAME)]),
]


class Ear:
    """Everything that anybody could read later."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def show(self, value: object) -> None:
        """As a person, a log or another process would see it."""
        self.heard += [repr(value), str(value), f"{value}"]
        if isinstance(value, BaseException):
            self.heard += [*traceback.format_exception(value), repr(value.args), repr(vars(value))]

    def run(self, function: Callable[[], object]) -> None:
        """What it returns, or raises."""
        try:
            self.show(function())
        except Exception as error:
            self.show(error)


class Listener(logging.Handler):
    """Writes down each record as a log would have it, and all its fields."""

    def __init__(self, heard: list[str]) -> None:
        super().__init__()
        self.heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        self.heard += [self.format(record), repr(vars(record))]


@pytest.fixture
def ear(capfd: pytest.CaptureFixture[str]) -> Iterator[Ear]:
    ear, root = Ear(), logging.getLogger()
    listener, before = Listener(ear.heard), root.level
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield ear
    finally:
        root.removeHandler(listener)
        root.setLevel(before)
    ear.heard += [str(warning.message) for warning in caught]
    ear.heard += capfd.readouterr()
    everything = "\n".join(ear.heard)
    canaries = {
        "client secret": SECRET,
        "certificate key": KEY,
        "access token": ACCESS,
        "phone number": PHONE[1:],
        "display name": NAME,
    }
    sung = {name: everything.find(canary) for name, canary in canaries.items() if canary in everything}
    assert {name: everything[max(at - 300, 0) : at + 60] for name, at in sung.items()} == {}


def error_of_graph(status: str) -> bytes:
    """A server that repeats all it was sent."""
    words = {"code": ACCESS, "message": f"{PHONE} {NAME} {ACCESS}", "innerError": {"requestId": ACCESS}}
    body = json.dumps({"error": words}).encode()
    return response(status, body, f"request-id: {ACCESS}\r\n")


ANSWERS: dict[str, bytes | None] = {
    "accepted": ACCEPTED,
    "refused": error_of_graph("403 No"),
    "not there": error_of_graph("404 No"),
    "token refused": error_of_graph("401 Unauthorized"),
    "server error": error_of_graph("502 Bad Gateway"),
    "another server error": error_of_graph("500 Internal Server Error"),
    "nonsense": b"HTTP/9 \x00 nonsense\r\n\r\n",
    "broken off": None,
    "no JSON": response("400 Bad", b"<html>"),
    "moved": response("307 Moved", b"", "Location: http://127.0.0.1:9/\r\n"),
}


class Azure:
    """As azure-identity's, with a token that is a canary too."""

    def __init__(self, token: str) -> None:
        self.given = token

    def get_token(self, *scopes: str, tenant_id: str | None = None) -> Any:
        return type("AccessToken", (), {"token": self.given, "expires_on": 4_000_000_000})()


async def _asynchronous() -> str:
    return ACCESS


def credentials(authority: str) -> list[Any]:
    return [
        ACCESS,
        f"{ACCESS}\n",
        lambda: ACCESS,
        lambda: ACCESS.encode(),
        _asynchronous,
        Azure(ACCESS),
        Azure(f"{ACCESS}\udc80"),
        cr.ClientSecret("app", SECRET, TENANT, authority=authority),
        cr.ClientCertificate("app", PEM, TENANT, authority=authority),
    ]


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_clients(ear: Ear, answer: bytes | None) -> None:
    grant = {"access_token": ACCESS, "expires_in": 3600, "token_type": "Bearer"}
    with RawServer(response("200 OK", json.dumps(grant).encode())) as issuer, RawServer(answer) as graph:
        for credential in credentials(issuer.url):
            if isinstance(credential, (cr.ClientSecret, cr.ClientCertificate)):
                ear.show(credential)
            client = cr.Client(credential, base_url=graph.url)
            other = cr.AsyncClient(credential, base_url=graph.url)
            for redirect in REDIRECTS:
                for one in (
                    lambda: client.redirect(CALL, redirect, deadline=1),
                    lambda: asyncio.run(other.redirect(CALL, redirect, deadline=1)),
                ):
                    ear.run(one)
            ear.show(client)
            ear.show(other)
        assert any(ACCESS.encode() in request for request in graph.requests)


def test_an_error_and_then_a_call_that_is_gone(ear: Ear) -> None:
    for last in ("404 Not Found", "409 Conflict", "400 Bad Request"):
        rings = response("200 OK", b'{"state": "incoming"}')
        with ScriptedServer([error_of_graph("500 Error"), rings, error_of_graph(last)]) as graph:
            outcome = cr.Client(ACCESS, base_url=graph.url).redirect(CALL, REDIRECTS[0])
        assert isinstance(outcome, cr.Unknown) and len(outcome.attempts) == 3
        ear.show(outcome)
        ear.show(outcome.reason)


@pytest.mark.parametrize(
    "answer",
    [
        response("401 Unauthorized", json.dumps({"error": SECRET, "error_description": SECRET}).encode()),
        response("200 OK", json.dumps({"access_token": f"{ACCESS} {SECRET}"}).encode()),
        response("200 OK", f"<html>{SECRET}".encode()),
        None,
    ],
    ids=["refused", "no token", "no JSON", "broken off"],
)
def test_issuers_that_fail(ear: Ear, answer: bytes | None) -> None:
    with RawServer(answer) as issuer:
        for credential in credentials(issuer.url)[-2:]:
            client = cr.Client(credential, base_url="http://127.0.0.1:9")
            for one in (
                lambda: client.redirect(CALL, REDIRECTS[0], deadline=0.3),
                lambda: client.warm_up(timeout=0.3),
            ):
                ear.run(one)
            for way in (pickle.dumps, copy.deepcopy, json.dumps, vars, dict, list):
                ear.run(lambda: way(credential))
    held, url = refused_url()
    with held:
        ear.run(lambda: cr.Client(ACCESS, base_url=url).redirect(CALL, REDIRECTS[0], deadline=0.3))


def test_values(ear: Ear) -> None:
    ear.show(cr.Redirect([cr.Target.phone(PHONE)]))  # whom a bot's own code names is shown by name
    for redirect in REDIRECTS:
        ear.run(redirect.violations)
        ear.run(redirect.validate)
        ear.run(lambda: redirect.validate(api_version="beta"))
    for wrong in (PHONE, f"{ACCESS}/..", f"call {PHONE}", NAME):
        ear.run(lambda: cr.Client(ACCESS).redirect(wrong, REDIRECTS[0]))
        ear.run(lambda: cr.Client(ACCESS, base_url=f"https://x:{wrong}@graph/"))
    for make in (
        lambda: cr.ClientSecret("", SECRET, TENANT),
        lambda: cr.ClientSecret("app", f"{SECRET}\n", "no tenant/"),
        lambda: cr.ClientCertificate("app", PEM[:-200], TENANT),
        lambda: cr.ClientCertificate("app", PEM.replace(b"PRIVATE KEY", b"PRIVATE THING"), TENANT),
        lambda: cr.ClientCertificate("app", PEM.decode(), "no tenant/"),
    ):
        ear.run(make)


async def test_a_bot(ear: Ear) -> None:
    person = {"identity": {"phone": {"id": PHONE, "displayName": NAME}}}

    def note(change: str, state: str, call: str, **more: object) -> dict[str, Any]:
        resource = {"id": call, "state": state, "source": person, "targets": [person], **more}
        return {
            "changeType": change,
            "resourceUrl": f"/communications/calls/{call}",
            "resourceData": resource,
        }

    def body(*notes: object) -> bytes:
        return json.dumps({"value": notes}).encode()

    def raises(call: cr.Call) -> cr.Redirect:
        raise ValueError("the bot's own words")

    with Simulator() as simulator, contextlib.ExitStack() as servers:
        inbound = simulator.notification_token()
        genuine = {"Authorization": f"Bearer {inbound}", "Content-Type": "application/json"}
        forged = genuine | {"Authorization": f"Bearer {inbound[:-9]}"}
        signature = inbound.rsplit(".", 1)[1]
        for answer in ANSWERS.values():
            graph = servers.enter_context(RawServer(answer))
            for turn, decision in enumerate([*REDIRECTS, [TARGET], NAME, None, raises]):
                bot = cr.Redirector(
                    app_id=APP,
                    credential=ACCESS,
                    verifier=cr.Verifier(APP, jwks=simulator.jwks),
                    base_url=graph.url,
                )
                handler: Any = raises if decision is raises else lambda _: decision
                bot.on_incoming(handler)
                bot.on_ended(ear.show)
                call = f"call-{turn}"
                created, ended = (
                    body(note("created", "incoming", call)),
                    body(note("deleted", "terminated", call, answeredBy=person)),
                )
                for given, headers in (
                    (created, forged),
                    (created, {**genuine, "Authorization": inbound}),
                    (created[:-9], genuine),
                    (created + PHONE.encode() + NAME.encode(), genuine),
                    (body({"changeType": NAME, "resourceData": PHONE}), genuine),
                    (created, genuine),
                    (created, genuine),
                ):
                    ear.show(await bot.handle(given, headers, received_at=time.monotonic() - 12.5))
                if bot._redirecting:
                    await asyncio.wait(bot._redirecting.values())
                await bot.handle(ended, genuine)
                await bot.close()
                for tracked in bot.calls:
                    ear.show(tracked)
                    ear.show(tracked.call)
                    ear.show(tracked.outcome)
                    ear.show(tracked.answered_by)
                ear.show(bot)
        for change in (inbound, inbound[:-9], f"{inbound}.x", inbound.replace(".", "..", 1)):
            ear.run(lambda: cr.Verifier(APP, jwks=simulator.jwks).verify(change))
            ear.run(lambda: cr.Verifier("other", jwks=simulator.jwks).verify(f"Bearer {change}"))
    heard = "\n".join(ear.heard)
    assert inbound not in heard and signature[:40] not in heard
    missing = {word for word in ("accepted", "rejected", "unknown") if f": {word}: " not in heard}
    assert missing == set(), "it did not listen"
