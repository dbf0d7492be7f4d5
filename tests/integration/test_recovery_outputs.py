"""Recovery of outputs: sizes that are not known at first, full disks, servers that state no length."""

import json
import os
import random
import threading

import pytest

import hostile
from harness import PATIENCE, control, field, make_media, run, state, task_id, wait_for, wait_state
from recovery_tools import (MIB, bytes_on_disk, drop_cache, fill_up, open_media, order_alone, order_video_alone, rows,
                            waits_for)
from recovery_tools import fill, gate  # noqa: F401


# --- the size of an output ---

def test_an_unreachable_media_host_does_not_end_the_task(mount, simulator, gate):
    first = mount.folder("first")
    wait_state(first, "succeeded")
    link = json.loads((first / "task.json").read_text())["video"]["url"]
    simulator.hold("queued")
    folder = mount.folder()
    task = wait_for(lambda: task_id(folder))
    simulator.decree(task, link={"video_url": link.replace(f":{simulator.port}/", f":{gate.port}/")}, state="succeeded")
    waits_for(folder, "cannot be reached")
    asked = len(simulator.requests(on="get"))
    # each attempt asks for a fresh link; the daemon would give up after three refused links
    wait_for(lambda: len(simulator.requests(on="get")) >= asked + 4, "further tries")
    assert state(folder) == "running" and not (folder / "error.txt").exists()
    gate.open()
    wait_state(folder, "succeeded")
    assert (folder / "video.mp4").read_bytes() == (first / "video.mp4").read_bytes()
    assert not (folder / "error.txt").exists()


@pytest.mark.parametrize("has_frame", [False, True])
def test_a_missing_link_is_polled_for(mount, simulator, has_frame):
    simulator.hold("queued")
    folder = mount.path / "cat"
    folder.mkdir()
    (folder / "request.json").write_text(json.dumps({"prompt": "A cat", "return_last_frame": has_frame}))
    task = wait_for(lambda: task_id(folder))
    simulator.decree(task, omit_video_url=True, state="succeeded")
    waits_for(folder, "waiting for the media host to provide the video" if has_frame else "has returned no link yet")
    assert state(folder) == "running" and not (folder / "video.mp4").exists()
    simulator.decree(task, omit_video_url=False)
    wait_state(folder, "succeeded")
    assert (folder / "video.mp4").read_bytes()[4:8] == b"ftyp"
    assert not (folder / "error.txt").exists()


def test_the_probe_of_a_new_version_goes_on_after_a_kill(mount, simulator, tmp_path):
    mount.expect_log("media_failed")
    old = make_media(tmp_path / "old", 2 * MIB)
    new = make_media(tmp_path / "new", 2 * MIB + 999, seed=3)
    folder = mount.finished(simulator, video=old)
    simulator.decree(task_id(folder), media={"video": str(new)})
    seen = len(simulator.requests(on="media"))
    # the read meets the new version in the first response; the next response, which has the size,
    # never comes
    simulator.fault("media", {"delay_ms": 1}, kind="video")
    simulator.fault("media", {"stall_at": 0}, kind="video", times=-1)
    with pytest.raises(OSError):
        (folder / "video.mp4").read_bytes()
    wait_for(lambda: len(simulator.requests(on="media")) >= seen + 2, "the look at the new version")
    assert state(folder) == "succeeded" and not (folder / "video.mp4").exists()
    wait_for(lambda: not json.loads(rows(mount, "SELECT outputs FROM task")[0][0])[0]["ready"], "the ledger's knowing")
    mount.kill()
    simulator.clear_faults()
    mount.start()
    wait_for((folder / "video.mp4").exists, "the new version")
    assert (folder / "video.mp4").read_bytes() == new.read_bytes()
    assert state(folder) == "succeeded"


def test_a_removed_video_comes_back_after_its_link_expired(mount, simulator, tmp_path):
    video = make_media(tmp_path / "video", 300_000)
    folder = mount.finished(simulator, video=video)
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()
    (folder / "video.mp4").unlink()
    simulator.decree(task_id(folder), expire_links=True)
    mount.end()
    mount.start()
    assert state(folder) == "succeeded" and not (folder / "video.mp4").exists()
    assert control(folder, "fetch").returncode == 0
    wait_for((folder / "video.mp4").exists)
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()
    assert simulator.creates() == 1


# --- a full disk ---

@pytest.mark.mounts_a_disk
def test_a_video_is_readable_on_a_full_disk(mount, simulator, tmp_path, fill):
    """Reads are served from a bounded amount of memory. Nothing counts as kept until the disk has
    space again."""
    mount.expect_log("media_not_kept")
    video = make_media(tmp_path / "video", 12 * MIB + 77)
    filling = fill(mount, 0)
    folder = order_video_alone(mount, simulator, video)
    wait_state(folder, "succeeded")
    assert (folder / "video.mp4").stat().st_size == 12 * MIB + 77
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()
    wait_for(lambda: (field(folder, "note") or "").startswith(
        "video.mp4 is not kept: the library's disk reports \"No space left"))
    assert state(folder) == "succeeded" and field(folder, "kept") == "0%"
    filling.unlink()
    with open(filling.parent / "leave", "wb") as file:  # the remaining space is still too small for the complete video
        os.posix_fallocate(file.fileno(), 0, 2 * MIB)
    drop_cache(folder / "video.mp4")
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()
    wait_for(lambda: 5 <= int(field(folder, "kept").rstrip("%")) <= 20)
    (filling.parent / "leave").unlink()
    run("mount", "-o", "remount,size=64M", filling.parent)
    drop_cache(folder / "video.mp4")
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()
    wait_for(lambda: field(folder, "kept") == "100%")
    assert field(folder, "note") is None


# --- a server that states no length ---

def without_length(wire, request, site):
    wire.send(site.head(hostile.Request(b"GET / HTTP/1.1"), status="200 OK", content_range=None, content_length=None,
                        transfer_encoding="chunked") + hostile.chunks(site.data))
    if site.held:
        wire.hold()
    wire.send(b"0\r\n\r\n")


@pytest.fixture
def endless(simulator):
    """A site without lengths; while it is `held`, its responses do not end."""
    server = hostile.Server()
    site = server.site("cat", bytes.fromhex("00000010667479706d70343200000000000000086d6f6f76") +
                       (6 * MIB).to_bytes(4, "big") + b"mdat" + random.Random(5).randbytes(6 * MIB - 8))
    site.held = False
    site.misbehave(without_length)
    yield site
    server.stop()


def order_from(mount, simulator, site, folder=None):
    folder = order_alone(mount, simulator, folder)
    simulator.decree(task_id(folder), link={"video_url": site.url()}, state="succeeded")
    return folder


def test_a_video_without_a_length_is_fetched_once_and_kept(mount, simulator, endless):
    folder = order_from(mount, simulator, endless)
    wait_state(folder, "succeeded")
    assert field(folder, "kept") == "100%"
    mount.kill()
    mount.start()
    assert (folder / "video.mp4").read_bytes() == endless.data
    assert endless.count() == 1
    assert field(folder, "note") is None  # the framing marks the end


def closes_at_the_end(wire, request, site):
    """Only the closed connection marks the end of the video."""
    site.answer_whole(wire, version="HTTP/1.0", content_length=None)
    wire.close()


def test_a_video_that_ends_with_the_connection_is_fetched_once_and_noted(mount, simulator, endless):
    endless.misbehave(closes_at_the_end)
    folder = order_from(mount, simulator, endless)
    wait_state(folder, "succeeded")
    assert field(folder, "kept") == "100%"
    assert field(folder, "note") == (f"the media host does not report the size of the video; the {len(endless.data)} "
                                     "bytes that it sent are taken as the whole file")
    assert (folder / "video.mp4").read_bytes() == endless.data
    assert endless.count() == 1


@pytest.mark.parametrize("framing", ["chunks", "the connection's end"])
def test_an_incomplete_video_is_fetched_twice_and_kept_with_a_note(mount, simulator, endless, framing):
    if framing != "chunks":
        endless.misbehave(closes_at_the_end)
    endless.data = endless.data[:-1000]
    folder = order_from(mount, simulator, endless)
    wait_state(folder, "succeeded")
    assert field(folder, "note") == ("the video is incomplete, and a second download returned the same "
                                     f"{len(endless.data)} bytes")
    assert (folder / "video.mp4").read_bytes() == endless.data
    assert endless.count() == 2


def test_a_success_that_was_shown_survives_a_kill(mount, simulator, endless):
    """The state is in the ledger before anybody can read it."""
    for turn in range(6):
        folder = mount.path / f"cat{turn}"
        order_from(mount, simulator, endless, folder)
        with open(folder / "status", "rb", buffering=0) as file:
            while not os.pread(file.fileno(), 100, 0).startswith(b"succeeded"):
                pass  # at once, not at the next poll
        mount.kill()
        mount.start()
        assert state(folder) == "succeeded"
        assert (folder / "video.mp4").read_bytes() == endless.data
        assert endless.count() == turn + 1


def test_a_folder_removed_while_its_video_is_measured_leaves_no_files(mount, simulator, endless):
    endless.held = True
    folder = order_from(mount, simulator, endless)
    wait_for(lambda: "does not report its size" in (field(folder, "waiting") or ""))
    wait_for(lambda: bytes_on_disk(mount.library / "media") * 512 >= len(endless.data))
    run("rm", "-r", folder)
    wait_for(lambda: not open_media(mount), "the end of its download")
    wait_for(lambda: not list((mount.library / "media").iterdir()), "its files' end")


@pytest.mark.mounts_a_disk
def test_a_video_without_a_length_waits_for_disk_space(mount, simulator, endless, fill):
    filling = fill(mount, 2 * MIB)
    folder = order_from(mount, simulator, endless)
    wait_for(lambda: "the library's disk reports" in (field(folder, "waiting") or ""))
    assert state(folder) == "running" and endless.count() == 1
    run("mount", "-o", "remount,size=64M", filling.parent)
    wait_state(folder, "succeeded", timeout=PATIENCE * 2)
    assert (folder / "video.mp4").read_bytes() == endless.data
    assert endless.count() == 2


@pytest.mark.mounts_a_disk
def test_background_fetching_waits_for_disk_space(make_mount, simulator, tmp_path, fill):
    """Keeping stops without a burst of requests, says so, and resumes by itself once there is space."""
    mount = make_mount(simulator, options=["keep=eager"])
    mount.expect_log("media_not_kept")
    video = make_media(tmp_path / "video", 12 * MIB + 77)
    filling = fill(mount, 3 * MIB)
    folder = order_video_alone(mount, simulator, video)
    wait_state(folder, "succeeded")
    wait_for(lambda: (field(folder, "note") or "").startswith("video.mp4 is not kept"))
    wait_for(lambda: all(request["done"] for request in simulator.requests(on="media")), "the end of its transfers")
    assert state(folder) == "succeeded" and int(field(folder, "kept").rstrip("%")) < 40
    assert len(simulator.requests(on="media")) < 20
    with open(folder / "video.mp4", "rb") as file:
        for at in range(9 * MIB, 9 * MIB + 3 * 300_000, 300_000):  # there is still space for what readers fetch
            assert os.pread(file.fileno(), 250_000, at) == video.read_bytes()[at:at + 250_000]
    wait_for(lambda: not open_media(mount), "the end of its use")
    assert mount.log().count("media_not_kept") == 1 and "media_kept_again" not in mount.log()
    run("mount", "-o", "remount,size=64M", filling.parent)
    wait_for(lambda: field(folder, "kept") == "100%", timeout=PATIENCE * 3)
    assert field(folder, "note") is None
    simulator.control("DELETE", "/stats")
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()
    assert not simulator.requests(on="media")


@pytest.mark.mounts_a_disk
def test_a_full_disk_that_also_holds_the_ledger_loses_no_task(mount, simulator, tmp_path):
    """A paid task goes on: its video is readable, and its state is saved once there is space."""
    mount.expect_log("media_not_kept", "ledger")
    video = make_media(tmp_path / "video", 6 * MIB + 77)
    mount.end()
    run("mount", "-t", "tmpfs", "-o", "size=4M,mode=700", "tmpfs", mount.library)
    try:
        mount.start()
        folder = order_alone(mount, simulator)
        with open(mount.library / "fill", "wb", buffering=0) as file:
            fill_up(file)
        simulator.decree(task_id(folder), media={"video": str(video)}, state="succeeded")
        wait_state(folder, "succeeded")
        assert (folder / "video.mp4").read_bytes() == video.read_bytes()
        (mount.library / "fill").unlink()
        run("mount", "-o", "remount,size=64M", mount.library)
        drop_cache(folder / "video.mp4")
        assert (folder / "video.mp4").read_bytes() == video.read_bytes()
        wait_for(lambda: field(folder, "kept") == "100%", timeout=PATIENCE * 2)
        mount.kill()
        mount.start()
        wait_state(folder, "succeeded")
        assert simulator.creates() == 1
        mount.end()
    finally:
        run("umount", "-l", mount.library)


@pytest.mark.mounts_a_disk
def test_a_video_is_readable_when_the_disk_has_no_inode_for_its_folder(mount, simulator, tmp_path, fill):
    mount.expect_log("media_not_kept")
    video = make_media(tmp_path / "video", 2 * MIB + 77)
    filling = fill(mount, 0)
    run("mount", "-o", "remount,nr_inodes=2", filling.parent)  # for the media directory and the fill file
    folder = order_video_alone(mount, simulator, video)
    wait_state(folder, "succeeded")
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()
    assert field(folder, "kept") == "0%"


@pytest.mark.mounts_a_disk
@pytest.mark.parametrize("fault", [None, {"ignore_range": True}])
def test_concurrent_random_reads_are_correct_on_a_full_disk(mount, simulator, tmp_path, fill, fault):
    mount.expect_log("media_not_kept")
    video = make_media(tmp_path / "video", 10 * MIB + 77)
    fill(mount, 0)
    folder = order_video_alone(mount, simulator, video)
    wait_state(folder, "succeeded")
    if fault:
        simulator.fault("media", fault, times=-1)
    right, errors = video.read_bytes(), []

    def read_some(seed):
        chance = random.Random(seed)
        with open(folder / "video.mp4", "rb") as file:
            for _ in range(6 if fault else 20):
                at, size = chance.randrange(len(right)), chance.randrange(1, 200_000)
                if os.pread(file.fileno(), size, at) != right[at:at + size]:
                    errors.append((seed, at, size))

    readers = [threading.Thread(target=read_some, args=(seed,)) for seed in range(2 if fault else 6)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert not errors
    assert field(folder, "kept") == "0%"


@pytest.mark.mounts_a_disk
def test_a_frozen_disk_blocks_only_its_own_writes(mount, simulator, tmp_path):
    """Writes to it wait in the kernel, while polling and reading go on."""
    mount.expect_log("media_not_kept")
    image, media = tmp_path / "image", mount.library / "media"
    with open(image, "wb") as file:
        file.truncate(64 * MIB)
    run("mkfs.ext4", "-q", image)
    mount.end()
    run("mount", "-o", "loop", image, media)
    frozen = False
    try:
        mount.start()
        video = make_media(tmp_path / "video", 16 * MIB + 77)
        folder = order_video_alone(mount, simulator, video)
        wait_state(folder, "succeeded")
        other = mount.folder("other")
        wait_state(other, "queued")
        run("fsfreeze", "-f", media)
        frozen = True
        with open(folder / "video.mp4", "rb") as file:
            assert file.read() == video.read_bytes()
        simulator.decree(task_id(other), state="running")
        wait_state(other, "running")
        assert state(folder) == "succeeded"
        run("fsfreeze", "-u", media)
        frozen = False
        drop_cache(folder / "video.mp4")
        assert (folder / "video.mp4").read_bytes() == video.read_bytes()
        wait_for(lambda: field(folder, "kept") == "100%")
        simulator.decree(task_id(other), state="succeeded")
        wait_state(other, "succeeded")
        mount.end()
    finally:
        if frozen:
            run("fsfreeze", "-u", media)
        run("umount", "-l", media)


@pytest.mark.mounts_a_disk
def test_bytes_that_were_not_written_do_not_count_as_kept(mount, simulator, tmp_path, fill):
    """The disk is full for the first part of the file's head, but not for the second."""
    video = make_media(tmp_path / "video", MIB + 77)
    map_bytes = 8192
    filling = fill(mount, map_bytes)
    simulator.fault("media", {"stall_at": 5000})
    folder = order_video_alone(mount, simulator, video)
    wait_for(lambda: [file for file in filling.parent.rglob("video.1") if file.stat().st_size], "the head's first part")
    marker = mount.folder("marker")
    wait_state(marker, "queued")  # the thread that handled that part has moved on
    assert state(folder) == "running"
    filling.unlink()
    simulator.clear_faults()
    wait_state(folder, "succeeded")
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()
    simulator.hold("")
    wait_state(marker, "succeeded")
