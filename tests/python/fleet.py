"""Several workers of one bot, each a process, and a Graph that counts."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callredirect.testing import Simulator
from servers import ACCEPTED, PATIENCE, RawServer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import Self

WORKER = Path(__file__).with_name("claims_worker.py")


class Graph(RawServer):
    """Accepts every redirect, so that a second one would ring; and keeps those of calls named so waiting."""

    def __init__(self) -> None:
        super().__init__(ACCEPTED)
        self._gates: defaultdict[str, threading.Event] = defaultdict(threading.Event)

    def answer_to(self, request: bytes) -> bytes | None:
        call = request.split(b"/")[4].decode()
        if call.startswith("sending"):
            self._gates[call].wait(PATIENCE)
        return super().answer_to(request)

    def let(self, call: str) -> None:
        """From now on this call's requests are answered."""
        self._gates[call].set()

    def counted(self) -> Counter[str]:
        # A worker that has had nothing to do for a while asks for a HEAD, to keep its connection.
        redirects = [request for request in list(self.requests) if request.startswith(b"POST ")]
        return Counter(request.split(b"/")[4].decode() for request in redirects)


class Worker:
    """One process."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.errors: list[str] = []
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()
        self.tell(settings)

    def _listen(self) -> None:
        assert self.process.stderr
        self.errors.extend(self.process.stderr)

    def tell(self, *orders: dict[str, Any]) -> None:
        assert self.process.stdin
        self.process.stdin.write("".join(json.dumps(order) + "\n" for order in orders))
        self.process.stdin.flush()

    def hear(self, name: str) -> Any:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, "".join(self.errors)[-2000:]
        return json.loads(line)[name] if name else json.loads(line)

    def report(self) -> dict[str, Any]:
        self.tell({"close": True})
        report: dict[str, Any] = self.hear("")
        self.process.wait(30)
        return report


class Fleet:
    """Starts workers against one Graph and one store; ends them with it."""

    def __init__(self, store: str, *, store_down: str = "degrade", at_once: int = 16) -> None:
        self.graph = Graph()
        self.simulator = Simulator()
        self.workers: list[Worker] = []
        self.settings = {
            "store": store,
            "store_down": store_down,
            "at_once": at_once,
            "base_url": self.graph.url,
            "app_id": self.simulator.app_id,
            "tenant": self.simulator.tenant_id,
            "jwks": self.simulator.jwks,
            "token": self.simulator.access_token(),
        }

    def start(self, count: int, **more: Any) -> list[Worker]:
        """So many more, ready to be delivered to."""
        token = f"Bearer {self.simulator.notification_token(claims={'exp': time.time() + 3600})}"
        settings = self.settings | {"authorization": token} | more
        new = [Worker(settings) for _ in range(count)]
        self.workers += new
        for worker in new:
            worker.hear("ready")
        return new

    def end(self, worker: Worker) -> None:
        """Ends one, however it is."""
        self.workers.remove(worker)
        worker.process.kill()
        worker.process.wait()
        for pipe in (worker.process.stdin, worker.process.stdout):
            assert pipe
            with suppress(BrokenPipeError):  # what it was told last, and did not read
                pipe.close()
        worker._listening.join(10)
        assert worker.process.stderr
        worker.process.stderr.close()

    def __enter__(self) -> Self:
        self.graph.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        for worker in list(self.workers):
            self.end(worker)
        self.graph.__exit__()
        self.simulator.close()


def created(call_id: str, **more: Any) -> dict[str, Any]:
    return {"kind": "created", "id": call_id, **more}


def deleted(call_id: str) -> dict[str, Any]:
    return {"kind": "deleted", "id": call_id}


def counts(reports: Iterable[dict[str, Any]], stage: str) -> int:
    return sum(list(report["stages"].values()).count(stage) for report in reports)
