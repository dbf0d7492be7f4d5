"""What the tests of announcements share: watching a folder, and looking at the announcer."""

import contextlib
import pathlib
import subprocess
import threading

import harness
from harness import is_root, run, task_id, wait_for

EVENTS = ("create", "modify", "attrib", "close_write", "delete", "moved_to", "moved_from")
CAME = ["CREATE", "CLOSE_WRITE"]
CHANGED = ["MODIFY", "ATTRIB", "CLOSE_WRITE"]


class Watch:
    """Events of a folder by inotifywait, by file. Opens and reads are left out, because the tests
    read, too."""

    def __init__(self, folder):
        self.lines = []
        self.process = subprocess.Popen(
            ["inotifywait", "-m", "--format", "%e %f", *[f"--event={event}" for event in EVENTS], str(folder)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=harness.die_with_parent)
        for line in self.process.stderr:
            if "Watches established" in line:
                break
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.split())

    def of(self, name):
        """The events of a file, in order."""
        return [event.split(",")[0] for event, file in list(self.lines) if file == name]

    def wait(self, name, *expected):
        """Waits until a file's events begin with these. The check covers all of its events if the
        file does not keep changing."""
        wait_for(lambda: self.of(name)[:len(expected)] == list(expected) or len(self.of(name)) > len(expected) + 8,
                 f"{name}: {expected}; it had {self.lines}")
        assert self.of(name)[:len(expected)] == list(expected)

    def end(self):
        self.process.terminate()
        self.thread.join()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


@contextlib.contextmanager
def watching(folder):
    watch = Watch(folder)
    try:
        yield watch
    finally:
        watch.end()


def announcer_of(pid):
    """The pid of a daemon's announcer process; None after its end."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            if pathlib.Path(f"/proc/{child}/comm").read_text().strip() == "sdfs-announcer":
                return int(child)
    return None


def process_state(pid):
    """R, S, D, T, Z…; None for no process."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def unmount(path, *options, check=True):
    """Unmounts as the mount's user does."""
    if is_root():
        return run("umount", *options, path, check=check)
    return run("fusermount3", "-u", *["-z" for option in options if option == "-l"], path, check=check)


def empty_folder(mount, name="cat"):
    folder = mount.path / name
    folder.mkdir()
    return folder


def order(folder, prompt="A kitten"):
    (folder / "prompt.txt").write_text(prompt + "\n")


def fail_task(simulator, folder, message="no luck"):
    simulator.decree(wait_for(lambda: task_id(folder)), state="failed",
                     error={"code": "InternalServiceError", "message": message})


def is_repeated(events, part):
    """True if the events are any number of repetitions of that part."""
    return events == part * (len(events) // len(part))
