"""One worker of a fleet: a bot that is told on stdin what is delivered to it, and that may kill itself at a point.

The first line has the settings; each after it is a JSON object, too. A delivery has ``id``, ``kind`` (``created`` or
``deleted``) and maybe ``age`` in seconds and ``die``, one of `POINTS`, and ``after`` how many seconds.
``{"unfinished": true}`` asks for what was left behind and how far the calls here are, ``{"close": true}`` ends it.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import threading
import time
from typing import Any

import callredirect as cr

POINTS = ("replied", "claimed", "decided", "marked", "sending", "sent")
"""Right after the reply; in the handler; when a token is asked for; when leave to send was written; while the request is
under way (the one who serves it kills); when the answer came and is not written down."""

ALICE = cr.Redirect([cr.Target.user("98da8a1a-1b87-452c-a713-65d3f10b1253")], timeout=30)


def die(after: float = 0.0) -> None:
    """The loop stands still until then; whatever else there is goes on."""
    time.sleep(after)
    os.kill(os.getpid(), signal.SIGKILL)


class Worker:
    def __init__(self, settings: dict[str, Any]) -> None:
        self.dies: dict[str, str] = {}
        self.headers = {"Authorization": settings["authorization"], "Content-Type": "application/json"}
        self.token = settings["token"]
        self.tenant = settings["tenant"]
        self.bot = cr.Redirector(
            app_id=settings["app_id"],
            credential=self.give_token,
            verifier=cr.Verifier(settings["app_id"], jwks=settings["jwks"]),
            base_url=settings["base_url"],
            store=settings["store"],
            store_down=settings["store_down"],
        )
        self.bot.on_incoming(self.route)
        self.at_once = settings["at_once"]
        client: Any = self.bot._client
        self.send, client._send = client._send, self.sends

    def at(self, point: str) -> None:
        if point in self.dies.values():
            die()

    async def route(self, call: cr.Call) -> cr.Redirect:
        self.at("claimed")
        await asyncio.sleep(random.random() * 0.01)
        return ALICE

    async def give_token(self) -> str:
        self.at("decided")
        return str(self.token)

    async def sends(self, *redirect: Any) -> Any:
        self.at("marked")
        outcome = await self.send(*redirect)
        self.at("sent")
        return outcome

    async def deliver(self, order: dict[str, Any]) -> None:
        kind, call_id = order["kind"], order["id"]
        if "die" in order:
            self.dies[call_id] = order["die"]
        state = "incoming" if kind == "created" else "terminated"
        call = {
            "@odata.type": "#microsoft.graph.call",
            "id": call_id,
            "state": state,
            "direction": "incoming",
        }
        note = {
            "changeType": kind,
            "resourceUrl": f"/communications/calls/{call_id}",
            "resourceData": call | {"tenantId": self.tenant},
        }
        received_at = time.monotonic() - order.get("age", 0)
        reply = await self.bot.handle({"value": [note]}, self.headers, received_at=received_at)
        assert reply.status == 202, reply
        if order.get("die") == "replied":
            die(after=order["after"])

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        lines: asyncio.Queue[bytes] = asyncio.Queue()

        def read() -> None:
            # Not through `sys.stdin`: a thread that waits for that keeps the interpreter from ending well.
            rest = b""
            while some := os.read(0, 65536):
                *whole, rest = (rest + some).split(b"\n")
                for line in whole:
                    loop.call_soon_threadsafe(lines.put_nowait, line)

        threading.Thread(target=read, daemon=True).start()
        say({"ready": os.getpid()})
        while True:
            order = json.loads(await lines.get())
            if "close" in order:
                break
            if "unfinished" in order:
                records = await self.bot.unfinished()
                left = {record.call_id: record.stage for record in records}
                say({"unfinished": left, "stages": {call.call_id: call.stage for call in self.bot.calls}})
                continue
            await self.deliver(order)
            # As many calls under way as a host would have, not thousands.
            while sum(not task.done() for task in self.bot._tasks) >= self.at_once:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        await self.bot.close()
        stages = {call.call_id: call.stage for call in self.bot.calls}
        elsewhere = [call.call_id for call in self.bot.calls if call.elsewhere]
        failures = {call.call_id: call.failure for call in self.bot.calls if call.failure}
        say(
            {
                "stages": stages,
                "elsewhere": elsewhere,
                "failures": failures,
                "degraded": self.bot.claims_degraded,
                "late": [at for call in self.bot.calls for name, at in call.steps if name == "claimed"],
            }
        )


def say(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def first_line() -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        line += os.read(0, 1)
    return line


if __name__ == "__main__":
    asyncio.run(Worker(json.loads(first_line())).run())
