"""A misbehaving media server: never a wrong byte, a short file, a hang or a dead daemon.

All cases (hostile_cases.py) share one mount, one simulator and one fake media server. Each case has
its own folder, whose video comes from the fake server. The cases run concurrently, since most of
them wait; each test only reports the result of its case.
"""

import concurrent.futures
import errno
import os
import pathlib
import random
import re
import threading
import time

import pytest

import harness
import hostile
from harness import PATIENCE, field, status, task_id, wait_for
from hostile_cases import CASES, KIB, MIB, PROBED, READ_TIMEOUT, REQUESTS_MAX, media

SIDE_BY_SIDE = 12
# ThreadSanitizer keeps four bytes of its own for each byte in use.
GROWTH_MAX = 64 * MIB * (5 if b"__tsan_init" in harness.DAEMON.read_bytes() else 1)


# --- shared state ---

class Reading:
    """The result of reading a video."""

    def __init__(self, path, whole):
        self.path, self.whole = path, whole
        self.errors = 0
        self.began = time.monotonic()

    def read(self, fd, offset, size):
        """
        Reads as programs do: the next read starts where the previous one ended. Returns False on
        EIO. Bytes before an error must be right, too, and only an error may end a file early.
        """
        end = min(offset + size, len(self.whole))
        while offset < end:
            try:
                got = os.pread(fd, end - offset, offset)
            except OSError as error:
                assert error.errno == errno.EIO, error
                self.errors += 1
                return False
            assert got, f"a short file: it ends at {offset}"
            assert got == self.whole[offset:offset + len(got)], f"wrong bytes behind {offset}"
            offset += len(got)
        return True

    def read_some(self, fd, rng):
        for _ in range(3):
            if not self.read(fd, rng.randrange(PROBED, len(self.whole)), rng.choice([1, 4096, 20_000])):
                break

    def read_all(self, fd):
        for offset in range(0, len(self.whole), 128 * KIB):
            if not self.read(fd, offset, 128 * KIB):
                return False
        assert os.pread(fd, 1, len(self.whole)) == b"", "a long file"
        return True


class World:
    def __init__(self, directory, names):
        self.ending = threading.Event()
        self.server, self.other, self.lonely = (hostile.Server() for _ in range(3))
        self.simulator = harness.Simulator(directory)
        (directory / "m").mkdir()
        self.mount = harness.Mount(directory / "m", self.simulator,
                                   options=[f"read_timeout={READ_TIMEOUT}", "submissions_per_hour=100000"])
        self.mount.expect_log("media_failed", "poll_failed")
        self.mount.start()
        self.simulator.hold("queued")
        self.frame = directory / "frame.png"
        self.frame.write_bytes(harness.PNG)
        self.base = self.peak = self.memory()
        self.pool = concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE)
        self.names, self.futures = names, {}
        self.watcher = threading.Thread(target=self.watch, daemon=True)
        self.watcher.start()

    def memory(self):
        text = pathlib.Path(f"/proc/{self.mount.pid}/status").read_text()
        return int(re.search(r"RssAnon:\s+(\d+)", text)[1]) * KIB

    def watch(self):
        while not self.ending.wait(0.05):
            self.peak = max(self.peak, self.memory())

    def outcome(self, name):
        """Starts the case and the following ones, and returns its result. An xdist worker starts
        only a few."""
        at = self.names.index(name)
        ahead = 8 if os.environ.get("PYTEST_XDIST_WORKER") else len(self.names)
        for other in self.names[at:at + ahead]:
            if other not in self.futures:
                self.futures[other] = self.pool.submit(run_case, self, CASES[other])
        return self.futures[name].result(PATIENCE * 5)

    def end(self):
        self.pool.shutdown(wait=False, cancel_futures=True)
        self.ending.set()
        self.watcher.join()
        try:
            code = self.mount.process.poll()
            assert code is None, f"the daemon is dead: {code}\n{self.mount.log()[-6000:]}"
            self.mount.end()
        finally:
            if self.mount.process:
                self.mount.kill()
            self.mount.unmount_leftover()
            self.simulator.stop()
            self.server.stop()
            self.other.stop()
            self.lonely.stop()
        self.mount.check_log()


@pytest.fixture(scope="module")
def world(request, tmp_path_factory):
    names = [item.callspec.params["name"] for item in request.session.items
             if item.module is request.module and hasattr(item, "callspec")]
    before = os.environ.get("ASAN_OPTIONS")
    # A small quarantine keeps freed memory out of the measurement.
    os.environ["ASAN_OPTIONS"] = f"{before}:quarantine_size_mb=4" if before else "quarantine_size_mb=4"
    world = World(tmp_path_factory.mktemp("hostile"), names)
    if before is None:
        del os.environ["ASAN_OPTIONS"]
    else:
        os.environ["ASAN_OPTIONS"] = before
    yield world
    world.end()


def begin_case(world, case):
    """Creates a folder that shows a video from a site of its own; then the server starts to misbehave."""
    name = re.sub(r"\W+", "-", case.name).strip("-")
    site = (world.lonely if case.is_alone else world.server).site(name, media(case.size, name), etag=case.etag)
    site.other = world.other.site(name, site.data, etag=case.etag)
    if case.begins == "probe":
        site.misbehave(case.how, case.times)
    folder = world.mount.path / name
    folder.mkdir()
    (folder / "prompt.txt").write_text("A kitten yawning at the camera\n")
    task = wait_for(lambda: task_id(folder), "a task id", PATIENCE * 2)
    site.simulator, site.task = world.simulator, task
    site.on_renewal = lambda url: world.simulator.decree(task, link={"video_url": url})
    world.simulator.decree(task, link={"video_url": site.url()}, state="succeeded",
                           media={"video": str(world.frame), "last_frame": str(world.frame)})
    harness.wait_state(folder, "succeeded", timeout=PATIENCE * 2)
    assert (folder / "video.mp4").stat().st_size == case.size
    site.asked_before = service_requests(world, site)
    if case.begins == "read" and case.how:
        site.misbehave(case.how, case.times)
    return folder, site


def read_video(path, whole, seed):
    reading = Reading(path, whole)
    fd = os.open(path, os.O_RDONLY)
    try:
        reading.read_some(fd, random.Random(seed))
        reading.is_right = reading.read_all(fd)
    finally:
        os.close(fd)
    reading.seconds = time.monotonic() - reading.began
    return reading


def others_go_on(world, reading):
    """Checks that the rest of the mount stays fast while a reader waits."""
    path = world.mount.path / f"notes-{threading.get_ident()}"
    while not reading.done():
        began = time.monotonic()
        path.write_bytes(b"n" * 10_000)
        assert path.read_bytes() == b"n" * 10_000
        status(reading.folder)
        assert time.monotonic() - began < PATIENCE / 4, "another file had to wait"
        concurrent.futures.wait([reading], 0.25)


def read_beside(world, folder, whole, seed):
    reading = concurrent.futures.Future()
    reading.folder = folder

    def work():
        try:
            reading.set_result(read_video(folder / "video.mp4", whole, seed))
        except BaseException as error:
            reading.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    others_go_on(world, reading)
    return reading.result()


def reads_right(folder, whole):
    """True if a later read gets the right bytes; the file may be missing, or the read may still fail."""
    try:
        got = (folder / "video.mp4").read_bytes()
    except OSError as error:
        assert error.errno in (errno.EIO, errno.ENOENT), error
        return False
    assert got == whole or len(whole) != (folder / "video.mp4").stat().st_size, "a wrong or short file"
    return got == whole


def service_requests(world, site):
    """The number of requests to the service about the task, by its URL or in a list."""
    return sum(site.task in request["path"] + (request.get("query") or "") for request in world.simulator.requests())


def check_requests(world, site):
    asked = service_requests(world, site) - site.asked_before
    assert asked < REQUESTS_MAX, f"the service was asked {asked} times"
    last = [(request.target, request.headers.get("range")) for request in site.requests[-12:]]
    assert site.count() < REQUESTS_MAX, f"{site.count()} requests, such as {last}"
    for request in site.requests + site.other.requests:
        assert request.method == "GET"
        assert not {"authorization", "x-api-key", "cookie"} & set(request.headers), request.raw
        assert b"test-key" not in request.raw


def check_reading(case, folder, reading):
    if case.expects == "right":
        assert reading.is_right and not reading.errors, f"{reading.errors} errors: {status(folder)}"
    if case.expects in ("error", "changed"):
        assert reading.errors, "bytes came"
    if not reading.is_right:  # otherwise a retry brought the bytes after the error
        note = wait_for(lambda: field(folder, "note"), "a note")
        assert "video.mp4: reading stopped (" in note
        assert not re.search(r"[\x00-\x1f\x7f]", note)
    # A few reads may fail, each within the read timeout plus the daemon's own delays.
    assert reading.seconds >= case.lasts, f"{reading.seconds} s"
    assert reading.seconds < 4 * READ_TIMEOUT + PATIENCE / 2, f"{reading.seconds} s"


def check_recovery(case, folder, site, before):
    site.recover()
    wait_for(lambda: reads_right(folder, site.data), "the right file when the server is well")
    if case.expects == "changed":
        assert (folder / "video.mp4").stat().st_ino != before, "the new version has the old one's inode"
    wait_for(lambda: "reading stopped" not in (field(folder, "note") or ""), "the end of its note")


def run_case(world, case):
    folder, site = begin_case(world, case)
    whole, inode = site.data, (folder / "video.mp4").stat().st_ino
    if callable(case.arrange):
        case.arrange(site)
    reading = read_beside(world, folder, whole, case.name)
    assert site.twisted or not case.how, "it behaved all the time"
    check_reading(case, folder, reading)
    check_requests(world, site)
    assert site.count() <= case.most, f"{site.count()} requests: {[r.raw for r in site.requests]}"
    check_recovery(case, folder, site, inode)
    check_requests(world, site)
    assert world.mount.process.poll() is None, "the daemon is dead"
    return reading


@pytest.mark.parametrize("name", CASES)
def test_hostile_server(world, name):
    began = time.monotonic()
    reading = world.outcome(name)
    assert world.peak - world.base < GROWTH_MAX, f"{world.peak - world.base} bytes more"
    print(f"{world.peak - world.base >> 20} MiB; {name}: {reading.seconds:.1f} s, {reading.errors} errors, waited {time.monotonic() - began:.1f} s")
