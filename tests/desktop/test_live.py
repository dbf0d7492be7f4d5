"""Live: programs that watch a folder see what the service changes, and nothing else is disturbed."""

import contextlib
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import threading

import pytest

import harness
from harness import (control, field, is_root, run, state, status, task_id, wait_for, wait_state)

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


# --- what watchers see ---

def test_watchers_see_an_order_from_its_status_to_its_video(mount, simulator):
    simulator.hold("queued")
    folder = empty_folder(mount)
    with watching(folder) as watch:
        order(folder)
        watch.wait("status", *CAME)
        wait_state(folder, "queued")
        simulator.hold("")
        watch.wait("video.mp4", *CAME)
        watch.wait("last_frame.png", *CAME)
        wait_for(lambda: watch.lines[-1][1] == "status" and state(folder) == "succeeded")
        assert (folder / "video.mp4").stat().st_size > 1000
    assert watch.of("video.mp4") == CAME and watch.of("last_frame.png") == CAME
    for name in ("status", "task.json"):
        events = watch.of(name)
        assert events[:2] == CAME and len(events) > 2 and is_repeated(events[2:], CHANGED), (name, events)
    assert not watch.of("error.txt")
    assert simulator.creates() == 1


def test_watchers_see_error_txt_come_and_go(mount, simulator):
    simulator.hold("queued")
    folder = empty_folder(mount)
    with watching(folder) as watch:
        order(folder)
        fail_task(simulator, folder)
        watch.wait("error.txt", *CAME)
        assert "no luck" in (folder / "error.txt").read_text()
        assert control(folder, "retry").returncode == 0
        watch.wait("error.txt", *CAME, "DELETE")
        assert not (folder / "error.txt").exists()
        simulator.hold("")
        watch.wait("video.mp4", *CAME)
    assert watch.of("error.txt") == [*CAME, "DELETE"]


def test_a_watch_on_error_txt_itself_sees_its_removal(mount, simulator):
    simulator.hold("queued")
    folder = mount.folder()
    fail_task(simulator, folder)
    wait_state(folder, "failed")
    watcher = subprocess.Popen(["inotifywait", "--event=delete_self", "--event=attrib", str(folder / "error.txt")],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: "established" in watcher.stderr.readline())
    assert control(folder, "retry").returncode == 0
    assert watcher.wait(harness.PATIENCE) == 0
    watcher.stdout.close()
    watcher.stderr.close()


def test_a_removal_is_announced_once_and_fetch_brings_the_video_back(mount, simulator, tmp_path):
    folder = mount.finished(simulator, video=harness.make_media(tmp_path / "video", 100_000))
    with watching(folder) as watch:
        (folder / "video.mp4").unlink()
        assert control(folder, "fetch").returncode == 0
        expected = ["DELETE", *CAME]
        wait_for(lambda: watch.of("video.mp4")[-3:] == expected, f"{expected}; it had {watch.lines}")
        wait_for(lambda: field(folder, "kept") == "100%")
        assert (folder / "video.mp4").stat().st_size == 100_000
    # The announcement of the new file itself may have been late.
    assert watch.of("video.mp4") in (expected, [*CAME, *expected])


def test_a_countdown_causes_no_events(make_mount, simulator):
    mount = make_mount(simulator, settle=3)
    folder = empty_folder(mount)
    simulator.hold("queued")
    with watching(folder) as watch:
        order(folder)
        wait_for(lambda: "submitted in 1 s" in status(folder), "a countdown")
        assert watch.of("status") == CAME, "nothing but its coming"
        assert watch.of("task.json") == CAME
        wait_state(folder, "queued")
    assert simulator.creates() == 1, "what the announcer makes is no copy of a task"


def test_a_reason_to_wait_is_announced(mount, simulator):
    folder = empty_folder(mount)
    (folder / "hold").touch()
    with watching(folder) as watch:
        order(folder)
        watch.wait("status", *CAME, *CHANGED)
        assert "hold" in field(folder, "waiting")


def test_fetched_bytes_change_status(make_mount, simulator, tmp_path):
    mount = make_mount(simulator, options=("keep=lazy",))
    folder = mount.finished(simulator, video=harness.make_media(tmp_path / "video", 4_000_000))
    with watching(folder) as watch:
        (folder / "video.mp4").read_bytes()
        watch.wait("status", *CHANGED)
        wait_for(lambda: field(folder, "kept") == "100%")


def test_the_mtime_of_a_folder_changes_with_its_listing(make_mount, simulator):
    mount = make_mount(simulator, settle=2)
    folder = empty_folder(mount)
    with watching(folder) as watch:
        order(folder)
        before = folder.stat().st_mtime_ns
        watch.wait("task.json", *CAME)
        pending = folder.stat().st_mtime_ns
        assert pending > before
        watch.wait("video.mp4", *CAME)
        assert folder.stat().st_mtime_ns > pending


def test_an_output_beside_an_input_of_its_name_is_announced(mount, simulator):
    folder = empty_folder(mount)
    own = harness.png(320, 320)
    (folder / "last_frame.png").write_bytes(own)
    (folder / "first_frame.png").write_bytes(own)
    with watching(folder) as watch:
        order(folder)
        watch.wait("last_frame.out.png", *CAME)
    assert not watch.of("last_frame.png")
    assert (folder / "last_frame.png").read_bytes() == own


def test_files_present_at_the_start_are_not_announced(mount, simulator):
    simulator.hold("queued")
    folder = mount.folder()
    wait_state(folder, "queued")
    mount.end()
    mount.start()
    with watching(folder) as watch:
        simulator.hold("")
        watch.wait("video.mp4", *CAME)
        wait_for(lambda: watch.of("status"))
    assert is_repeated(watch.of("status"), CHANGED) and is_repeated(watch.of("task.json"), CHANGED)


def test_entr_runs_on_a_change(mount, simulator, tmp_path):
    simulator.hold("queued")
    folder = mount.folder()
    wait_state(folder, "queued")
    said = tmp_path / "said"
    entr = subprocess.Popen(["entr", "-n", "-p", "sh", "-c", f"head -n1 status >> {said}"], stdin=subprocess.PIPE,
                            text=True, cwd=folder, stderr=subprocess.DEVNULL)
    entr.stdin.write("status\n")
    entr.stdin.close()
    wait_for(lambda: watches_something(entr.pid), "entr's watch")
    fail_task(simulator, folder)
    wait_for(lambda: said.exists() and "failed" in said.read_text(), "entr's command")
    entr.terminate()
    entr.wait()


def watches_something(pid):
    return any("inotify wd" in info.read_text() for info in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir())


def test_tail_f_shows_the_new_text(mount, simulator):
    simulator.hold("queued")
    folder = mount.folder()
    wait_state(folder, "queued")
    tail = subprocess.Popen(["tail", "-f", "-n", "+1", folder / "status"], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL)
    os.set_blocking(tail.stdout.fileno(), False)
    said = bytearray()

    def shows(text):
        said.extend(tail.stdout.read() or b"")
        return text.encode() in said

    wait_for(lambda: shows(task_id(folder)), "the first text")
    fail_task(simulator, folder, "a long explanation of what went wrong, in many words, so that the text gets longer")
    wait_state(folder, "failed")
    wait_for(lambda: shows("so that the text gets longer"), "the new text")
    tail.terminate()
    tail.wait()
    tail.stdout.close()


# --- poll, select, epoll ---

def wait_by_poll(fd, seconds):
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return poll.poll(seconds * 1000)


def wait_by_select(fd, seconds):
    return select.select([fd], [], [], seconds)[0]


def wait_by_epoll(fd, seconds):
    with select.epoll() as epoll:
        epoll.register(fd, select.EPOLLIN)
        return epoll.poll(seconds)


WAYS = [wait_by_poll, wait_by_select, wait_by_epoll]


def wait_for_news(fd):
    """Waits until there is another text than the one that was read."""
    poll = select.poll()
    poll.register(fd, select.POLLPRI)
    return poll.poll(harness.PATIENCE * 1000)


@contextlib.contextmanager
def read_to_the_end(folder):
    """Opens status and reads it to the end of file."""
    fd = os.open(folder / "status", os.O_RDONLY)
    try:
        while os.read(fd, 4096):
            pass
        yield fd
    finally:
        os.close(fd)


@pytest.mark.parametrize("wait", WAYS)
def test_poll_on_status_wakes_and_the_text_is_complete(mount, simulator, wait):
    simulator.hold("queued")
    folder = mount.folder()
    task = wait_for(lambda: task_id(folder))
    wait_state(folder, "queued")
    with read_to_the_end(folder) as fd:
        while wait(fd, 1.5):  # the announcement of `queued` itself may still come
            while os.read(fd, 4096):
                pass
            os.lseek(fd, 0, os.SEEK_SET)
            while os.read(fd, 4096):
                pass
        decreed = threading.Timer(0, lambda: simulator.decree(task, state="running"))
        decreed.start()
        assert wait(fd, harness.PATIENCE), "it wakes"
        decreed.join()
        text = os.pread(fd, 4096, 0)
        assert text.startswith(b"running\n") and text.endswith(b"\n")
        assert os.fstat(fd).st_size == len(text) and text.decode() == status(folder)


def test_a_reader_that_polls_before_each_read_reaches_the_end(mount, simulator):
    """ssh, socat and pv read their input like this."""
    simulator.hold("queued")
    folder = mount.folder()
    wait_state(folder, "queued")
    fd = os.open(folder / "status", os.O_RDONLY)
    said = b""
    for _ in range(10):
        assert wait_by_select(fd, harness.PATIENCE), "it never blocks before the end"
        got = os.read(fd, 4096)
        if not got:
            break
        said += got
    else:
        raise AssertionError("no end")
    os.close(fd)
    assert said.startswith(b"queued\n")


def test_reading_byte_by_byte_gives_one_text(mount, simulator):
    simulator.hold("queued")
    folder = mount.folder()
    wait_state(folder, "queued")
    fd = os.open(folder / "status", os.O_RDONLY)
    said = os.read(fd, 1)
    fail_task(simulator, folder)
    wait_state(folder, "failed")
    while len(said) < 4096 and said.count(b"\n") < 3:
        assert wait_by_poll(fd, harness.PATIENCE)
        said += os.read(fd, 1)
    os.close(fd)
    assert said.startswith(b"queued\nprovider: ark\nmodel: ")


def test_a_change_during_a_read_wakes_a_later_poll(mount, simulator):
    simulator.hold("queued")
    folder = mount.folder()
    wait_state(folder, "queued")
    fd = os.open(folder / "status", os.O_RDONLY)
    begun = os.read(fd, 4)
    with read_to_the_end(folder) as other:
        fail_task(simulator, folder)
        assert wait_for_news(other)
        while not os.pread(other, 4096, 0).startswith(b"failed\n"):
            assert wait_for_news(other)
    said = begun + os.read(fd, 4096)
    assert said.startswith(b"queued\n") and said.endswith(b"\n"), "the text that it began"
    assert wait_for_news(fd), "there is a new one"
    assert os.pread(fd, 4096, 0).startswith(b"failed\n")
    os.close(fd)


def test_all_other_files_are_always_ready(mount):
    folder = mount.folder()
    wait_state(folder, "succeeded")
    for name in ("prompt.txt", "task.json", "video.mp4"):
        with open(folder / name, "rb") as file:
            for _ in range(2):
                assert wait_by_poll(file, 0), name
                file.read()


# --- the announcer itself ---

def test_the_announcer_has_its_own_mount(mount):
    """It has none where that is known to be impossible (test_live_by_path.py)."""
    own = wait_for(lambda: re.search(r"event=announcer own_mount=(\w+)", mount.log()))[1]
    assert own in os.environ.get("SEEDANCEFS_OWN_MOUNT", "yes" if is_root() else "yes no").split()


def test_a_frozen_announcer_blocks_nothing(mount, simulator):
    announcer = announcer_of(mount.pid)
    os.kill(announcer, signal.SIGSTOP)
    wait_for(lambda: process_state(announcer) == "T")
    folder = empty_folder(mount)
    with watching(folder) as watch:
        order(folder)
        wait_state(folder, "succeeded")
        assert sorted(os.listdir(folder)) == ["last_frame.png", "prompt.txt", "status", "task.json", "video.mp4"]
        assert not watch.of("video.mp4")
        os.kill(announcer, signal.SIGCONT)
        watch.wait("video.mp4", *CAME)
        watch.wait("status", *CAME)
    os.kill(announcer, signal.SIGSTOP)
    unmount(mount.path)
    assert mount.process.wait(harness.PATIENCE) == 0
    mount.process = None
    assert process_state(announcer) is None


def test_a_killed_announcer_is_logged_once(mount, simulator):
    os.kill(announcer_of(mount.pid), signal.SIGKILL)
    wait_for(lambda: "event=announcer_gone" in mount.log())
    mount.expect_log("event=announcer_gone")
    for name in ("a", "b"):
        folder = mount.folder(name)
        wait_state(folder, "succeeded")
        assert (folder / "video.mp4").stat().st_size > 1000
    assert mount.log().count("event=announcer_gone") == 1


def test_a_killed_daemon_takes_its_announcer_along(make_mount, simulator):
    mount = make_mount(simulator, settle=0)
    for turn in range(5):
        announcer = announcer_of(mount.pid)
        for n in range(20):
            order(empty_folder(mount, f"{turn}-{n}"))
        mount.kill()  # its announcements are in progress
        wait_for(lambda pid=announcer: process_state(pid) is None, "the announcer's end")
        unmount(mount.path)
        mount.start()


def test_a_users_file_of_the_same_name_is_left_alone(make_mount, simulator):
    mount = make_mount(simulator, settle=60)
    announcer = announcer_of(mount.pid)
    os.kill(announcer, signal.SIGSTOP)
    wait_for(lambda: process_state(announcer) == "T")
    folder = empty_folder(mount)
    with watching(folder) as watch:
        order(folder)
        (folder / "status").unlink()
        (folder / "status").write_text("queued\nprovider: ark\n")
        (folder / "status").chmod(0o640)
        before = os.lstat(folder / "status")
        wait_for(lambda: "ATTRIB" in watch.of("status"))
        seen = len(watch.of("status"))
        other = empty_folder(mount, "other")
        order(other)
        with watching(other) as others:
            os.kill(announcer, signal.SIGCONT)
            others.wait("status", *CAME)
    after = os.lstat(folder / "status")
    assert (after.st_ino, after.st_mtime_ns, after.st_size, after.st_mode) == (
        before.st_ino, before.st_mtime_ns, before.st_size, before.st_mode)
    assert len(watch.of("status")) == seen
    assert (folder / "status").read_text() == "queued\nprovider: ark\n"


def family_of(pid):
    """A process and all its descendants."""
    children = " ".join(path.read_text() for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children")).split()
    return [pid, *(member for child in children for member in family_of(int(child)))]


def environments(pid):
    """The environments of a daemon's processes, by process name."""
    return {pathlib.Path(f"/proc/{member}/comm").read_text().strip():
            pathlib.Path(f"/proc/{member}/environ").read_bytes() for member in family_of(pid)}


def test_no_process_of_the_mount_exposes_a_key(make_mount, simulator, monkeypatch):
    """Any process of the same user can read an environment in /proc."""
    monkeypatch.setenv("MY_KEY", simulator.key)
    mount = make_mount(config=f"[provider ark]\ntype = ark\nbase_url = {simulator.base_url}\npoll = 0.1\n"
                              "key_env = MY_KEY\n")
    wait_state(mount.folder(), "succeeded")  # the key is in use
    found = environments(mount.pid)
    assert found.keys() == {"seedancefs", "sdfs-announcer"}
    assert all(simulator.key.encode() not in text for text in found.values()), found


def test_the_simulator_exposes_no_key(make_mount, monkeypatch):
    monkeypatch.setenv("ARK_API_KEY", "a-secret")
    found = environments(make_mount().pid)
    assert found.keys() == {"seedancefs", "sdfs-announcer", "seedance-sim"}
    assert all(b"a-secret" not in text for text in found.values()), found


# --- the mount point ---

TURNS = int(os.environ.get("SEEDANCEFS_UNMOUNTS", "200"))


def test_unmounting_is_never_blocked(tmp_path):
    """It happens during announcements. Root's other programs (gvfs…) access every new mount; a
    mount namespace hides this one from them."""
    script = pathlib.Path(__file__).with_name("unmount_often.py")
    alone = ["unshare", "--mount"] if is_root() else []
    result = run(*alone, "/usr/bin/python3", "-B", script, tmp_path, TURNS, check=False, timeout=harness.PATIENCE * 15)
    assert result.returncode == 0, result.stdout + result.stderr


def test_nothing_is_created_below_a_detached_mount(mount, simulator):
    simulator.hold("queued")
    folder = empty_folder(mount)
    order(folder)
    wait_state(folder, "queued")
    inside = os.open(folder, os.O_RDONLY)
    with watching(folder) as watch:
        unmount(mount.path, "-l")
        below = mount.path / "cat"
        below.mkdir()
        simulator.hold("")
        wait_for(lambda: "video.mp4" in os.listdir(inside), "the video, for who is still inside")
        pid = mount.pid
    os.close(inside)
    assert mount.process.wait(harness.PATIENCE) == 0
    mount.process = None
    wait_for(lambda: announcer_of(pid) is None)
    assert not watch.of("video.mp4")
    assert os.listdir(below) == []
    shutil.rmtree(below)


@pytest.mark.mounts_a_disk
def test_nothing_is_created_in_another_mount_on_top(mount, simulator):
    simulator.hold("queued")
    folder = empty_folder(mount)
    order(folder)
    wait_state(folder, "queued")
    inside = os.open(folder, os.O_RDONLY)
    run("mount", "-t", "tmpfs", "none", mount.path)
    try:
        above = mount.path / "cat"
        above.mkdir()
        simulator.hold("")
        wait_for(lambda: "video.mp4" in os.listdir(inside))
        again = f"/proc/self/fd/{inside}"
        wait_for(lambda: state(again) == "succeeded")
        assert os.listdir(above) == []
    finally:
        os.close(inside)
        run("umount", mount.path)
    other = empty_folder(mount, "other")
    with watching(other) as watch:
        order(other)
        watch.wait("video.mp4", *CAME)


def test_a_mount_point_behind_a_link_with_spaces_and_umlauts_works(tmp_path, simulator):
    directory = tmp_path / "Meine Filme – größer 映画"
    directory.mkdir()
    mount = harness.Mount(directory, simulator)
    link = tmp_path / "link"
    link.symlink_to(mount.path)
    mount.path, real = link, mount.path
    mount.start()
    try:
        folder = empty_folder(mount, "Katze & Hund")
        with watching(folder) as watch:
            order(folder)
            watch.wait("video.mp4", *CAME)
        assert is_repeated(watch.of("status")[2:], CHANGED)
        mount.end()
    finally:
        mount.path = real
        mount.unmount_leftover()
    mount.check_log()


@pytest.mark.mounts_a_disk
def test_announcements_work_with_allow_other(make_mount, simulator):
    mount = make_mount(simulator, options=("allow_other",))
    folder = empty_folder(mount)
    with watching(folder) as watch:
        order(folder)
        watch.wait("video.mp4", *CAME)


def test_announcements_work_in_the_background_with_one_thread(make_mount, simulator):
    mount = make_mount(simulator)
    mount.end()
    for extra in ([], ["-s"]):
        run(*mount.command(*extra))
        pid = int((mount.library / "lock").read_text())
        try:
            folder = empty_folder(mount, f"cat{len(extra)}")
            announcer = announcer_of(pid)
            assert os.readlink(f"/proc/{announcer}/cwd") == "/"
            held = {os.readlink(f"/proc/{announcer}/fd/{fd}") for fd in os.listdir(f"/proc/{announcer}/fd")}
            held.discard("/")  # its own mount, where it may create one
            assert all(re.match(r"/dev/null|socket:", name) for name in held) and len(held) == 2, held
            with watching(folder) as watch:
                order(folder)
                watch.wait("video.mp4", *CAME)
        finally:
            unmount(mount.path)
        wait_for(lambda: process_state(pid) is None and process_state(announcer) is None)
