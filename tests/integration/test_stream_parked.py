"""Streaming: parked reads, and outputs after a restart."""

import os
import pathlib
import signal
import subprocess
import time

import pytest

from harness import PATIENCE, field, make_media, run, state, status, task_id, wait_for, wait_state
from stream_tools import MIB, frame_file, is_gone_or_zombie, media_requests, start
from stream_tools import folder, video  # noqa: F401


# --- parked reads ---

def stall(simulator):
    """Stalls every transfer from now on until the faults are cleared."""
    simulator.fault("media", {"stall_at": 0}, times=-1)


def test_stalled_readers_leave_others_at_normal_speed(mount, simulator, folder, tmp_path):
    (mount.path / "notes").write_bytes(b"x" * MIB)
    stall(simulator)
    readers = [start("dd", f"if={folder / 'video.mp4'}", "bs=4096", f"skip={32 + n * 9}", "count=1") for n in range(200)]
    wait_for(lambda: media_requests(simulator), "a parked read")
    began = time.monotonic()
    assert run("cat", mount.path / "notes").stdout == "x" * MIB
    run("ls", "-la", folder)
    (mount.path / "more").write_bytes(b"y" * MIB)
    assert (mount.path / "more").read_bytes() == b"y" * MIB
    assert "succeeded" in status(folder)
    assert time.monotonic() - began < PATIENCE / 4
    assert sum(reader.poll() is None for reader in readers) == 200
    simulator.clear_faults()
    for reader in readers:
        assert reader.wait(PATIENCE * 2) == 0


def test_a_second_open_and_a_stat_do_not_wait_for_a_parked_read(mount, simulator, folder, video):
    stall(simulator)
    reader = start("dd", f"if={folder / 'video.mp4'}", "bs=4096", "skip=1000", "count=1")
    wait_for(lambda: media_requests(simulator))
    assert (folder / "video.mp4").stat().st_size == video.stat().st_size
    fd = os.open(folder / "video.mp4", os.O_RDONLY)
    assert os.fstat(fd).st_size == video.stat().st_size
    assert os.pread(fd, 16, 0) == video.read_bytes()[:16]
    os.close(fd)
    assert reader.poll() is None
    simulator.clear_faults()
    assert reader.wait(PATIENCE) == 0


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signalled_reader_exits_and_its_transfer_stops(mount, simulator, folder, how):
    stall(simulator)
    reader = start("cat", folder / "video.mp4")
    wait_for(lambda: media_requests(simulator))
    reader.send_signal(how)
    wait_for(lambda: is_gone_or_zombie(reader), "the end of cat", 3)
    wait_for(lambda: all(request["done"] for request in media_requests(simulator)), "the end of its transfer", 3)


def test_a_child_of_a_living_reader_changes_nothing(mount, simulator, folder, video):
    stall(simulator)
    reader = subprocess.Popen(["bash", "-c", 'exec 3< "$1"; /bin/true; /bin/true; cat <&3 | sha256sum', "bash",
                               str(folder / "video.mp4")], stdout=subprocess.PIPE, text=True)
    wait_for(lambda: media_requests(simulator))
    for _ in range(3):
        run("true")
    simulator.clear_faults()
    import hashlib
    assert reader.communicate(timeout=PATIENCE)[0].split()[0] == hashlib.sha256(video.read_bytes()).hexdigest()


def test_a_kill_answers_every_parked_read(mount, simulator, folder, video):
    stall(simulator)
    readers = [start("dd", f"if={folder / 'video.mp4'}", "bs=4096", f"skip={100 + n * 200}", "count=1") for n in range(5)]
    wait_for(lambda: media_requests(simulator))
    mount.kill()
    for reader in readers:
        assert reader.wait(PATIENCE) != 0
    simulator.clear_faults()
    mount.start()
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()


def test_ending_the_mount_answers_every_parked_read(mount, simulator, folder):
    stall(simulator)
    readers = [start("dd", f"if={folder / 'video.mp4'}", "bs=4096", f"skip={100 + n * 200}", "count=1") for n in range(5)]
    wait_for(lambda: media_requests(simulator))
    mount.end()
    for reader in readers:
        assert reader.wait(PATIENCE) != 0


# --- restart ---

def test_a_partial_video_resumes_at_the_first_missing_byte(mount, simulator, folder, video):
    data = video.read_bytes()
    simulator.fault("media", {"stall_at": 300_000}, times=-1)
    reader = start("cat", folder / "video.mp4")
    wait_for(lambda: any(not request["done"] for request in media_requests(simulator)))
    kept = wait_for(lambda: field(folder, "kept") not in ("0%", "1%", "2%", None) and field(folder, "kept"))
    mount.kill()
    reader.wait(PATIENCE)
    simulator.clear_faults()
    before = simulator.stats()["media_bytes"]
    simulator.control("DELETE", "/stats")
    mount.start()
    assert state(folder) == "succeeded"
    assert field(folder, "kept") != "0%", kept
    assert (folder / "video.mp4").read_bytes() == data
    again = simulator.stats()["media_bytes"]
    assert before > 0 and again < len(data), (before, again)
    assert before + again <= len(data) + 2 * MIB
    assert simulator.creates() == 0


def test_a_complete_video_is_never_fetched_again(mount, simulator, folder, video):
    (folder / "video.mp4").read_bytes()
    wait_for(lambda: field(folder, "kept") == "100%")
    for end in (mount.end, mount.kill):
        end()
        simulator.control("DELETE", "/stats")
        mount.start()
        assert (folder / "video.mp4").read_bytes() == video.read_bytes()
        assert simulator.stats()["media_bytes"] == 0


def test_polling_goes_on_after_a_kill(mount, simulator, video):
    simulator.hold("running")
    folder = mount.folder()
    task = wait_for(lambda: task_id(folder))
    wait_state(folder, "running")
    mount.kill()
    simulator.decree(task, media={"video": str(video), "last_frame": str(frame_file(mount))}, state="succeeded")
    mount.start()
    wait_state(folder, "succeeded")
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()
    assert simulator.creates() == 1


def test_copiers_in_inode_order_reach_the_video_last(folder):
    """Reading the video changes task.json, which cp would report as "replaced while being copied"."""
    def in_order(key):
        return [name for name in sorted(os.listdir(folder), key=lambda name: key((folder / name).stat().st_ino))
                if name != "prompt.txt"]

    names = ["status", "task.json", "video.mp4"]
    assert [name for name in in_order(lambda inode: inode) if name in names] == names
    assert [name for name in in_order(lambda inode: inode & 0xffffffff) if name in names] == names
    assert all((folder / name).stat().st_ino & 1 << 31 == 0 for name in os.listdir(folder))  # GIO compares signed


def test_inodes_are_stable_across_a_restart(mount, simulator, folder):
    def numbers():
        return {name: (folder / name).stat().st_ino for name in ("status", "video.mp4", "prompt.txt")}

    before = numbers()
    assert min(before, key=before.get) == "status"
    listed = {entry.name: entry.inode() for entry in os.scandir(folder)}
    assert all(listed[name] == number for name, number in before.items())
    mount.end()
    mount.start()
    assert numbers() == before


def test_memory_stays_small(make_mount, simulator, tmp_path):
    mount = make_mount(simulator)
    big = make_media(tmp_path / "big", 64 * MIB)
    folder = mount.finished(simulator, video=big)
    run("cmp", folder / "video.mp4", big)
    if "anitizer" not in os.environ.get("SEEDANCEFS_FLAVOUR", ""):
        text = pathlib.Path(f"/proc/{mount.pid}/status").read_text()
        kib = int(next(line for line in text.splitlines() if line.startswith("RssAnon")).split()[1])
        assert kib < 20 * 1024, text
