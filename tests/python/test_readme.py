"""What the README shows is what there is, and what it shows works."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import util
from typing import Any

import pytest

import callredirect as cr
from callredirect.testing import Simulator
from conftest import ROOT

EXAMPLES = ROOT / "examples"
BOT = EXAMPLES / "fastapi_bot.py"
README = (ROOT / "README.md").read_text(encoding="utf-8")

STEPS = [
    "notification received", "verified", "parsed", "claimed", "decided", "validated", "redirect sent",
    "202 from Graph", "call terminated", "outcome: accepted",
]  # fmt: skip


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def block(start: str) -> str:
    (found,) = [block for block in blocks("python") if block.startswith(start)]
    return found


@pytest.fixture(scope="module")
def demo() -> Any:
    spec = util.spec_from_file_location("demo", EXAMPLES / "demo.py")
    assert spec is not None and spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def graph() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


def test_nothing_is_left_to_fill_in() -> None:
    assert len(blocks("python")) == 5
    assert not re.search(r"^[A-Z]{4,}$|TODO|FIXME", README, re.MULTILINE)


def test_the_bot_is_the_file() -> None:
    code = BOT.read_text(encoding="utf-8")
    assert blocks("python")[0] == code
    assert len(code.splitlines()) < 40


def test_every_file_it_links_to_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links and [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


def test_every_make_target_it_names_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"make ([a-z]+)", README))
    assert named and [name for name in named if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []


def steps(text: str) -> list[str]:
    return re.findall(r"^ *[0-9]+\.[0-9] ms  (.*)$", text, re.MULTILINE)


def test_the_demo_prints_every_step_of_three_calls() -> None:
    command = [sys.executable, str(EXAMPLES / "demo.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert steps(done.stdout) == STEPS * 3
    assert re.findall(r"^--- example (\d)", done.stdout, re.MULTILINE) == ["1", "2", "3"]
    assert done.stdout.endswith("3 of 3 calls redirected\n")


def test_the_timeline_it_shows_is_one_of_the_demo() -> None:
    (shown,) = blocks("text")
    assert steps(shown) == STEPS
    times = [float(at) for at in re.findall(r"([0-9.]+) ms", shown)]
    assert times == sorted(times)


def test_the_steps_alone(
    graph: Simulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = block("import callredirect as cr\n\nclaims = ")
    call_id = graph.place_call()
    call = {"id": call_id, "state": "incoming", "source": {"identity": {"user": {"id": "alice"}}}}
    url = f"/communications/calls/{call_id}"
    ended = {"changeType": "deleted", "resourceUrl": url, "resourceData": {"id": "z", "state": "terminated"}}
    notes = [ended, {"changeType": "created", "resourceUrl": url, "resourceData": call}]
    names: dict[str, Any] = {
        "body": json.dumps({"value": notes}),
        "credential": graph.access_token(),
        "app_id": graph.app_id,
        "keys": graph.jwks,
        "authorization_header": f"Bearer {graph.notification_token()}",
    }
    # Only this differs from a real run: which Graph it is.
    monkeypatch.setattr(cr, "Client", functools.partial(cr.Client, base_url=graph.base_url))
    exec(compile(code, "README.md", "exec"), names)
    assert capsys.readouterr().out.splitlines() == ["z None None", "ringing"]
    (redirect,) = graph.redirects
    assert (redirect.call_id, json.loads(redirect.body)["timeout"]) == (call_id, 30)
    assert names["claims"].audience == graph.app_id

    # Every other ending it has a word for: the call is gone, the token is refused, nobody is there.
    exec(compile(code, "README.md", "exec"), names)
    assert capsys.readouterr().out.splitlines()[-1] == "the caller hung up, or somebody was faster"
    exec(compile(code, "README.md", "exec"), names | {"credential": "x"})
    assert (
        capsys.readouterr().out.splitlines()[-1].startswith("Graph said no: 401 InvalidAuthenticationToken ")
    )


def test_credentials(graph: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    code = block("import callredirect as cr\n\nsecret = ")
    pem = (ROOT / "tests" / "fixtures" / "token" / "certificate.pem").read_text(encoding="utf-8")
    graph.register_certificate(pem)
    for name in ("ClientSecret", "ClientCertificate"):
        monkeypatch.setattr(cr, name, functools.partial(getattr(cr, name), authority=graph.base_url))
    endpoint = f"{graph.base_url}/metadata/identity/oauth2/token"
    monkeypatch.setattr(cr, "ManagedIdentity", functools.partial(cr.ManagedIdentity, endpoint=endpoint))
    monkeypatch.setattr(cr, "Client", functools.partial(cr.Client, base_url=graph.base_url))
    ids = {"client_id": graph.app_id, "client_secret": graph.client_secret, "tenant_id": graph.tenant_id}
    names: dict[str, Any] = dict(ids)
    code = code.replace('"bot.pem"', repr(pem))
    exec(compile(code, "README.md", "exec"), names)
    assert [path.rpartition("/")[2] for _, path, _ in graph.requests].count("token") == 1
    for name in ("certificate", "machine"):
        cr.Client(names[name]).warm_up()
    with pytest.raises(cr.CredentialError) as caught:
        cr.Client(cr.ClientSecret(graph.app_id, "wrong", graph.tenant_id)).warm_up()
    assert str(caught.value).partition(": ")[2] in " ".join(README.split())


def test_a_bot_that_does_not_start_ends_the_demo(demo: Any, graph: Simulator) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", os.environ | {"PYTHONPATH": "/nowhere"})
        patch.setattr(sys, "executable", "/bin/false")
        bot = demo.start_bot(graph, demo.free_port())
    with pytest.raises(SystemExit, match="did not start: exit code 1"):
        demo.wait_until_listening(bot, demo.free_port())
