"""Live: the announcer's process, and the mount point."""

import os
import pathlib
import re
import shutil
import signal

import pytest

import harness
from harness import is_root, run, state, wait_for, wait_state
from live_tools import CAME, CHANGED, announcer_of, empty_folder, is_repeated, order, process_state, unmount, watching


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
