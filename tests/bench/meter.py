"""Measuring: complete processes, single reads, and a daemon's time and memory."""

import contextlib
import os
import pathlib
import random
import re
import statistics
import subprocess
import threading
import time

MIB = 1 << 20
TIMEOUT = 240
TICK = os.sysconf("SC_CLK_TCK")


def seconds_together(commands):
    """The wall time of several processes that run at the same time; all must succeed."""
    began = time.perf_counter()
    processes = [subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for command in commands]
    # A wait with a timeout polls in steps of up to 50 ms. So the wait has no timeout, and a timer
    # kills hanging processes.
    watchdog = threading.Timer(TIMEOUT, lambda: [process.kill() for process in processes])
    watchdog.start()
    try:
        codes = [process.wait() for process in processes]
        taken = time.perf_counter() - began
    finally:
        watchdog.cancel()
    if any(codes):
        raise OSError(f"{' '.join(map(str, commands[0]))}: exit status {max(codes, key=abs)}")
    return taken


def seconds(*command):
    """The wall time of one process."""
    return seconds_together([command])


def drop_pages(path):
    """Drops the file's pages from the kernel's cache, so that the next read reaches the program behind it."""
    with open(path, "rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def random_offsets(count, size, length):
    """The same offsets for all players, aligned to nothing larger than a page."""
    generator = random.Random(1)
    return [generator.randrange((size - length) // 4096) * 4096 for _ in range(count)]


def random_reads(path, offsets, length, reference):
    """Returns the seconds of each read and of all, and the number of reads that differ from the
    reference; it compares afterwards."""
    times, answers, start = [], [], time.perf_counter()
    with open(path, "rb", buffering=0) as file:
        for offset in offsets:
            began = time.perf_counter()
            answers.append(os.pread(file.fileno(), length, offset))
            times.append(time.perf_counter() - began)
    total = time.perf_counter() - start
    with open(reference, "rb", buffering=0) as file:
        wrong = sum(answer != os.pread(file.fileno(), length, offset) for offset, answer in zip(offsets, answers))
    return times, total, wrong


def percentile(values, part):
    return statistics.quantiles(values, n=100, method="inclusive")[part - 1]


def cpu_seconds(pid):
    """The user and system time of this process alone."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def anonymous_mib(pid):
    found = re.search(r"RssAnon:\s*(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())
    if not found:
        raise OSError(f"the daemon {pid} died")
    return int(found[1]) / 1024


@contextlib.contextmanager
def watched_memory(pid):
    """Yields a list whose maximum is the peak of RssAnon in the block, sampled every 20 ms."""
    seen, ended = [anonymous_mib(pid)], threading.Event()

    def watch():
        while not ended.wait(0.02):
            with contextlib.suppress(OSError):
                seen.append(anonymous_mib(pid))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()
    seen.append(anonymous_mib(pid))
