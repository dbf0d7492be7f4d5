"""The harness of the mounted tests: a simulator, a mount, and polling for conditions without an
event.

Each test starts its own processes and ends them by pid. The harness checks the daemon's log at the
end: a warning or error that the test did not expect fails it.
"""

import contextlib
import ctypes
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import time
import urllib.error
import urllib.request
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SEEDANCEFS_BUILD", ROOT / "build" / "dev"))
DAEMON = BUILD / "seedancefs"
SIMULATOR = BUILD / "seedance-sim"
# A deadline detects hangs and measures nothing; sanitizers make everything slower.
PATIENCE = float(os.environ.get("SEEDANCEFS_PATIENCE", "20"))


def wait_for(condition, what="the condition", timeout=None):
    """Returns the value of condition() once it is true. No other code in the tests sleeps."""
    end = time.monotonic() + (timeout or PATIENCE)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come true")
        time.sleep(0.02)


def run(*command, check=True, **options):
    """Runs a command as a user would type it and returns the finished process, with its output as text."""
    options.setdefault("timeout", PATIENCE * 3)
    result = subprocess.run([str(part) for part in command], text=True, capture_output=True, **options)
    if check and result.returncode:
        raise AssertionError(f"{command} -> {result.returncode}\n{result.stdout}\n{result.stderr}")
    return result


def shell(command, *arguments, check=True):
    return run("bash", "-c", command, "bash", *arguments, check=check)


def die_with_parent():
    """Runs in a child process, so that a killed test leaves no daemon behind."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def mounts():
    """Yields the source, mount point and options of each mount, as bytes."""
    def plain(text):
        return re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8)]), text)

    for line in pathlib.Path("/proc/self/mounts").read_bytes().split(b"\n"):
        if line:
            source, point, _, options, *_ = line.split(b" ")
            yield plain(source), plain(point), options.split(b",")


class Simulator:
    """A simulator that outlives the mounts of a test."""

    def __init__(self, directory, *options):
        self.books = directory / "books"
        self.key = "test-key"
        read, write = os.pipe()
        life_read, self.lifeline = os.pipe()
        self.process = subprocess.Popen(
            [SIMULATOR, "--books", self.books, "--key", self.key, "--ready-fd", str(write), "--lifeline",
             str(life_read), "--queue-ms", "50", "--run-ms", "50", *options],
            pass_fds=[write, life_read], preexec_fn=die_with_parent)
        os.close(write)
        os.close(life_read)
        with os.fdopen(read) as ready:
            line = ready.readline()
        found = re.match(r"port=(\d+) control=(\d+)", line)
        assert found, f"the simulator did not start: {line!r}"
        self.port, self.control_port = int(found[1]), int(found[2])
        self.base_url = self.address("ark")

    def address(self, service):
        """The base URL at which it speaks a service's wire format."""
        return f"http://127.0.0.1:{self.port}/{service}" + ("/api/v3" if service == "ark" else "")

    def stop(self):
        os.close(self.lifeline)
        assert self.process.wait(PATIENCE) == 0

    def control(self, method, path, body=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.control_port}{path}", method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE * 3) as answer:
            return json.loads(answer.read() or b"null")

    def stats(self):
        return self.control("GET", "/stats")

    def creates(self):
        """The number of accepted tasks, that is, of billed ones."""
        return self.stats()["creates"]

    def requests(self, on=None, **query):
        if on:
            query["on"] = on
        text = "&".join(f"{key}={value}" for key, value in query.items())
        return self.control("GET", f"/requests?{text}")["requests"]

    def fault(self, on, action, **match):
        return self.control("POST", "/faults", {"on": on, "action": action, **match})

    def clear_faults(self):
        self.control("DELETE", "/faults")

    def hold(self, state):
        """Keeps all new tasks in this state until it is released with ''."""
        self.control("POST", "/hold", {"state": state})

    def tasks(self):
        answer = self.control("GET", "/tasks")
        return answer["tasks"] if isinstance(answer, dict) else answer

    def decree(self, task_id, **what):
        return self.control("POST", f"/tasks/{task_id}", what)


SERVICES = ("ark", "acedata", "xhuo", "createtask", "comet", "senseaudio")


class Mount:
    """One library and its mount; it can be ended and started again."""

    def __init__(self, directory, simulator=None, settle=0.2, config="", options=(), services=("ark",),
                 thumbnails=False, daemon=DAEMON, cache=None):
        self.daemon = daemon
        self.library = directory / "library"
        self.path = directory / "mount"
        self.path.mkdir(exist_ok=True)
        self.cache = cache or directory / "cache"  # never the real home directory's
        self.thumbnails = self.cache / "thumbnails"
        self.options = [f"settle={settle}", f"thumbnails={'yes' if thumbnails else 'no'}", *options]
        self.log_path = directory / "daemon.log"
        self.log_path.touch()
        # libfuse prints this when a worker reads a request just as the mount ends.
        self.expected = [r"^fuse: reading device: Software caused connection abort$"]
        self.process = None
        self.config_path = directory / "config.ini"
        if simulator:
            key = directory / "key"
            key.write_text(simulator.key)
            key.chmod(0o600)
            self.config_path.write_text(config + "".join(
                f"\n[provider {service}]\ntype = {service}\nbase_url = {simulator.address(service)}\n"
                f"key_file = {key}\npoll = 0.1\nmax_active = 1000\n" for service in services))
        elif config:
            self.config_path.write_text(config)
        if self.config_path.exists():
            self.options.append(f"config={self.config_path}")

    def command(self, *extra):
        return [self.daemon, self.library, self.path, "-o", ",".join(self.options), *extra]

    def start(self):
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen(self.command("-f"), stdout=subprocess.PIPE, stderr=log,
                                        env={**os.environ, "XDG_CACHE_HOME": str(self.cache)},
                                        preexec_fn=die_with_parent)
        log.close()
        said = b""
        while b"is mounted" not in said and (line := self.process.stdout.readline()):
            said += line  # the path may contain line breaks
        if b"is mounted" not in said:
            self.process.wait(PATIENCE)
            self.process = None
            raise AssertionError(f"{said!r}\n{self.log()}")
        return self

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        return self.log_path.read_text(errors="replace")

    def expect_log(self, *patterns):
        """Allows warnings and errors in the log that this test causes on purpose."""
        self.expected += patterns

    def end(self, how=signal.SIGTERM):
        """Ends the daemon as a user does, and checks its exit status."""
        self.process.send_signal(how)
        assert self.process.wait(PATIENCE) == 0, self.log()
        assert not self.is_mounted()
        self.process = None

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)
        self.process = None

    def is_mounted(self):
        return any(point == os.fsencode(self.path) for _, point, _ in mounts())

    def unmount_leftover(self):
        if self.is_mounted():
            run("umount" if os.geteuid() == 0 else "fusermount3", *([] if os.geteuid() == 0 else ["-u"]), "-z"
                if os.geteuid() else "-l", self.path, check=False)

    def check_log(self):
        bad = []
        for line in self.log().splitlines():
            is_suspicious = re.search(r"^\S+Z (warn|error) |Sanitizer|runtime error|^fuse: ", line)
            if is_suspicious and not any(re.search(pattern, line) for pattern in self.expected):
                bad.append(line)
        assert not bad, "unexpected log lines:\n" + "\n".join(bad) + "\n---\n" + self.log()[-6000:]

    # --- user actions ---

    def folder(self, name="cat", prompt="A kitten yawning at the camera"):
        """Creates a folder with a prompt, which is an order."""
        folder = self.path / name
        folder.mkdir(parents=True)
        if prompt is not None:
            run("sh", "-c", 'printf "%s\\n" "$1" > "$2"/prompt.txt', "sh", prompt, folder)
        return folder

    def finished_all(self, simulator, count, video, frame):
        """Many folders at once whose tasks succeeded with the given files as outputs."""
        simulator.hold("queued")
        folders = [self.folder(f"shot-{n}") for n in range(count)]
        for folder in folders:
            task = wait_for(lambda: task_id(folder), f"{folder}: a task id", PATIENCE * 2)
            simulator.decree(task, media={"video": str(video), "last_frame": str(frame)}, state="succeeded")
        simulator.hold("")
        for folder in folders:
            wait_state(folder, "succeeded")
        return folders

    def finished(self, simulator, name="cat", video=None, frame=None):
        """Creates a folder whose task succeeded with the given files as outputs."""
        simulator.hold("queued")
        folder = self.folder(name)
        task = wait_for(lambda: task_id(folder), f"{name}: a task id")
        if not frame:
            frame = self.library.parent / "frame.png"
            frame.write_bytes(PNG)
        media = {"last_frame": str(frame)}
        if video:
            media["video"] = str(video)
        simulator.decree(task, media=media, state="succeeded")
        simulator.hold("")
        wait_state(folder, "succeeded")
        return folder


def status(folder):
    return (pathlib.Path(folder) / "status").read_text()


def state(folder):
    return status(folder).split("\n", 1)[0]


def field(folder, key):
    """Returns the value of a key in status, or None."""
    for line in status(folder).splitlines()[1:]:
        if line.startswith(key + ": "):
            return line[len(key) + 2:]
    return None


def task_id(folder):
    return field(folder, "task")


def wait_state(folder, *states, timeout=None):
    seen = []

    def reached():
        seen.append(state(folder))
        return seen[-1] in states

    try:
        wait_for(reached, f"{folder}: {' or '.join(states)}", timeout)
    except AssertionError as error:
        raise AssertionError(f"{error}; it is:\n{status(folder)}") from None
    return seen[-1]


def settled(mount, simulator, creates):
    """Checks that nothing else is sent: a later order of another folder is sent, and the count matches."""
    marker = mount.folder(f"marker-{os.urandom(4).hex()}", "marker")
    wait_state(marker, "succeeded")
    assert simulator.creates() == creates + 1


def control(folder, word):
    """echo WORD > status"""
    return run("bash", "-c", 'echo "$1" > "$2"/status', "bash", word, folder, check=False)


def make_media(path, size, seed=1):
    """Writes a file of random bytes after an MP4 header."""
    import random
    head = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41"
    data = random.Random(seed).randbytes(size - len(head))
    path.write_bytes(head + data)
    return path


def png(width, height):
    """A complete PNG of that size."""
    row = b"\0" + b"\x20\x80\xc0" * width

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
            + chunk(b"IDAT", zlib.compress(row * height)) + chunk(b"IEND", b""))


PNG = png(2, 2)


def has_passthrough():
    """True if libfuse (3.17) and the kernel (6.9) support passthrough. tests/CMakeLists.txt has the same
    condition."""
    kernel = tuple(int(part) for part in re.match(r"(\d+)\.(\d+)", os.uname().release).groups())
    library = subprocess.run(["pkg-config", "--atleast-version=3.17", "fuse3"], check=False)
    return kernel >= (6, 9) and library.returncode == 0


def is_root():
    return os.geteuid() == 0


@contextlib.contextmanager
def closing_port():
    """A local port on which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        yield listener.getsockname()[1]
