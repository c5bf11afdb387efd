"""Whole applications in processes of their own, as their documentation says they are started."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

    from callredirect.testing import Simulator

BIN = Path(sys.executable).parent


class Application:
    """One application, started by a command that names the port 8080: here and in its file it becomes a free one."""

    def __init__(self, graph: Simulator, folder: Path, command: str, **variables: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/api/calls"
        self.folder = folder
        for file in folder.glob("app.py"):
            file.write_text(file.read_text().replace("8080", str(self.port)))
        self.arguments = command.replace("8080", str(self.port)).split()
        self.arguments[0] = str(BIN / self.arguments[0])
        self.environment = {
            **os.environ,
            "BOT_APP_ID": graph.app_id,
            "BOT_METADATA_URL": graph.metadata_url,
            "GRAPH_TOKEN": graph.access_token(),
            "GRAPH_URL": graph.base_url,
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": str(folder),
            "PORT": str(self.port),
            **variables,
        }
        self.output = ""

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            self.arguments,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        until = time.monotonic() + 60
        while True:
            assert self.process.poll() is None and time.monotonic() < until, self.stop()
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                # A socket can connect to itself, where nobody listens.
                itself = probe.getsockname()[1] == self.port
                if not itself and probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.02)

    def stop(self) -> str:
        """Ends it as an orchestrator would, and says what it printed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        said, _ = self.process.communicate(timeout=40)
        self.output += said
        return self.output

    def __exit__(self, *_: object) -> None:
        if self.process.returncode is None:
            self.process.kill()
            self.process.communicate()


def sections(page: str) -> dict[str, str]:
    """The parts of a page by their headings."""
    parts = re.split(r"^## (.*)$", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def code(section: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
