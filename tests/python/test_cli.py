"""The command line as people run it: the real program, real files, pipes and terminals."""

from __future__ import annotations

import importlib.metadata
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import Any

import pytest

import callredirect as cr
from callredirect.cli import COMMANDS, command
from callredirect.testing import Simulator
from conftest import FIXTURES

CALL = "491f0b00-ffff-4bc9-a43e-b226498ec22a"
ALICE = "98da8a1a-1b87-452c-a713-65d3f10b1253"
SECRET = "s3cret-canary-value"
BARE = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("BOT_", "AZURE_", "GRAPH_", "LOGIN_"))
}
for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
    BARE.pop(name, None)

BAD = """{
  "targets": [
    {"identity": {"phone": {"id": "0123 4567"}}}
  ],
  "timeout": 120,
  "callbackUri": "http://bot.contoso.com/api?code=CANARY"
}
"""


def run(*words: str | Path, stdin: str | bytes = b"", **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "callredirect", *map(str, words)]
    data = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        command, input=data, capture_output=True, timeout=60, check=False, env=BARE | environment
    )
    result = subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())
    assert "Traceback" not in result.stderr, result.stderr
    return result


def on_a_terminal(*words: str | Path, columns: int = 80, **environment: str) -> str:
    """What a person sees."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.clear()
        os.environ.update(BARE | {"TERM": "xterm", "COLUMNS": str(columns)} | environment)
        os.execv(sys.executable, [sys.executable, "-m", "callredirect", *map(str, words)])
    seen = b""
    while select.select([terminal], [], [], 60)[0]:
        try:
            some = os.read(terminal, 65536)
        except OSError:  # it ended
            break
        if not some:
            break
        seen += some
    os.close(terminal)
    os.waitpid(pid, 0)
    return seen.decode().replace("\r\n", "\n")


def without_colours(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_help_names_every_command_and_exit_code() -> None:
    done = run("--help")
    assert done.returncode == 0 and done.stderr == ""
    assert all(f"  {name} " in done.stdout for name in COMMANDS)
    for code in (0, 1, 2, 3, 130, 141, 143):
        assert re.search(rf"^ +{code}  ", done.stdout, re.MULTILINE)
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself_in_80_columns(name: str) -> None:
    done = run(name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: callredirect {name}")
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert any("--json" in action.option_strings for action in command(name).arguments()._actions)


def test_the_installed_script_is_the_same_program() -> None:
    script = Path(sysconfig.get_path("scripts")) / "callredirect"
    done = subprocess.run([script, "--version"], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == f"callredirect {importlib.metadata.version('callredirect')}\n" == run("-V").stdout


def test_help_loads_nothing_heavy() -> None:
    heavy = ["asyncio", "ssl", "socket", "http.client", "urllib.request", "difflib", "json", "subprocess"]
    code = (
        "import sys; from callredirect.cli import main; main(['--help']);"
        f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr == "[]\n"


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["valdate"], "no command 'valdate'", "did you mean validate?"),
        (["parse", "--lenent"], "no option --lenent", "did you mean --lenient?"),
        (["--verson"], "no option --verson", "did you mean --version?"),
        (["validate", "--api-version", "btea"], "'btea' is not v1.0 or beta; did you mean beta?", "--help"),
        (["send", CALL, "--secret", SECRET], "takes no secret as an argument", "BOT_SECRET"),
        (["send"], "missing: CALL_ID", "--help"),
        (["ring", "127.0.0.1:8000"], "perhaps http://127.0.0.1:8000", "--help"),
        (["ring", "http://127.0.0.1:9", "--callee", "*=bussy"], "did you mean busy?", "--help"),
        (
            ["ring", "http://127.0.0.1:9", "--fault", "thrttled"],
            "did you mean `throttled`?",
            "simulate --faults",
        ),
        (["ring", "http://127.0.0.1:9", "--from", "usr=1"], "did you mean user?", "--help"),
        (["simulate", "--port", "99999"], "from 0 to 65535", "--help"),
        (["parse", "x", "--", "y"], "takes nothing behind --", "--help"),
        (["parse", "no-such-file"], "no file no-such-file", "standard input"),
        (["parse", "."], ". is a directory", "name the files"),
    ],
)
def test_mistakes_of_usage(words: list[str], message: str, hint: str) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    error, _, rest = done.stderr.partition("\n")
    assert error.startswith("error: ") and message in error
    assert rest.startswith(" hint: ") and hint in rest
    assert SECRET not in done.stderr
    as_json = run(*words[:1], "--json", *words[1:])
    assert as_json.stdout == ""
    document = json.loads(as_json.stderr)["error"]
    assert document["exit_code"] == 2 and document["message"] and document["hint"]


def test_a_mistyped_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "redirect.json").write_text("{}")
    done = run("validate", tmp_path / "redirct.json")
    assert done.returncode == 2 and "did you mean redirect.json?" in done.stderr


@pytest.mark.parametrize(
    ("data", "message"), [(b"\xff\xfe{\x00", "UTF-16"), (b'{"a": "\xe9"}', "not UTF-8: byte 0xe9 in line 1")]
)
def test_what_is_no_utf8(tmp_path: Path, data: bytes, message: str) -> None:
    file = tmp_path / "body.json"
    file.write_bytes(data)
    for name in ("parse", "validate"):
        done = run(name, file)
        assert done.returncode == 1 and message in done.stderr


def test_parse_shows_a_tree() -> None:
    done = run("parse", FIXTURES / "notification" / "ex2-incoming.json")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "IncomingCall  created /communications/calls/481f0b00-ffff-4ca1-8c67-a5f1e31e8e82"
    assert "├─ state              incoming" in lines
    assert '├─ targets            application 24701998-1a73-4d42-8085-bf46ed0ae039 "test bot"' in lines


def test_parse_in_a_table_that_fits() -> None:
    files = sorted((FIXTURES / "notification").glob("*.json"))
    done = run("parse", "--lenient", "--table", *files)
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 7
    assert "481f0b00-ffff-4ca1-8c67-a5f1e31e8e82" in done.stdout
    shown = without_colours(on_a_terminal("parse", "--lenient", "--table", *files))
    assert max(map(len, shown.splitlines())) <= 80 and "481f0b00…" in shown


def test_parse_documentation_says_how_to_read_it() -> None:
    file = FIXTURES / "notification" / "ex1-incoming.json"
    done = run("parse", file)
    assert done.returncode == 1 and "--lenient" in done.stderr and f"{file}:24:" in done.stderr
    assert run("parse", "--lenient", stdin=file.read_bytes()).returncode == 0
    assert run("parse", stdin="{").returncode == 1


def test_parse_json_lines_and_one_bad_item() -> None:
    body = json.dumps(
        {
            "value": [
                {"changeType": 7},
                {"changeType": "created", "resourceUrl": f"/communications/calls/{CALL}"},
            ]
        }
    )
    done = run("parse", "--json", stdin=body)
    items = [json.loads(line) for line in done.stdout.splitlines()]
    expected = cr.parse(body)
    assert [item["event"] for item in items] == [type(note).__name__ for note in expected]
    assert items[1]["call_id"] == CALL and items[1]["notification"] == expected[1].to_dict()


def test_what_is_personal_is_masked_unless_asked_for() -> None:
    call = {
        "@odata.type": "#microsoft.graph.call",
        "state": "incoming",
        "id": CALL,
        "source": {"identity": {"phone": {"id": "+12345678901", "displayName": "Canary Name"}}},
    }
    operation = {
        "@odata.type": "#microsoft.graph.recordOperation",
        "status": "completed",
        "recordingAccessToken": SECRET,
    }
    url = f"/communications/calls/{CALL}"
    notes = [
        {"changeType": "created", "resourceUrl": url, "resourceData": call},
        {"changeType": "deleted", "resourceUrl": f"{url}/operations/1", "resourceData": operation},
    ]
    body = json.dumps({"value": notes})
    for words in ([], ["--table"], ["--json"]):
        hidden = run("parse", *words, stdin=body).stdout
        assert hidden and "+12345678901" not in hidden and SECRET not in hidden
    for words in ([], ["--json"]):
        shown = run("parse", "--unmask", *words, stdin=body).stdout
        assert "+12345678901" in shown and SECRET in shown


def test_hostile_text_does_not_reach_the_terminal() -> None:
    name = "x\x1b]0;owned\x07\u202eevil\n"
    identity = {"user": {"id": ALICE, "displayName": name}}
    call = {"@odata.type": "#microsoft.graph.call", "state": "incoming", "source": {"identity": identity}}
    body = json.dumps(
        {
            "value": [
                {
                    "changeType": "created",
                    "resourceUrl": f"/communications/calls/{CALL}",
                    "resourceData": call,
                }
            ]
        }
    )
    shown = run("parse", stdin=body).stdout
    assert "\x1b" not in shown and "\u202e" not in shown and "\\x1b]0;owned" in shown


def test_validate_marks_every_fault_at_its_place(tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_text(BAD)
    done = run("validate", file)
    assert done.returncode == 1 and done.stderr == ""
    faults = cr.Redirect.from_json(BAD).violations()
    assert len(faults) == 3 and all(f"[{fault.code}]" in done.stdout for fault in faults)
    assert "CANARY" not in done.stdout and "0123 4567" not in done.stdout
    lines = done.stdout.splitlines()
    at = lines.index(f"{file}:5:14 error $.timeout")
    assert lines[at + 1] == '   5 │   "timeout": 120,'
    assert lines[at + 2] == "     │              ^^^"
    assert lines[-1] == f"{file}: 3 errors"
    document = json.loads(run("validate", "--json", file).stdout)
    assert not document["valid"]
    assert {(v["code"], v["path"]) for v in document["violations"]} == {(v.code, v.path) for v in faults}
    assert all(v["line"] and v["column"] for v in document["violations"])


def test_validate_versions_and_warnings() -> None:
    good = (FIXTURES / "redirect" / "forward_to_bot.json").read_text()
    assert run("validate", stdin=good).returncode == 0
    warned = (FIXTURES / "redirect" / "ring_two_users.json").read_text()
    assert run("validate", stdin=warned).returncode == 0
    assert run("validate", "--strict", stdin=warned).returncode == 1
    masked = json.dumps(json.loads(good) | {"maskCallee": True})
    assert run("validate", stdin=masked).returncode == 0
    assert run("validate", "--api-version", "v1.0", stdin=masked).returncode == 1
    done = run("validate", stdin='{"targets": [}')
    assert done.returncode == 1 and "             ^" in done.stdout


def test_colours_only_where_they_are_seen(tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_text(BAD)
    assert "\x1b[" not in run("validate", file).stdout
    assert "\x1b[" in run("validate", file, FORCE_COLOR="1").stdout
    assert "\x1b[31;1merror" in on_a_terminal("validate", file)
    assert "\x1b[" not in on_a_terminal("validate", file, NO_COLOR="1")
    assert "\x1b[" not in run("validate", file, FORCE_COLOR="1", NO_COLOR="1").stdout
    assert "\x1b[" not in on_a_terminal("validate", file, TERM="dumb")
    assert max(map(len, without_colours(on_a_terminal("validate", file)).splitlines())) <= 80 + len(str(file))


def test_a_terminal_without_unicode() -> None:
    done = run("parse", FIXTURES / "notification" / "ex2-incoming.json", PYTHONIOENCODING="ascii")
    assert done.returncode == 0 and done.stdout.isascii() and "|- state" in done.stdout


def test_who_reads_may_leave() -> None:
    script = f"{sys.executable} -m callredirect simulate --faults --json | head -c 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False, env=BARE
    )
    assert done.stderr == "" and done.returncode in (0, 141)
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "callredirect", "--help"]
    left = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, timeout=60, check=False, env=BARE)
    os.close(write)
    assert (left.returncode, left.stderr) == (141, b"")


@pytest.fixture
def graph() -> Any:
    with Simulator() as simulator:
        yield simulator


def bot_environment(graph: Simulator) -> dict[str, str]:
    return {
        "BOT_APP_ID": graph.app_id,
        "BOT_TENANT": graph.tenant_id,
        "BOT_SECRET": graph.client_secret,
        "BOT_METADATA_URL": graph.metadata_url,
        "GRAPH_URL": graph.base_url,
        "LOGIN_URL": graph.base_url,
    }


def test_send(graph: Simulator, tmp_path: Path) -> None:
    environment = bot_environment(graph)
    call = graph.place_call()
    done = run("send", call, "--user", ALICE, "--timeout", "30", "--json", **environment)
    assert done.returncode == 0 and json.loads(done.stdout)["outcome"] == "accepted"
    (received,) = graph.redirects
    assert json.loads(received.body)["timeout"] == 30
    again = run("send", call, "--user", ALICE, **environment)
    assert again.returncode == 1 and "8522" in again.stdout
    wrong = run("send", call, "--user", ALICE, **(environment | {"BOT_SECRET": SECRET}))
    assert wrong.returncode == 3 and "AADSTS7000215" in wrong.stderr and SECRET not in wrong.stderr
    file = tmp_path / "secret"
    file.write_text(graph.client_secret + "\n")
    del environment["BOT_SECRET"]
    assert (
        run("send", graph.place_call(), "--user", ALICE, "--secret-file", file, **environment).returncode == 0
    )
    assert run("send", call, "--user", ALICE).returncode == 2
    assert "no credential" in run("send", call, "--user", ALICE).stderr
    assert run("send", call, "--phone", "123", "--dry-run").returncode == 2
    gone = run(
        "send",
        call,
        "--user",
        ALICE,
        "--graph-url",
        "http://127.0.0.1:9",
        "--deadline",
        "0.5",
        GRAPH_TOKEN=SECRET,
    )
    assert gone.returncode == 3 and SECRET not in gone.stdout + gone.stderr


def test_a_dry_run_is_what_is_sent(graph: Simulator) -> None:
    words = ["--phone", "+12345678901", "--api-version", "beta"]
    dry = json.loads(run("send", CALL, *words, "--dry-run", "--json").stdout)
    assert dry["url"] == f"https://graph.microsoft.com/beta/communications/calls/{CALL}/redirect"
    assert dry["headers"]["authorization"] == "Bearer ***" and dry["headers"]["host"] == "graph.microsoft.com"
    run("send", graph.place_call(call_id=CALL), *words, **bot_environment(graph))
    (received,) = graph.redirects
    assert dry["body"].encode() == received.body
    assert received.headers.keys() <= dry["headers"].keys()
    assert SECRET not in run("send", CALL, *words, "--dry-run", GRAPH_TOKEN=SECRET).stdout


def test_doctor_against_a_simulator(graph: Simulator) -> None:
    done = run("doctor", "--json", **bot_environment(graph))
    document = json.loads(done.stdout)
    found = {check["check"]: check["status"] for check in document["checks"]}
    assert done.returncode == 0 and document["ok"]
    assert found.pop("callback") == "skipped" and set(found.values()) == {"ok"} and "permission" in found
    assert graph.client_secret not in done.stdout


@pytest.mark.parametrize(
    ("change", "check", "words"),
    [
        ({"BOT_SECRET": SECRET}, "token", "AADSTS7000215"),
        ({"BOT_TENANT": "not-a-tenant"}, "tenant", "no tenant"),
        ({"GRAPH_URL": "http://127.0.0.1:9"}, "graph", "refused"),
        ({"LOGIN_URL": "http://127.0.0.1:9"}, "token", "no token"),
        ({"BOT_METADATA_URL": "http://127.0.0.1:9/x"}, "keys", "could not be fetched"),
        ({"GRAPH_URL": "http://no-such-host.invalid:80"}, "graph", "cannot be resolved"),
    ],
)
def test_doctor_finds(graph: Simulator, change: dict[str, str], check: str, words: str) -> None:
    done = run("doctor", "--json", **(bot_environment(graph) | change))
    found = {finding["check"]: finding for finding in json.loads(done.stdout)["checks"]}
    assert done.returncode == 1 and found[check]["status"] == "failed" and words in found[check]["message"]
    assert SECRET not in done.stdout + done.stderr


def test_doctor_reads_the_token(graph: Simulator) -> None:
    environment = bot_environment(graph)
    del environment["BOT_SECRET"]

    def found(token: str) -> dict[str, Any]:
        checks = json.loads(run("doctor", "--json", **environment, GRAPH_TOKEN=token).stdout)["checks"]
        return {check["check"]: check for check in checks}

    weak = found(graph.access_token(roles=["Calls.JoinGroupCall.All"]))
    assert weak["permission"]["status"] == "failed" and "consent" in weak["permission"]["hint"]
    assert "Calls.JoinGroupCall.All" in weak["permission"]["message"]
    assert found(graph.access_token(lifetime=0))["token"]["status"] == "failed"
    other = "11111111-2222-3333-4444-555555555555"
    assert other in found(graph.access_token(other))["token"]["message"]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://bot.contoso.com/x", "not https"),
        ("https://127.0.0.1/x", "not public"),
        ("https://no.invalid/x", "cannot be resolved"),
    ],
)
def test_doctor_looks_at_the_callback(graph: Simulator, url: str, words: str) -> None:
    done = run("doctor", "--json", "--callback", url, **bot_environment(graph))
    (check,) = [check for check in json.loads(done.stdout)["checks"] if check["check"] == "callback"]
    assert check["status"] == "failed" and words in check["message"] and done.returncode == 1


def interruptible() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it


def started(*words: str | Path, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "callredirect", *map(str, words)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=BARE | environment,
        preexec_fn=interruptible,
    )


def test_a_port_in_use_and_ctrl_c() -> None:
    program = started("simulate", "--json", "--port", "0")
    assert program.stdout is not None
    settings = json.loads(program.stdout.readline())
    port = settings["environment"]["GRAPH_URL"].rpartition(":")[2]
    assert settings["page_url"].startswith("http://127.0.0.1:")
    taken = run("simulate", "--port", port)
    assert taken.returncode == 3 and f"port {port}" in taken.stderr and "--port 0" in taken.stderr
    program.send_signal(signal.SIGINT)
    _, errors = program.communicate(timeout=30)
    assert (program.returncode, errors) == (130, "")


def test_the_secret_of_the_environment_is_taken_and_not_shown() -> None:
    program = started("simulate", "--port", "0", BOT_SECRET=SECRET)
    assert program.stdout is not None
    lines: list[str] = []
    while not lines or not lines[-1].startswith("callredirect ring"):
        lines.append(program.stdout.readline())
    exported = dict(re.findall(r"^export (\w+)=(.*)$", "".join(lines), re.MULTILINE))
    program.terminate()
    program.communicate(timeout=30)
    assert program.returncode == 143
    assert set(exported) == {"BOT_APP_ID", "BOT_TENANT", "BOT_METADATA_URL", "GRAPH_URL", "LOGIN_URL"}
    assert SECRET not in "".join(lines)


def test_time_is_not_lost_before_the_first_line() -> None:
    # Not a limit, which a busy machine breaks: the program beside an interpreter that imports the package alone.
    def best(*words: str) -> float:
        times = []
        for _ in range(5):
            began = time.perf_counter()
            subprocess.run([sys.executable, *words], capture_output=True, timeout=60, check=True)
            times.append(time.perf_counter() - began)
        return min(times)

    assert best("-m", "callredirect", "--help") < 20 * best("-c", "pass")
