#!/usr/bin/env python3
"""The requests of one read in the order of their start: where the time of a window goes.

usage: tests/bench/trace.py [LATENCY_MS] [cold|ffprobe] [PLAYER]    (default: 0 cold ours; build the
release first)
"""

import contextlib
import sys
import tempfile
import time

import stream  # noqa: F401 - it knows the paths of the build and of the harness
from meter import seconds
from players import NAMES
from stage import Stage


def print_requests(requests, began):
    print(f"{'begins, ms':>12}{'ends, ms':>12}{'sent':>12}  range")
    for request in sorted(requests, key=lambda request: request.ended - request.taken):
        ended = (request.ended - began) * 1000
        print(f"{ended - request.taken * 1000:12.0f}{ended:12.0f}{request.sent:12}  {request.method} {request.range}")


def main():
    words = [*sys.argv[1:], *["0", "cold", "ours"][len(sys.argv) - 1:]]
    latency_ms, what, name = int(words[0]), words[1], words[2]
    if what not in ("cold", "ffprobe") or name not in NAMES or latency_ms not in (0, 50):
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory(prefix="bench-") as directory, contextlib.ExitStack() as stack:
        stage = Stage(stack, directory, 1, False)
        path = stage.files.random(64) if what == "cold" else stage.files.indexed_at_the_end()
        with stage.players[name].video(path, latency_ms) as reader:
            command = reader.whole() if what == "cold" else ["ffprobe", "-v", "error", "-show_streams", reader.path]
            mark, began = stage.server.mark(), time.time()
            taken = seconds(*command)
            print_requests(stage.server.requests_since(mark), began)
    print(f"{taken * 1000:.0f} ms")


if __name__ == "__main__":
    main()
