"""Records as fast as it can, until it is killed: `record_worker.py FILE NAME`. Says a line when the first is written."""

from __future__ import annotations

import itertools
import sys

import callredirect as cr

recorder = cr.Recorder(sys.argv[1], max_bytes=200_000, keep=1000, redact=False)
for number in itertools.count():
    recorder.record(f"{sys.argv[2]}:{number}:" + "x" * 3000)
    if number % 50 == 0:
        recorder.flush()
    if number == 0:
        sys.stdout.write("writing\n")
        sys.stdout.flush()
