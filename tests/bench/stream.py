#!/usr/bin/env python3
"""Streaming, measured: ours, curl, the local disk and the peers in one run, from one server.

usage: scripts/bench.sh [RUNS] [ROW…]        (default: 5 runs, all rows; a row's name, or a prefix
of several)
"""

import contextlib
import datetime
import os
import pathlib
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
os.environ.setdefault("SEEDANCEFS_BUILD", str(ROOT / "build" / "release"))
os.environ.setdefault("SEEDANCEFS_PATIENCE", "60")
sys.path.insert(0, str(ROOT / "tests" / "integration"))

from measures import MEASURES, NEEDS_A_NETWORK  # noqa: E402
from meter import MIB, seconds  # noqa: E402
from server import own_network  # noqa: E402
from stage import Stage  # noqa: E402
from table import print_table  # noqa: E402


def chosen(words):
    """The measurements whose names start with one of the words."""
    for word in words:
        if not any(name.startswith(word) for name in MEASURES):
            sys.exit(f"bench: no row \"{word}\"; there are: {' '.join(MEASURES)}")
    return [name for name in MEASURES if not words or name in words or
            any(name.startswith(word) for word in words if word not in MEASURES)]


def version(name, *command):
    """The version that a program reports; it may be missing."""
    try:
        answer = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        return f"no {name}"
    found = re.search(rf"{name}\S*(?: version:?)?\W+v?\S*?(\d[\d.]+)", answer.stdout + answer.stderr, re.IGNORECASE)
    return f"{name} {found[1] if found else '?'}"


def print_head(stage):
    """Prints the machine, and whether the server itself is the limit."""
    load = os.getloadavg()[0]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    print(f"{datetime.date.today()}, {os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release().split('-')[0]}, "
          f"load {load:.1f} at the start; medians of {stage.runs} runs, whole processes\n")
    print(", ".join([version("nginx", "nginx", "-v"), version("curl", "curl", "--version"),
                     version("rclone", "rclone", "--version"), version("httpdirfs", "httpdirfs", "--version")]) + "\n")


def print_front(stage):
    """Prints the throughput with and without latency: the latency must cost nothing but its own time."""
    path = stage.files.random(64)
    speeds = []
    for latency_ms in (0, 50):
        with stage.players["curl"].video(path, latency_ms) as reader:
            taken = min(seconds(*reader.whole()) for _ in range(3)) - latency_ms / 1000
        speeds.append(64 * MIB / 1e6 / taken)
    print(f"curl, best of 3, 64 MiB: {speeds[0]:.0f} MB/s; with 50 ms a request, these left out, {speeds[1]:.0f}\n",
          flush=True)


def measure(stage, names):
    rows = []
    for name in names:
        if name in NEEDS_A_NETWORK and not stage.can_narrow:
            print(f"bench: {name} is left out: only root can narrow the link", file=sys.stderr)
            continue
        began = time.monotonic()
        rows += stage.attempt("ours", lambda: MEASURES[name](stage)) or []
        print(f"bench: {name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    return rows


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that its mounts end, too
    words = sys.argv[1:]
    runs = int(words.pop(0)) if words and words[0].isdigit() else 5
    names = chosen(words)
    can_narrow = own_network()
    with tempfile.TemporaryDirectory(prefix="bench-") as directory, contextlib.ExitStack() as stack:
        stage = Stage(stack, directory, max(runs, 1), can_narrow)
        print_head(stage)
        print_front(stage)
        print_table(measure(stage, names))
        sys.stdout.flush()
    return 1 if stage.has_failed else 0


if __name__ == "__main__":
    sys.exit(main())
