"""Live: programs that watch a folder see what the service changes, and nothing else is disturbed."""

import contextlib
import os
import pathlib
import select
import subprocess
import threading

import pytest

import harness
from harness import control, field, state, status, task_id, wait_for, wait_state
from live_tools import CAME, CHANGED, empty_folder, fail_task, is_repeated, order, watching


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
