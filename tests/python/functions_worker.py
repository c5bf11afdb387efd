# ruff: noqa: T201
"""A Functions host's part, over the library that real workers run: loads an application, and invokes it as it is told on
stdin. Only gRPC is missing, so the messages are plain objects. Needs Python 3.13, as that library does.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
from types import SimpleNamespace
from typing import Any

runtime: Any = importlib.import_module("azure_functions_runtime")  # not to be had for every Python


class Message(SimpleNamespace):
    """Whatever it was made with; what is missing is empty."""

    Success, Failure = "success", "failure"
    undefined, out, inout = None, 1, 2
    attributes: dict[str, str] = {}  # noqa: RUF012 - nobody writes it

    def __getattr__(self, name: str) -> str:
        if not name.islower() or name.startswith("_"):
            raise AttributeError(name)
        return ""

    def WhichOneof(self, _: str) -> str | None:  # noqa: N802 - as protobuf calls it
        return next(iter(vars(self)), None)


class Trigger(Message):
    """One member is its name, the other what it was made with."""

    def WhichOneof(self, _: str) -> str:  # noqa: N802
        return "data"


class Protos:
    """The types of messages."""

    def __getattr__(self, _: str) -> Any:
        return Message


PROTOS: Any = Protos()


def request(**content: Any) -> Message:
    return Message(request=Message(**content), properties={"host": "127.0.0.1", "protos": PROTOS})


async def main(folder: str) -> None:
    sys.path.insert(0, folder)  # as the process does that has the library
    init = Message(capabilities={}, function_app_directory=folder)
    started = await runtime.worker_init_request(request(worker_init_request=init))
    assert started.result.status == "success", started.result.exception
    metadata = await runtime.functions_metadata_request(request())
    (function,) = metadata.function_metadata_results
    (binding,) = (json.loads(raw) for raw in function.raw_bindings if "httpTrigger" in raw)
    print(json.dumps({"ready": os.getpid(), "route": binding["route"]}), flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = json.loads(line)
        http = Message(
            method="POST",
            url=order["url"],
            headers=order["headers"],
            params={},
            query={},
            body=Message(bytes=order["body"].encode()),
        )
        trigger = Trigger(name=binding["name"], data=Message(http=http))
        invocation = Message(
            invocation_id="1",
            function_id=function.function_id,
            input_data=[trigger],
            trigger_metadata={},
            trace_context=Message(),
            retry_context=Message(),
        )
        done = await runtime.invocation_request(request(invocation_request=invocation))
        assert done.result.status == "success", vars(done.result.exception)
        answer = done.return_value.http
        print(json.dumps({"status": int(answer.status_code), "headers": answer.headers}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
