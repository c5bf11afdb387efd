"""The package as a whole: what it exports, what importing it costs, whether its stub tells the truth."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import callredirect
from callredirect import _native

PACKAGE = Path(callredirect.__file__).parent

# Nothing that a bot may not need: each of these costs more than all of callredirect.
TOO_HEAVY = [
    "asyncio", "concurrent.futures", "email", "fastapi", "flask", "http", "http.client", "inspect", "logging",
    "multiprocessing", "pytest", "socket", "sqlite3", "ssl", "subprocess", "unittest", "urllib.request",
]  # fmt: skip


def fresh(code: str) -> object:
    """What `code` prints as JSON in an interpreter of its own."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def public(module: ModuleType) -> set[str]:
    names = {name for name in vars(module) if not name.startswith("_")}
    return {name for name in names if not isinstance(getattr(module, name), ModuleType)} - {"annotations"}


def test_all_names_everything_public_once() -> None:
    assert len(callredirect.__all__) == len(set(callredirect.__all__))
    dunder = {name for name in callredirect.__all__ if name.startswith("__")}
    assert set(callredirect.__all__) - dunder == public(callredirect)
    assert [name for name in dunder if not hasattr(callredirect, name)] == []


def test_native_classes_are_found_where_they_say_they_live() -> None:
    # pickle, documentation and error messages all follow __module__.
    for name in public(_native):
        value = getattr(_native, name)
        if isinstance(value, type):
            home = importlib.import_module(value.__module__)
            assert getattr(home, value.__qualname__, None) is value, f"{value.__module__}.{name}"


def test_the_stub_names_what_the_extension_has() -> None:
    defined: set[str] = set()
    for node in ast.parse((PACKAGE / "_native.pyi").read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            defined.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            defined.add(node.target.id)
    assert {name for name in defined if not name.startswith("_")} == public(_native)


def test_the_package_is_typed_and_needs_nothing() -> None:
    assert (PACKAGE / "py.typed").is_file()
    needed = [line for line in importlib.metadata.requires("callredirect") or [] if "extra ==" not in line]
    assert needed == []


def test_import_is_light() -> None:
    before = fresh("import json, sys; print(json.dumps(sorted(sys.modules)))")
    after = fresh("import callredirect, json, sys; print(json.dumps(sorted(sys.modules)))")
    assert isinstance(before, list)
    assert isinstance(after, list)
    assert sorted((set(after) - set(before)) & set(TOO_HEAVY)) == []


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
def test_import_starts_no_thread() -> None:
    # A server that forks its workers after importing the bot must find a clean process.
    code = "import callredirect, os; print(len(os.listdir('/proc/self/task')))"
    assert fresh(code) == 1
