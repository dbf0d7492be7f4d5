"""The readers: ours, curl, the local disk, a minimal FUSE program, and the peers.

A player prepares a video that it has never read: `with player.video(path, latency_ms) as reader`. A
reader is what is read, and the daemon behind it; the preparation is not measured.
"""

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import harness
from meter import MIB, drop_pages, random_reads, seconds

NAMES = ("ours", "curl", "local disk", "minimal FUSE", "rclone off", "rclone full", "httpdirfs")
PEERS = NAMES[4:]
TOOLS = {"curl": "curl", "rclone off": "rclone", "rclone full": "rclone", "httpdirfs": "httpdirfs"}


class FileReader:
    """Reads a file by its path."""

    def __init__(self, path, local, pid=None):
        self.path, self.local, self.pid = path, local, pid

    def whole(self, mib=None):
        return ["dd", f"if={self.path}", "of=/dev/null", "bs=1M", *([f"count={mib}"] if mib else [])]

    def first_byte(self):
        return seconds("head", "-c", "1", self.path)

    def byte_at(self, offset):
        return seconds("dd", f"if={self.path}", "bs=1", "count=1", f"skip={offset}", "iflag=skip_bytes")

    def random(self, offsets, length):
        return random_reads(self.path, offsets, length, self.local)

    def drop(self):
        drop_pages(self.path)

    def check(self):
        seconds("cmp", "-s", self.path, self.local)


class CurlReader:
    """Does the same with curl: one process for each read, but a single one for all random reads."""

    pid = None

    def __init__(self, url):
        self.path = url

    def whole(self, mib=None):
        return ["curl", "-sf", *(["-r", f"0-{mib * MIB - 1}"] if mib else []), "-o", "/dev/null", self.path]

    def first_byte(self):
        return self.byte_at(0)

    def byte_at(self, offset):
        return seconds("curl", "-sf", "-r", f"{offset}-{offset}", "-o", "/dev/null", self.path)

    def random(self, offsets, length):
        """Uses one persistent connection, and curl's own times. Nothing is compared."""
        entries = [f'silent\nfail\nurl = "{self.path}"\nrange = {offset}-{offset + length - 1}\noutput = /dev/null\n'
                   'write-out = "%{time_total}\\n"\n' for offset in offsets]
        began = time.perf_counter()
        answer = subprocess.run(["curl", "-K", "-"], input="next\n".join(entries), text=True, capture_output=True,
                                check=True)
        return [float(line) for line in answer.stdout.split()], time.perf_counter() - began, 0

    def drop(self):
        pass

    def check(self):
        pass


class Ours:
    """A mount of seedancefs; each video belongs to a new task, with links to nginx."""

    def __init__(self, directory, server, files):
        self.server, self.files, self.count = server, files, 0
        self.simulator = harness.Simulator(directory)
        self.mount = harness.Mount(directory, self.simulator, options=["keep=lazy", "submissions_per_hour=1000000"])
        self.frame = directory / "frame.png"
        self.frame.write_bytes(harness.PNG)
        self.mount.start()

    def finished(self, paths, latency_ms=0):
        """Creates tasks whose videos were never read, and returns their folders."""
        self.simulator.hold("queued")
        self.count += 1
        folders = [self.mount.folder(f"run-{self.count}-{n}") for n in range(len(paths))]
        for folder, path in zip(folders, paths):
            task = harness.wait_for(lambda: harness.task_id(folder), f"{folder}: a task id")
            # Given a video, the simulator renders none during the measurements.
            self.simulator.decree(task, link={"video_url": f"{self.server.address(latency_ms)}/{path}"},
                                  media={"video": str(self.frame), "last_frame": str(self.frame)}, state="succeeded")
        self.simulator.hold("")
        for folder in folders:
            harness.wait_state(folder, "succeeded")
        return folders

    @contextlib.contextmanager
    def video(self, path, latency_ms=0):
        with self.videos([path], latency_ms) as readers:
            yield readers[0]

    @contextlib.contextmanager
    def videos(self, paths, latency_ms=0):
        folders = self.finished(paths, latency_ms)
        try:
            yield [FileReader(folder / "video.mp4", self.files.local(path), self.mount.pid)
                   for folder, path in zip(folders, paths)]
        finally:
            # Removal frees memory for reuse: a virtual machine's first access to new memory costs
            # more than anything else.
            harness.run("rm", "-rf", *folders)

    def end(self):
        try:
            self.mount.end()
            self.mount.check_log()
        finally:
            self.mount.unmount_leftover()
            self.simulator.stop()


class Curl:
    def __init__(self, server):
        self.server = server

    @contextlib.contextmanager
    def video(self, path, latency_ms=0):
        yield CurlReader(f"{self.server.address(latency_ms)}/{path}")

    @contextlib.contextmanager
    def videos(self, paths, latency_ms=0):
        yield [CurlReader(f"{self.server.address(latency_ms)}/{path}") for path in paths]


class LocalDisk:
    """Files of its own, so that dropping their pages leaves the server's in memory."""

    def __init__(self, files):
        self.files = files

    @contextlib.contextmanager
    def video(self, path, latency_ms=0):
        local = self.files.local(path)
        drop_pages(local)
        yield FileReader(local, local)


@contextlib.contextmanager
def mounted(command, mount_point, log):
    """Runs a foreground program that mounts something, and yields its pid."""
    mount_point.mkdir()
    with open(log, "wb") as output:
        process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=output, preexec_fn=harness.die_with_parent)
    try:
        harness.wait_for(lambda: os.path.ismount(mount_point) or process.poll() is not None, f"{command[0]}'s mount")
        if process.poll() is not None:
            raise OSError(f"{command[0]} did not mount: {log.read_text(errors='replace')[-500:]}")
        yield process.pid
    finally:
        unmount(mount_point)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def read_ahead(mount_point, kib):
    """Sets the kernel's read-ahead; seedancefs sets its own, where it may."""
    device = os.stat(mount_point).st_dev
    with contextlib.suppress(OSError):
        pathlib.Path(f"/sys/class/bdi/{os.major(device)}:{os.minor(device)}/read_ahead_kb").write_text(str(kib))


def unmount(mount_point):
    tool = ["umount"] if harness.is_root() else ["fusermount3", "-u"]
    if harness.run(*tool, mount_point, check=False).returncode:
        harness.run(*tool, "-l" if harness.is_root() else "-z", mount_point, check=False)


class Minimal:
    """A minimal FUSE program that serves a local file: the upper bound of FUSE itself. Each video
    is a new mount."""

    def __init__(self, directory, files):
        self.directory, self.files = directory, files

    @contextlib.contextmanager
    def video(self, path, latency_ms=0):
        local = self.files.local(path)
        seconds("cat", local)
        with tempfile.TemporaryDirectory(dir=self.directory) as work:
            work = pathlib.Path(work)
            command = [harness.BUILD / "minimal_fuse", local, work / "mount"]
            with mounted(command, work / "mount", work / "log") as pid:
                read_ahead(work / "mount", 1024)
                yield FileReader(work / "mount" / "f", local, pid)


class Peer:
    """Another program that mounts the files of a web server. Each video is a new mount with a new cache."""

    def __init__(self, directory, server, files):
        self.directory, self.server, self.files = directory, server, files

    @contextlib.contextmanager
    def root(self, latency_ms=0, under=""):
        """Mounts all that nginx has, or has in a folder."""
        with tempfile.TemporaryDirectory(dir=self.directory, ignore_cleanup_errors=True) as work:
            work = pathlib.Path(work)
            (work / "cache").mkdir()
            address = f"{self.server.address(latency_ms)}/{under}"
            with mounted(self.command(address, work), work / "mount", work / "log") as pid:
                yield work / "mount", pid

    @contextlib.contextmanager
    def video(self, path, latency_ms=0):
        with self.videos([path], latency_ms) as readers:
            yield readers[0]

    @contextlib.contextmanager
    def videos(self, paths, latency_ms=0):
        with self.root(latency_ms) as (root, pid):
            for path in paths:
                os.stat(root / path)  # it has listed the folder and requested sizes, as ours has at this point
            yield [FileReader(root / path, self.files.local(path), pid) for path in paths]


class Rclone(Peer):
    def __init__(self, mode, *rest):
        super().__init__(*rest)
        self.mode = mode

    def command(self, address, work):
        return ["rclone", "mount", ":http:", work / "mount", "--http-url", address, "--read-only", "--vfs-cache-mode",
                self.mode, "--cache-dir", work / "cache", "--config", "/dev/null"]


class Httpdirfs(Peer):
    def command(self, address, work):
        # Its check requires Accept-Ranges in responses that need none (RFC 9110, 14.3) and in which
        # nginx omits it.
        return ["httpdirfs", "-f", "--no-range-check", "--cache", "--cache-location", work / "cache", address,
                work / "mount"]


def available(name):
    return name not in TOOLS or shutil.which(TOOLS[name]) is not None


def make_players(stack, directory, server, files):
    """Creates all players by name; those that must end do so with the stack."""
    ours = Ours(directory, server, files)
    stack.callback(ours.end)
    peers = directory, server, files
    players = {"ours": ours, "curl": Curl(server), "local disk": LocalDisk(files),
               "minimal FUSE": Minimal(directory, files), "rclone off": Rclone("off", *peers),
               "rclone full": Rclone("full", *peers), "httpdirfs": Httpdirfs(*peers)}
    return {name: player for name, player in players.items() if available(name)}
