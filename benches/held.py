"""What 10,000 held notifications cost, and whether long rosters and bodies grow linearly; against msgspec and orjson."""

from __future__ import annotations

import ctypes
import gc
import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import orjson

import callredirect as cr
from _rounds import in_turn, resident
from parse import BODY, CALL, GRAPH, Participant, decode, participant

HELD = 10_000
SIZES = (1, 10, 50, 100, 200)
Reader = Callable[[bytes], object]


class Person(msgspec.Struct):
    id: str
    info: Participant


class RosterItem(msgspec.Struct, rename="camel"):
    change_type: str
    resource_url: str
    resource_data: list[Person]


class Roster(msgspec.Struct):
    value: list[RosterItem]


decode_roster = msgspec.json.Decoder(Roster).decode


class MallInfo(ctypes.Structure):
    """glibc's `struct mallinfo2`."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd",
            "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    ]  # fmt: skip


def heap_bytes() -> int:
    mallinfo2 = ctypes.CDLL(None).mallinfo2
    mallinfo2.restype = MallInfo
    info = mallinfo2()
    return int(info.uordblks + info.hblkhd)


HOLDERS: dict[str, Callable[[bytes], object]] = {
    "msgspec typed": decode,
    "orjson dict": orjson.loads,
    # The notification itself, as a bot keeps it: the call is made when it is asked for.
    "callredirect": lambda body: cr.parse(body)[0],
}


def hold(name: str) -> None:
    """Prints what holding costs, from a process of its own."""
    holder = HOLDERS[name]
    # Every body is another text, as on the wire.
    bodies = [BODY.replace(b"481f0b00", b"%08x" % number) for number in range(HELD)]
    warm = [holder(body) for body in bodies[:100]]
    gc.collect()
    before = resident(), sys.getallocatedblocks(), heap_bytes()
    held = [holder(body) for body in bodies]
    gc.collect()
    after = resident(), sys.getallocatedblocks(), heap_bytes()
    assert len(held) == HELD
    assert len(warm) == 100
    print(*(late - early for early, late in zip(before, after, strict=True)))


def memory() -> None:
    print(f"{HELD:,} notifications of {len(BODY):,} bytes held, each process of its own")
    print(f"  {'':15}  {'RSS MB':>8}  {'x':>5}  {'pymalloc blocks each':>20}  {'malloc bytes each':>18}")
    base = 0.0
    for name in HOLDERS:
        said = subprocess.run(
            [sys.executable, __file__, name], check=True, capture_output=True, text=True
        ).stdout
        rss, blocks, heap = map(int, said.split())
        base = base or rss
        print(f"  {name:15}  {rss / 1e6:8.1f}  {rss / base:5.2f}  {blocks / HELD:20.1f}  {heap / HELD:18.0f}")
    print()


def roster(size: int) -> bytes:
    people = [
        {"id": f"{n}", "info": participant("user", id=f"{n:036}", displayName=f"Person {n}")}
        for n in range(size)
    ]
    item = {
        "@odata.type": GRAPH + "commsNotification",
        "changeType": "updated",
        "resourceUrl": f"/communications/calls/{CALL}/participants",
        "resourceData": people,
    }
    return json.dumps({"value": [item]}, separators=(",", ":")).encode()


def many(size: int) -> bytes:
    body: dict[str, Any] = json.loads(BODY)
    return json.dumps({"value": body["value"] * size}, separators=(",", ":")).encode()


def read_roster(body: bytes) -> object:
    (note,) = cr.parse(body)
    assert isinstance(note, cr.ParticipantsChanged)
    return [person.info.identity.id for person in note.participants if person.info and person.info.identity]


def read_many(body: bytes) -> object:
    return [(note.call.id, note.call.state) for note in cr.parse(body) if isinstance(note, cr.IncomingCall)]


def msgspec_roster(body: bytes) -> object:
    (note,) = decode_roster(body).value
    return [person.info.identity.user.id for person in note.resource_data if person.info.identity.user]


def msgspec_many(body: bytes) -> object:
    return [(note.resource_data.id, note.resource_data.state) for note in decode(body).value]


def growth(title: str, make: Callable[[int], bytes], ours: Reader, theirs: Reader) -> None:
    print(f"{title}, ns for each\n  {'':5}  {'callredirect':>12}  {'msgspec':>8}  {'x':>5}")
    for size in SIZES:
        body = make(size)
        assert ours(body) == theirs(body)
        timings = in_turn(
            {"ours": partial(ours, body), "theirs": partial(theirs, body)}, rounds=9, number=100
        )
        here, there = (min(timings[name]) / size for name in ("ours", "theirs"))
        print(f"  {size:5}  {here:12,.0f}  {there:8,.0f}  {here / there:5.2f}")
    print()


if __name__ == "__main__":
    if sys.argv[1:]:
        hold(sys.argv[1])
    else:
        memory()
        # Where a size of all stands out, the allocator gives memory back to the system and asks for it again each time.
        growth("a roster, the id of every identity read", roster, read_roster, msgspec_roster)
        growth("a body of notifications, id and state of every call read", many, read_many, msgspec_many)
