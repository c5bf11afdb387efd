"""Completion in real shells."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from callredirect.cli import COMMANDS
from test_cli import BARE, run


def script(shell: str, folder: Path) -> Path:
    done = run("completion", shell)
    assert done.returncode == 0
    file = folder / f"completion.{shell}"
    file.write_text(done.stdout)
    return file


def needs(shell: str) -> str:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not installed")
    return found


def in_bash(folder: Path, line: str) -> list[str]:
    words = line.split(" ")
    code = (
        f"source {script('bash', folder)}; COMP_WORDS=({' '.join(word or chr(39) * 2 for word in words)});"
        f'COMP_CWORD={len(words) - 1}; _callredirect 2>/dev/null; printf "%s\\n" "${{COMPREPLY[@]}}"'
    )
    done = subprocess.run(
        [needs("bash"), "--norc", "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=BARE,
        cwd=folder,
    )
    assert done.stderr == ""
    return done.stdout.split()


def in_fish(folder: Path, line: str) -> list[str]:
    code = f"source {script('fish', folder)}; complete -C '{line}'"
    done = subprocess.run(
        [needs("fish"), "--no-config", "-c", code], capture_output=True, text=True, timeout=60, check=True,
        env=BARE | {"HOME": str(folder)}, cwd=folder,
    )  # fmt: skip
    assert done.stderr == ""
    return [row.partition("\t")[0] for row in done.stdout.splitlines()]


@pytest.mark.parametrize("complete", [in_bash, in_fish])
def test_words(complete: Callable[[Path, str], list[str]], tmp_path: Path) -> None:
    (tmp_path / "redirect.json").write_text("{}")
    assert set(COMMANDS) <= set(complete(tmp_path, "callredirect "))
    assert complete(tmp_path, "callredirect val") == ["validate"]
    assert sorted(complete(tmp_path, "callredirect completion ")) == ["bash", "fish", "zsh"]
    assert complete(tmp_path, "callredirect parse --len") == ["--lenient"]
    assert sorted(complete(tmp_path, "callredirect send --api-version ")) == ["beta", "v1.0"]
    assert complete(tmp_path, "callredirect ring --fault thr") == ["throttled"]
    assert complete(tmp_path, "callredirect simulate --port ") == []


def test_files_and_equals(tmp_path: Path) -> None:
    (tmp_path / "redirect.json").write_text("{}")
    assert in_bash(tmp_path, "callredirect validate redi") == ["redirect.json"]
    assert in_bash(tmp_path, "callredirect send --api-version = be") == ["beta"]
    assert in_fish(tmp_path, "callredirect validate redi") == ["redirect.json"]


def test_in_zsh_as_typed(tmp_path: Path) -> None:
    zsh = needs("zsh")
    source = script("zsh", tmp_path)
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.execve(zsh, [zsh, "-f", "-i"], BARE | {"TERM": "dumb", "PS1": "> ", "HOME": str(tmp_path)})

    def until(text: str) -> str:
        seen = ""
        while text not in seen:
            assert select.select([terminal], [], [], 60)[0], seen
            seen += os.read(terminal, 65536).decode(errors="replace")
        return seen

    os.write(terminal, f"autoload -U compinit; compinit -u -D; source {source}; echo rea''dy\n".encode())
    until("ready\r\n")
    for typed, completed in (("vali", "validate "), ("send --api-version=be", "--api-version=beta")):
        os.write(terminal, f"callredirect {typed}\t".encode())
        until(completed)
        os.write(terminal, b"\x15")  # clears the line
    os.write(terminal, b"exit\n")
    os.close(terminal)
    os.waitpid(pid, 0)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_reads_it(shell: str, tmp_path: Path) -> None:
    subprocess.run([needs(shell), "-n", script(shell, tmp_path)], timeout=60, check=True)
