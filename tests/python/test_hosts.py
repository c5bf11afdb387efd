"""The page of hosts: every application on it is started as it says, rung, and stopped in the middle of a redirect."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

import callredirect as cr
from applications import BIN, Application, code, sections
from callredirect.testing import Simulator
from conftest import ROOT
from hosts import FrozenWorker

PAGE = (ROOT / "docs" / "hosts.md").read_text(encoding="utf-8")
HOSTS = {title: text for title, text in sections(PAGE).items() if code(text)}
STARTED = {title: text for title, text in HOSTS.items() if title != "Azure Functions"}
BOT = (ROOT / "examples" / "bot.py").read_text(encoding="utf-8")

SECONDS = 2.5
"""Longer than any of the servers takes to end without waiting."""

TARGET = "98da8a1a-1b87-452c-a713-65d3f10b1253"


def slow(bot: str) -> str:
    """The same bot, whose handler can be told to block for a while."""
    before, decision = bot.split("    return ")
    pause = f"    if os.path.exists('slow'):\n        time.sleep({SECONDS})\n"
    return f"import time\n{before}{pause}    return {decision}"


def write(folder: Path, title: str, bot: str) -> str:
    """The application, as the page has it; and the command that starts it."""
    text = HOSTS[title]
    command: str = re.findall(r"`((?:uvicorn|hypercorn|gunicorn|python) [^`]*)`", text)[0]
    (folder / "bot.py").write_text(bot)
    if title.startswith("Django"):
        subprocess.run(
            [BIN / "django-admin", "startproject", "project", folder], check=True, capture_output=True
        )
        for name, block in zip(("urls.py", "asgi.py"), code(text), strict=False):
            assert name in text
            file = folder / "project" / name
            file.write_text((file.read_text() if name == "asgi.py" else "") + block)
    else:
        (block,) = code(text)
        (folder / "app.py").write_text(block)
    return command


@pytest.mark.parametrize("title", STARTED)
def test_an_application_redirects_and_drains(title: str, tmp_path: Path) -> None:
    ring_and_stop(tmp_path, write(tmp_path, title, slow(BOT)))


def test_waitress_drains_when_it_exits(tmp_path: Path) -> None:
    write(tmp_path, "Flask", slow(BOT))
    (on_signal,) = re.findall(r"`(signal\.signal\(.*\))`", HOSTS["Flask"])
    with (tmp_path / "app.py").open("a") as file:
        file.write(
            f"import signal, sys, waitress\n{on_signal}\nwaitress.serve(app, listen='127.0.0.1:8080')\n"
        )
    ring_and_stop(tmp_path, "python app.py")


def ring_and_stop(folder: Path, command: str) -> None:
    with Simulator() as graph, Application(graph, folder, command) as application:
        rung = graph.ring(application.url)
        assert (rung.reply_status, rung.ended_status) == (202, 202)
        assert rung.redirect is not None
        assert rung.redirect["targets"][0]["identity"]["user"]["id"] == TARGET

        # The next one is still being decided when the process is told to end.
        (folder / "slow").touch()
        call_id = graph.place_call()
        note = {
            "changeType": "created",
            "resourceUrl": f"/communications/calls/{call_id}",
            "resourceData": {"id": call_id, "state": "incoming"},
        }
        request = urllib.request.Request(
            application.url,
            json.dumps([note]).encode(),
            {"Authorization": f"Bearer {graph.notification_token()}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 202
        assert len(graph.redirects) == 1
        said = application.stop()
        assert [redirect.call_id for redirect in graph.redirects[1:]] == [call_id], said
        assert graph.redirects[1].status == 202


def test_azure_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = code(HOSTS["Azure Functions"])
    with Simulator() as graph:
        for name, value in {
            "BOT_APP_ID": graph.app_id,
            "BOT_METADATA_URL": graph.metadata_url,
            "GRAPH_TOKEN": graph.access_token(),
            "GRAPH_URL": graph.base_url,
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.syspath_prepend(ROOT / "examples")
        names: dict[str, Any] = {}
        exec(compile(block, "hosts.md", "exec"), names)
        server = FrozenWorker(names["bot"], names["app"])
        server.start()
        rung = graph.ring(f"http://127.0.0.1:{server.port}/api/calls")
        server.stop()
    assert (rung.reply_status, rung.ended_status) == (202, 202)
    (tracked,) = names["bot"].calls
    assert isinstance(tracked.outcome, cr.Accepted) and tracked.ended


def test_the_library_that_azures_workers_run(tmp_path: Path) -> None:
    if importlib.util.find_spec("azure_functions_runtime") is None:
        pytest.skip("the library of Azure's workers needs Python 3.13")
    (block,) = code(HOSTS["Azure Functions"])
    (tmp_path / "function_app.py").write_text(block)
    (tmp_path / "bot.py").write_text(BOT)
    with Simulator() as graph:
        environment = os.environ | {
            "BOT_APP_ID": graph.app_id,
            "BOT_METADATA_URL": graph.metadata_url,
            "GRAPH_TOKEN": graph.access_token(),
            "GRAPH_URL": graph.base_url,
        }
        command = [sys.executable, str(Path(__file__).with_name("functions_worker.py")), str(tmp_path)]
        call_id = graph.place_call()
        url = f"/communications/calls/{call_id}"
        incoming = {
            "changeType": "created", "resourceUrl": url, "resourceData": {"id": call_id, "state": "incoming"}
        }  # fmt: skip
        genuine = {
            "authorization": f"Bearer {graph.notification_token()}",
            "content-type": "application/json",
        }
        orders = [
            {"url": "/api/calls", "headers": headers, "body": json.dumps([incoming])}
            for headers in (genuine, {})
        ]
        done = subprocess.run(
            command,
            input="".join(json.dumps(order) + "\n" for order in orders),
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        ready, accepted, refused = map(json.loads, done.stdout.splitlines())
        # The redirect is over when the reply is there.
        assert [(redirect.call_id, redirect.status) for redirect in graph.redirects] == [(call_id, 202)]
    assert (ready["route"], accepted["status"], refused["status"]) == ("calls/{*below}", 202, 401)
    assert refused["headers"]["WWW-Authenticate"] == "Bearer"


def test_the_page_has_every_adapter_and_only_files_that_are_there() -> None:
    adapters = {path.stem for path in (ROOT / "python/callredirect/adapters").glob("[!_]*.py")}
    imported = set(re.findall(r"callredirect\.adapters(?:\.| import )(\w+)", PAGE))
    assert imported == adapters
    links = re.findall(r"\]\(([^)#]+)\)", PAGE)
    assert links and [link for link in links if not (ROOT / "docs" / link).exists()] == []
    for title, text in HOSTS.items():
        for block in code(text):
            assert len(block.splitlines()) <= 10, title


def test_the_readme_names_every_adapter() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(
        re.findall(r"`?(\w+)\.(?:app|router|routes|setup|blueprint|view|plugin)\(", sections(readme)["Hosts"])
    )
    assert named == {path.stem for path in (ROOT / "python/callredirect/adapters").glob("[!_]*.py")}
