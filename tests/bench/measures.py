"""The measurements by name. Each takes the stage and returns rows."""

import contextlib
import os
import statistics

import harness
from look import FinishedTasks, look_at
from meter import MIB, cpu_seconds, percentile, random_offsets, seconds, seconds_together, watched_memory
from players import PEERS
from stage import LISTED, STREAMS, by_figure
from table import Row, Target

READS, READ_BYTES = 200, 65536
READERS = 8
ONCE = {name: 1 for name in PEERS}
TWICE = {name: 2 for name in PEERS}
NO_DISK = ("ours", "curl", *PEERS)


def first_byte(stage, link):
    """The first byte, and one in the middle, each read by a process of its own."""
    def action(reader, name):
        return {"first": reader.first_byte() * 1000, "middle": reader.byte_at(32 * MIB + 4097) * 1000}

    found = stage.sample(stage.files.random(64), action, link)
    return [Row(f"first byte, {link}", "ms", found.get("first", {}), Target("curl", at_most=1.2)),
            Row(f"a byte in the middle, {link}", "ms", found.get("middle", {}), Target("curl", at_most=1.2))]


def cold(stage, mib, link):
    """Reads all for the first time, and counts the requests."""
    def action(reader, name):
        mark = stage.server.mark()
        taken = seconds(*reader.whole())
        return {"speed": mib * MIB / 1e6 / taken, "requests": len(stage.server.requests_since(mark))}

    found = stage.sample(stage.files.random(mib), action, link, rounds=TWICE)
    requests = {name: values for name, values in found.get("requests", {}).items() if name in NO_DISK}
    return [Row(f"cold sequential {mib} MiB, {link}", "MB/s", found.get("speed", {}), *cold_targets(link),
                is_better="more"),
            Row(f"its requests, {link}", "", requests), *bound(stage, mib, link, found)]


def both_at_once(stage, mib):
    """An upper bound for any program that receives a video and serves it through FUSE: curl, and at
    the same time the minimal program that reads its local file. Unlike ours, it writes nothing to
    disk."""
    path, speeds = stage.files.random(mib), []
    for _ in range(stage.runs):
        with stage.players["curl"].video(path) as curl, stage.players["minimal FUSE"].video(path) as minimal:
            speeds.append(mib * MIB / 1e6 / seconds_together([curl.whole(), minimal.whole()]))
    return speeds


def bound(stage, mib, link, found):
    if link != "0 ms":
        return []
    return [Row(f"the same beside curl and minimal FUSE at once, {mib} MiB", "MB/s",
                {"ours": found.get("speed", {}).get("ours", []), "minimal FUSE": both_at_once(stage, mib)},
                Target("minimal FUSE", at_least=0.8), is_better="more")]


def cold_targets(link):
    """With a latency or a limit, the network determines the speed, and a program must lose nothing of it."""
    if link == "0 ms":
        return Target("curl", at_least=0.8), Target("best peer", at_least=2)
    return (Target("curl", at_least=0.97),)


def cold_gib(stage, link):
    """Reads 1 GiB for the first time, and measures the daemon's CPU time and memory."""
    def action(reader, name):
        speed = 1024 * MIB / 1e6
        if not reader.pid:
            return {"speed": speed / seconds(*reader.whole())}
        before = cpu_seconds(reader.pid)
        with watched_memory(reader.pid) as memory:
            time_taken = seconds(*reader.whole())
        figures = {"speed": speed / time_taken, "cpu": cpu_seconds(reader.pid) - before,
                   "peak": max(memory), "after": memory[-1]}
        if name == "ours":
            reader.check()
        return figures

    found = stage.sample(stage.files.random(1024), action, link, rounds=ONCE)
    return [Row(f"cold sequential 1 GiB, {link}", "MB/s", found.get("speed", {}), *cold_targets(link),
                is_better="more"),
            Row(f"the daemon's CPU time for it, {link}", "s", found.get("cpu", {}), Target(at_most=2.5)),
            Row(f"its anonymous memory meanwhile, {link}", "MiB", found.get("peak", {})),
            Row(f"its anonymous memory afterwards, {link}", "MiB", found.get("after", {})),
            *bound(stage, 1024, link, found)]


def warm(stage):
    """Reads the video, reads it again (from the kernel's cache), drops its pages, and reads it
    (from the daemon's file), in the same order for all players.

    A third read of the same pages is faster than a second one, so only reads of the same number are
    compared.
    """
    def action(reader, name):
        speed = 64 * MIB / 1e6
        seconds(*reader.whole())
        figures = {"kernel": speed / seconds(*reader.whole())}
        reader.drop()
        figures["media"] = speed / seconds(*reader.whole())
        reader.check()
        return figures

    found = stage.sample(stage.files.random(64), action, rounds=TWICE)
    kernel, media = found.get("kernel", {}), found.get("media", {})
    for uncached in ("curl", "rclone off"):
        media.pop(uncached, None)  # they keep nothing on disk
    return [Row("second read of 64 MiB, kernel's cache", "MB/s", kernel, Target("minimal FUSE", at_least=0.95),
                is_better="more"),
            Row("64 MiB from the media file, pages dropped", "MB/s", media, Target("minimal FUSE", at_least=0.95),
                is_better="more")]


def random(stage, link):
    """Short random reads in 1 GiB by one process, and the bytes that the server sends for them."""
    path, offsets = stage.files.random(1024), random_offsets(READS, 1024 * MIB, READ_BYTES)

    def action(reader, name):
        mark = stage.server.mark()
        times, total, wrong = reader.random(offsets, READ_BYTES)
        sent = sum(request.sent for request in stage.server.requests_since(mark))
        return {"p50": statistics.median(times) * 1000, "p95": percentile(times, 95) * 1000,
                "total": total * 1000, "fetched": sent / (READS * READ_BYTES), "wrong": wrong}

    names = None if link == "0 ms" else NO_DISK
    rounds = ONCE if link == "0 ms" else {**ONCE, "ours": 3, "curl": 3}
    found = stage.sample(path, action, link, names, rounds)
    fetched = {name: values for name, values in found.get("fetched", {}).items() if name in NO_DISK}
    what = f"{READS} random reads of 64 KiB, {link}"
    return [Row(f"{what}: p50", "ms", found.get("p50", {}), Target("curl", at_most=1.2)),
            Row(f"{what}: p95", "ms", found.get("p95", {})),
            Row(f"{what}: all of them", "ms", found.get("total", {})),
            Row(f"{what}: fetched / read", "x", fetched, Target(at_most=4)),
            Row(f"{what}: with wrong bytes", "", found.get("wrong", {}), Target(at_most=0))]


def ffprobe(stage, link):
    """ffprobe on a video with its index at the end: through each mount, and by its own HTTP client."""
    def action(reader, name):
        mark = stage.server.mark()
        taken = seconds("ffprobe", "-v", "error", "-show_format", "-show_streams", reader.path)
        requests = stage.server.requests_since(mark)
        return {"requests": len(requests), "sent": sum(request.sent for request in requests) / 1e6,
                "time": taken * 1000}

    found = stage.sample(stage.files.indexed_at_the_end(), action, link, NO_DISK, TWICE)
    size = os.path.getsize(stage.files.local("video.mp4")) / 1e6
    what = f"ffprobe, index at the end of {size:.0f} MB, {link}"
    return [Row(f"{what}: requests", "", found.get("requests", {}), Target(at_most=3)),
            Row(f"{what}: sent", "MB", found.get("sent", {}), Target(at_most=1.5)),
            Row(f"{what}: time", "ms", found.get("time", {}))]


def readers(stage):
    """Several processes read all of one video at the same time."""
    def action(reader, name):
        mark = stage.server.mark()
        taken = seconds_together([reader.whole()] * READERS)
        sent = sum(request.sent for request in stage.server.requests_since(mark))
        return {"sent": sent / (64 * MIB), "speed": READERS * 64 * MIB / 1e6 / taken}

    found = stage.sample(stage.files.random(64), action, names=NO_DISK, rounds=TWICE)
    what = f"{READERS} readers of one 64 MiB video"
    return [Row(f"{what}: sent / size", "x", found.get("sent", {}), Target(at_most=1.01)),
            Row(f"{what}: all together", "MB/s", found.get("speed", {}), is_better="more")]


def streams(stage):
    """Several videos at once, one run: complete ones for our memory; quarters for the peers' memory
    and for the speed, which the disk limits beyond that."""
    count = min(STREAMS, int(stage.free_gib() - 4))
    if count < 1:
        raise OSError("no room on disk for the streams")
    paths = stage.files.names("streams", count, 1024)
    found = by_figure([(name, stage.attempt(name, lambda: stream_all(stage, name, paths)))
                       for name in NO_DISK if name in stage.players])
    what = f"{count} streams of 1 GiB at once" + (f" (no room for {STREAMS})" if count < STREAMS else "")
    return [Row(f"{what}: anonymous memory", "MiB", found.get("peak", {}), Target(at_most=24)),
            Row(f"{what}: afterwards", "MiB", found.get("after", {})),
            Row(f"{count} streams of 256 MiB at once: all together", "MB/s", found.get("speed", {}), is_better="more")]


def stream_all(stage, name, paths):
    if name != "ours":
        return stream(stage, name, paths, 256)
    return {**stream(stage, name, paths, 1024), "speed": stream(stage, name, paths, 256)["speed"]}


def stream(stage, name, paths, mib):
    """Reads the first `mib` MiB of each."""
    with stage.players[name].videos(paths) as readers:
        commands = [reader.whole(mib) for reader in readers]
        pid = readers[0].pid
        with watched_memory(pid) if pid else contextlib.nullcontext([]) as memory:
            taken = seconds_together(commands)
        figures = {"speed": mib * MIB / 1e6 * len(paths) / taken}
        return {**figures, "peak": max(memory), "after": memory[-1]} if pid else figures


def listing(stage):
    """`ls -lR` of folders with a video each, right after a start, and its requests; ours include
    those of the start."""
    paths = stage.files.names("list", LISTED, 1)
    found = by_figure([(name, stage.attempt(name, lambda: (list_ours(stage, paths) if name == "ours" else
                                                           list_peer(stage, name))))
                       for name in ("ours", *PEERS) if name in stage.players])
    what = f"ls -lR of {LISTED} finished tasks, cold"
    return [Row(f"{what}: requests", "", found.get("requests", {}), Target(at_most=0)),
            Row(f"{what}: time", "ms", found.get("time", {}))]


def check_listing(directory):
    shown = harness.run("ls", "-lR", directory).stdout.count(" video.mp4\n")
    if shown != LISTED:
        raise OSError(f"{shown} of {LISTED} videos are listed")


def list_ours(stage, paths):
    ours = stage.players["ours"]
    folders = ours.finished(paths)
    ours.mount.end()
    ours.simulator.control("DELETE", "/stats")
    mark = stage.server.mark()
    ours.mount.start()
    taken = seconds("ls", "-lR", ours.mount.path)
    requests = len(stage.server.requests_since(mark)) + sum(ours.simulator.stats()["requests"].values())
    check_listing(ours.mount.path)
    harness.run("rm", "-rf", *folders)
    return {"requests": requests, "time": taken * 1000}


def list_peer(stage, name):
    mark = stage.server.mark()
    with stage.players[name].root(under="list/") as (root, _):
        taken = seconds("ls", "-lR", root)
        requests = len(stage.server.requests_since(mark))
        check_listing(root)
    return {"requests": requests, "time": taken * 1000}


def look(stage):
    """A file manager opens the folder of finished tasks, and then each task's folder."""
    figures = [stage.attempt("ours", lambda: look_with(stage, thumbnails)) for thumbnails in (True, False)]
    what = f"a file manager's look at {LISTED} finished tasks: sent"
    with_them, without = (figure or {} for figure in figures)
    return [Row(f"{what}, their parent's folder", "MB", {"ours": [with_them.get("parent")]}, Target(at_most=0)),
            Row(f"{what}, each folder", "MB", {"ours": [with_them.get("each")]}, Target(at_most=0)),
            Row(f"{what}, each folder, thumbnails=no", "MB", {"ours": [without.get("each")]})]


def look_with(stage, thumbnails):
    tasks = FinishedTasks(stage.directory / f"look-{thumbnails}", LISTED, thumbnails)
    try:
        cache = tasks.mount.cache
        return {"parent": tasks.fetched_by(lambda: look_at(cache, tasks.mount.path)) / 1e6,
                "each": tasks.fetched_by(lambda: [look_at(cache, folder) for folder in tasks.folders]) / 1e6}
    finally:
        tasks.end()


MEASURES = {
    "first-byte": lambda stage: first_byte(stage, "0 ms"),
    "first-byte-50ms": lambda stage: first_byte(stage, "50 ms"),
    "cold-64": lambda stage: cold(stage, 64, "0 ms"),
    "cold-64-50ms": lambda stage: cold(stage, 64, "50 ms"),
    "cold-64-1gbit": lambda stage: cold(stage, 64, "1 Gbit/s"),
    "cold-64-100mbit": lambda stage: cold(stage, 64, "100 Mbit/s"),
    "cold-1g": lambda stage: cold_gib(stage, "0 ms"),
    "cold-1g-50ms": lambda stage: cold_gib(stage, "50 ms"),
    "warm": warm,
    "random": lambda stage: random(stage, "0 ms"),
    "random-50ms": lambda stage: random(stage, "50 ms"),
    "ffprobe": lambda stage: ffprobe(stage, "0 ms"),
    "ffprobe-50ms": lambda stage: ffprobe(stage, "50 ms"),
    "readers": readers,
    "streams": streams,
    "listing": listing,
    "look": look,
}
NEEDS_A_NETWORK = {"cold-64-1gbit", "cold-64-100mbit"}
