#!/usr/bin/env python3
"""The cost of an announcement: the daemon's CPU time for orders with announced files, minus that
for silent ones.

usage: SEEDANCEFS_BUILD=build/release tests/bench/announce.py [ORDERS]
"""

import os
import pathlib
import signal
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from harness import Mount, Simulator, wait_for  # noqa: E402

PER_ORDER = 2  # status and task.json appear


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def announcer_of(pid):
    for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        if pathlib.Path(f"/proc/{child}/comm").read_text().startswith("sdfs"):
            return int(child)
    raise AssertionError("no announcer")


def is_idle(pid):
    """True if the process did nothing for a moment."""
    before = cpu_seconds(pid)
    signal.sigtimedwait([], 0.3)
    return cpu_seconds(pid) == before


def measure(directory, simulator, orders, is_announced):
    directory.mkdir()
    mount = Mount(directory, simulator, settle=3600).start()
    if not is_announced:
        os.kill(announcer_of(mount.pid), signal.SIGKILL)
        wait_for(lambda: "announcer_gone" in mount.log())
    before = cpu_seconds(mount.pid)
    for n in range(orders):
        folder = mount.path / str(n)
        folder.mkdir()
        (folder / "prompt.txt").write_text("A kitten\n")
    signal.sigtimedwait([], 1)
    wait_for(lambda: is_idle(mount.pid))
    taken = cpu_seconds(mount.pid) - before
    mount.end()
    return taken


def main(orders):
    with tempfile.TemporaryDirectory() as name:
        simulator = Simulator(pathlib.Path(name))
        silent = measure(pathlib.Path(name, "silent"), simulator, orders, False)
        announced = measure(pathlib.Path(name, "announced"), simulator, orders, True)
        simulator.stop()
    each_ms = (announced - silent) * 1000 / (orders * PER_ORDER)
    print(f"{orders} orders: {silent:.2f} s of the daemon's CPU unannounced, {announced:.2f} s announced: "
          f"{each_ms:.3f} ms an announcement (target: < 1)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
