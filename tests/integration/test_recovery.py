"""Recovery from unusual events: repeated words, held orders, unreachable servers, full disks, kills
at any moment."""

import contextlib
import errno
import json
import os
import pathlib
import random
import socket
import sqlite3
import threading
import types
import zlib

import pytest

import hostile
from harness import PATIENCE, control, field, make_media, run, settled, state, status, task_id, wait_for, wait_state

MIB = 1 << 20
DAY_MS = 86_400_000


def busy(seconds, **more):
    """The answer of an overloaded service."""
    return {"status": 429, "headers": {"Retry-After": str(seconds)},
            "body": {"error": {"code": "ServerOverloaded", "message": "busy"}}, **more}


class Gate:
    """A port that refuses connections until it is opened; it then forwards them to another port."""

    def __init__(self, leads_to):
        self.leads_to = leads_to
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def open(self):
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self):
        while True:
            try:
                near = self.listener.accept()[0]
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.leads_to))
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(a, b), daemon=True).start()

    @staticmethod
    def _carry(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)


@pytest.fixture
def gate(simulator):
    gate = Gate(simulator.port)
    yield gate
    gate.close()


def settled_later(mount, simulator, creates):
    """Does the same, after orders that were told to wait for a second have become due."""
    simulator.fault("create", busy(2))
    settled(mount, simulator, creates)


def failed(mount, simulator, name="cat"):
    """Creates a folder whose task failed and was not billed."""
    simulator.hold("queued")
    folder = mount.folder(name)
    task = wait_for(lambda: task_id(folder))
    simulator.decree(task, state="failed", error={"code": "InternalServiceError", "message": "no luck"})
    wait_state(folder, "failed")
    simulator.hold("")
    return folder


def change_config(mount, old, new):
    """Ends the daemon if it runs, changes the configuration, and starts it again."""
    if mount.process:
        mount.end()
    text = mount.config_path.read_text()
    assert old in text
    mount.config_path.write_text(text.replace(old, new))
    mount.start()


def waits_for(folder, words):
    return wait_for(lambda: words in (field(folder, "waiting") or ""), f"{folder}: waiting for \"{words}\"")


def deletes(simulator, task):
    return [request for request in simulator.requests(on="delete") if request["path"].endswith(task)]


def chunk(kind, data):
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


PNG_HEAD = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", (300).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0")


def png():
    """A complete picture of 300 by 300."""
    pixels = zlib.compress((b"\0" + b"\x80\x20\x20" * 300) * 300)
    return PNG_HEAD + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def make_big_png(path, size):
    """Writes a picture that is complete and takes time to read, but that nothing can decode."""
    with open(path, "wb") as file:
        file.write(PNG_HEAD + size.to_bytes(4, "big") + b"IDAT")
        file.seek(size + 4, os.SEEK_CUR)
        file.write(chunk(b"IEND", b""))


def sqlite(mount):
    return contextlib.closing(sqlite3.connect(mount.library / "ledger.sqlite3", isolation_level=None, timeout=30))


def rows(mount, query):
    """What a daemon that is killed now would find in the ledger."""
    with sqlite(mount) as reader:
        return reader.execute(query).fetchall()


def change_ledger(mount, values):
    """Ends the daemon and changes its tasks in the ledger for the next start."""
    mount.end()
    with sqlite(mount) as writer:
        assert writer.execute(f"UPDATE task SET {values}").rowcount


# --- cancel ---

@pytest.mark.parametrize("ending", ["cancelled", "running"])
def test_two_cancels_send_one_request(mount, simulator, ending):
    simulator.hold("queued")
    folder = mount.folder()
    other = mount.folder("other")
    for each in (folder, other):
        wait_state(each, "queued")
    task = task_id(folder)
    simulator.fault("delete", {"delay_ms": 600_000}, task=task)
    assert control(folder, "cancel").returncode == 0
    wait_for(lambda: deletes(simulator, task))
    assert control(folder, "cancel").returncode == 0
    # the second cancel is done by now: a later cancel of another task has succeeded
    assert control(other, "cancel").returncode == 0
    wait_state(other, "cancelled")
    assert len(deletes(simulator, task)) == 1
    assert state(folder) == "queued" and "asking" in field(folder, "note")
    if ending == "running":  # too late: the service refuses the cancel
        simulator.decree(task, state="running", hold="running")
    simulator.clear_faults()
    if ending == "running":
        wait_for(lambda: "will be billed" in status(folder))
        simulator.hold("")
        wait_state(folder, "succeeded")
    wait_state(folder, "cancelled" if ending == "cancelled" else "succeeded")
    assert len(deletes(simulator, task)) == 1


@pytest.mark.parametrize("when", ["it was finished", "its size is asked for"])
def test_a_cancel_that_comes_too_late_says_so(mount, simulator, when):
    simulator.hold("queued")
    simulator.fault("get" if when == "it was finished" else "media", {"delay_ms": 600_000})
    folder = mount.folder()
    task = wait_for(lambda: task_id(folder))
    wait_for(lambda: simulator.requests(on="get"))
    simulator.decree(task, state="succeeded")
    if when == "its size is asked for":
        waits_for(folder, "the size of the video")
    assert control(folder, "cancel").returncode == 0
    simulator.clear_faults()
    wait_state(folder, "succeeded")
    wait_for(lambda: field(folder, "note") == "the task ended before it could be cancelled", "the note")
    wait_for(lambda: rows(mount, "SELECT flags FROM task") == [(0,)], "the ledger's knowing")
    assert not deletes(simulator, task)


@pytest.mark.parametrize("ends", [False, True])
def test_a_cancelled_order_is_never_sent(mount, simulator, ends):
    simulator.fault("create", busy(1))
    folder = mount.folder()
    waits_for(folder, "asked for a later retry")
    assert control(folder, "cancel").returncode == 0
    assert state(folder) == "cancelled"
    (folder / "first_frame.png").write_bytes(png())
    (folder / "first_frame.png").unlink()
    for end in (mount.end, mount.kill) if ends else ():
        end()
        mount.start()
        assert state(folder) == "cancelled"
    settled_later(mount, simulator, 0)
    assert state(folder) == "cancelled"


# --- retry ---

@pytest.mark.parametrize("disturbance", ["nothing", "rewritten", "ended", "killed"])
def test_a_retry_held_by_max_active_is_sent_once(make_mount, simulator, disturbance):
    mount = make_mount(simulator)
    folder = failed(mount, simulator)
    change_config(mount, "max_active = 1000", "max_active = 1")
    simulator.hold("running")
    blocker = mount.folder("blocker")
    wait_state(blocker, "running")
    assert control(folder, "retry").returncode == 0
    waits_for(folder, "max_active = 1")
    if disturbance == "rewritten":
        (folder / "prompt.txt").write_text((folder / "prompt.txt").read_text())
    elif disturbance != "nothing":
        (mount.end if disturbance == "ended" else mount.kill)()
        mount.start()
    waits_for(folder, "max_active = 1")
    assert state(folder) == "pending" and simulator.creates() == 2
    simulator.hold("")
    wait_state(folder, "succeeded")
    settled(mount, simulator, 3)


def test_a_retry_held_by_submissions_per_hour_is_sent_once(make_mount, simulator):
    mount = make_mount(simulator, options=["submissions_per_hour=1"])
    folder = failed(mount, simulator)
    assert control(folder, "retry").returncode == 0
    waits_for(folder, "submissions_per_hour = 1")
    (folder / "prompt.txt").write_text((folder / "prompt.txt").read_text())
    waits_for(folder, "submissions_per_hour = 1")
    mount.end()
    assert simulator.creates() == 1
    mount.options.remove("submissions_per_hour=1")
    mount.start()
    wait_state(folder, "succeeded")
    settled(mount, simulator, 2)


def test_words_written_concurrently_order_once(mount, simulator):
    """Two shells write to one status: the later write fails, or repeats a command that is already
    in progress."""
    folder = failed(mount, simulator)
    simulator.hold("queued")
    run("bash", "-c", 'for i in 1 2 3 4 5 6; do { echo retry > "$1"/status; } 2>/dev/null & done; wait', "bash", folder)
    wait_state(folder, "queued")
    for word in ("retry", "submit"):
        assert control(folder, word).returncode
    simulator.hold("")
    wait_state(folder, "succeeded")
    for word in ("retry", "submit"):
        assert control(folder, word).returncode
    settled(mount, simulator, 2)


# --- inputs in other folders ---

@pytest.mark.parametrize("before", ["missing", "half", "open", "linked"])
def test_an_input_in_another_folder_that_becomes_complete_releases_the_order(mount, simulator, before):
    other = mount.path / "other"
    other.mkdir()
    picture = other / "picture.png"
    folder = mount.path / "cat"
    folder.mkdir()
    if before == "half":
        picture.write_bytes(png()[:-20])
    if before == "linked":
        (folder / "first_frame.png").symlink_to("../other/picture.png")
    with contextlib.ExitStack() as stack:
        if before == "open":
            file = stack.enter_context(open(picture, "wb"))
            file.write(png())
            file.flush()
        (folder / "request.json").write_text(json.dumps({"content": [
            {"type": "text", "text": "it yawns"},
            {"type": "image_url", "role": "first_frame", "image_url": {
                "url": "first_frame.png" if before == "linked" else "../other/picture.png"}}]}))
        waits_for(folder, {"half": "incomplete", "open": "open for writing"}.get(before, "does not exist yet"))
        assert state(folder) == "pending" and not simulator.requests(on="create")
    if before != "open":
        picture.write_bytes(png())
    wait_for(simulator.creates, "the order", 15)
    wait_state(folder, "succeeded")
    settled(mount, simulator, 1)


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

@pytest.fixture
def fill(tmp_path):
    """Puts a library's media on a disk of its own that has the given number of free bytes."""
    filled = []

    def fill_media(mount, free):
        media = mount.library / "media"
        mount.end()
        run("mount", "-t", "tmpfs", "-o", f"size={4 * MIB},mode=700", "tmpfs", media)
        filled.append(media)
        mount.start()
        with open(media / "fill", "wb") as file:
            os.posix_fallocate(file.fileno(), 0, 4 * MIB - free)
        return media / "fill"

    yield fill_media
    for media in filled:
        run("umount", "-l", media)


def drop_cache(path):
    """Drops the file from the page cache, so that the next read reaches the mount."""
    fd = os.open(path, os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


def order_alone(mount, simulator, folder=None):
    """Creates an order without a last frame, which the service keeps queued."""
    folder = folder or mount.path / "cat"
    folder.mkdir()
    simulator.hold("queued")
    (folder / "request.json").write_text('{"prompt": "A cat", "return_last_frame": false}')
    wait_for(lambda: task_id(folder))
    return folder


def order_video_alone(mount, simulator, video):
    """Creates such an order that has succeeded with this video; the daemon then determines its size."""
    folder = order_alone(mount, simulator)
    simulator.decree(task_id(folder), media={"video": str(video)}, state="succeeded")
    return folder


def fill_up(file):
    """Fills the disk to the last block."""
    for size in (65536, 4096):
        try:
            while True:
                file.write(bytes(size))
        except OSError as error:
            assert error.errno == errno.ENOSPC, error


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


def bytes_on_disk(directory):
    return sum(path.stat().st_blocks for path in directory.rglob("video.1"))


def open_media(mount):
    """The media files that the daemon holds open."""
    found = []
    for fd in (pathlib.Path("/proc") / str(mount.pid) / "fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(os.readlink(fd))
    return [name for name in found if "/media/" in name and "video." in name]


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


# --- content that is corrected while it is checked ---

def replace(path, text):
    scratch = path.parent / f".{path.name}.tmp"
    scratch.write_text(text)
    os.rename(scratch, path)


def test_an_error_in_content_that_was_corrected_meanwhile_is_dropped(make_mount, simulator):
    mount = make_mount(simulator, settle=0)
    folder = mount.path / "cat"
    folder.mkdir()
    make_big_png(folder / "big.png", 200 * MIB)
    (folder / "wrong.png").write_text("this is no picture")

    def copies():
        """The daemon's private copies of the inputs that it is reading."""
        names = []
        for fd in os.listdir(f"/proc/{mount.pid}/fd"):
            with contextlib.suppress(OSError):
                names.append(os.readlink(f"/proc/{mount.pid}/fd/{fd}"))
        return [name for name in names if name.startswith(str(mount.library)) and name.endswith("(deleted)")]

    replace(folder / "request.json", json.dumps({"content": [{"type": "text", "text": "wrong"}] + [
        {"type": "image_url", "role": "reference_image", "image_url": {"url": name}} for name in ("big.png", "wrong.png")]}))
    wait_for(copies, "the reading of the wrong request")
    replace(folder / "request.json", '{"prompt": "right"}')
    wait_state(folder, "succeeded", "invalid")
    assert state(folder) == "succeeded"
    assert simulator.requests(on="create")[0]["body"]["content"][0]["text"] == "right"
    settled(mount, simulator, 1)


def test_content_that_changes_often_is_ordered_in_its_last_version(make_mount, simulator):
    mount = make_mount(simulator, settle=0)
    folders = [mount.path / f"cat-{n}" for n in range(20)]
    for folder in folders:
        folder.mkdir()
        for turn in range(15):
            replace(folder / "request.json", f'{{"prompt": "x", "durration": {turn}}}')
            if turn < 14:
                replace(folder / "request.json", '{"prompt": ""}')
        replace(folder / "request.json", f'{{"prompt": "{folder.name}"}}')
    for folder in folders:
        wait_state(folder, "succeeded")
    sent = [request["body"]["content"][0]["text"] for request in simulator.requests(on="create")]
    assert sorted(sent) == sorted(folder.name for folder in folders)


# --- refused, or not sent ---

def test_an_order_told_to_wait_is_sent_once_after_a_kill(mount, simulator):
    simulator.fault("create", busy(600))
    folder = mount.folder()
    waits_for(folder, "asked for a later retry")
    mount.kill()
    mount.start()
    wait_state(folder, "succeeded")
    settled(mount, simulator, 1)
    assert len(simulator.requests(on="create")) == 3


def test_an_order_that_reached_no_server_is_sent_once_after_a_kill(make_mount, simulator, gate):
    mount = make_mount(types.SimpleNamespace(key=simulator.key,
                                             address=lambda _: f"http://127.0.0.1:{gate.port}/ark/api/v3"))
    folder = mount.folder()
    waits_for(folder, "cannot be reached")
    assert state(folder) == "pending"
    mount.kill()
    mount.start()
    waits_for(folder, "cannot be reached")
    gate.open()
    wait_state(folder, "succeeded")
    settled(mount, simulator, 1)
    assert len(simulator.requests(on="create")) == 2


@pytest.mark.parametrize("code", [301, 302, 307, 308])
def test_a_create_follows_no_redirect(mount, simulator, code):
    simulator.fault("create", {"status": code, "body": "elsewhere", "headers": {
        "Location": f"{simulator.base_url}/contents/generations/tasks"}})
    folder = mount.folder()
    wait_state(folder, "unknown", "invalid")
    settled(mount, simulator, 0)
    assert len(simulator.requests(on="create")) == 2


# --- the ledger ---

def test_intent_and_id_are_in_the_ledger_before_the_next_step(mount, simulator):
    simulator.fault("create", {"delay_ms": 600_000})
    folder = mount.folder()
    wait_for(lambda: simulator.requests(on="create"))
    assert rows(mount, "SELECT state, remote_id FROM task") == [("submitting", None)]
    assert rows(mount, "SELECT state, intent_ms > 0 FROM attempt") == [("submitting", 1)]
    simulator.clear_faults()
    simulator.fault("get", {"delay_ms": 600_000})
    wait_for(lambda: simulator.requests(on="get"))
    assert rows(mount, "SELECT state, remote_id FROM task") == [("queued", simulator.tasks()[0]["id"])]
    simulator.clear_faults()
    wait_state(folder, "succeeded")


@pytest.mark.parametrize("comes_back", [False, True])
def test_nothing_is_sent_while_the_ledger_cannot_be_written(mount, simulator, comes_back):
    """This holds for a new order and for one that is due to be retried and only has its own row to write."""
    mount.expect_log("ledger_failed")
    if comes_back:
        simulator.fault("create", busy(2))
        folder = mount.folder()
        waits_for(folder, "asked for a later retry")
    sent = len(simulator.requests(on="create"))
    with sqlite(mount) as other:
        other.execute("BEGIN IMMEDIATE")
        if not comes_back:
            folder = mount.folder()
        waits_for(folder, "the ledger cannot be written")
        assert state(folder) == "pending" and len(simulator.requests(on="create")) == sent
        other.execute("ROLLBACK")
    wait_for(lambda: "ledger_recovered" in mount.log(), "the recovery")
    marker = mount.folder("marker")  # any new event makes the daemon check the waiting orders
    for each in (marker, folder):
        wait_state(each, "succeeded")
    settled(mount, simulator, 2)


def test_an_id_that_cannot_be_saved_is_kept_in_memory_until_it_can(mount, simulator):
    mount.expect_log("ledger_failed")
    simulator.hold("queued")
    simulator.fault("create", {"delay_ms": 600_000})
    folder = mount.folder()
    wait_for(lambda: simulator.requests(on="create"))
    with sqlite(mount) as other:
        other.execute("BEGIN IMMEDIATE")
        simulator.clear_faults()
        wait_for(lambda: "ledger_failed" in mount.log(), "the failure")
        other.execute("ROLLBACK")
    wait_for(lambda: "ledger_recovered" in mount.log(), "the recovery")
    mount.kill()
    mount.start()
    simulator.hold("")
    wait_state(folder, "succeeded")
    settled(mount, simulator, 1)


def test_an_order_whose_id_was_lost_is_unknown_and_never_resent(mount, simulator):
    mount.expect_log("ledger_failed")
    simulator.fault("create", {"delay_ms": 600_000})
    folder = mount.folder()
    wait_for(lambda: simulator.requests(on="create"))
    with sqlite(mount) as other:
        other.execute("BEGIN IMMEDIATE")
        simulator.clear_faults()
        wait_for(lambda: "ledger_failed" in mount.log(), "the failure")
        mount.kill()
        other.execute("ROLLBACK")
    mount.start()
    assert state(folder) == "unknown"
    settled(mount, simulator, 1)


# --- unknown, removed, or no longer configured ---

def test_touching_the_files_of_an_unknown_task_does_not_resend_it(mount, simulator):
    simulator.fault("create", {"close": "after"})
    folder = mount.folder()
    wait_state(folder, "unknown")
    prompt = folder / "prompt.txt"
    text = prompt.read_text()
    os.utime(prompt)
    prompt.chmod(0o600)
    (folder / "notes.txt").write_text("a note")
    prompt.write_text(text)
    wait_for(lambda: state(folder) == "unknown" and "adopt ID" in status(folder))
    run("mv", prompt, mount.path / "away")
    run("mv", mount.path / "away", prompt)
    replace(prompt, text)
    wait_state(folder, "unknown")
    run("mv", folder, mount.path / "moved")
    for end in (mount.end, mount.kill):
        end()
        mount.start()
        wait_state(mount.path / "moved", "unknown")
    settled(mount, simulator, 1)


@pytest.mark.parametrize("said", ["paused", "running"])
def test_an_unrecognised_status_is_not_polled_for_ever(mount, simulator, said):
    simulator.hold("running")
    folder = mount.folder()
    task = wait_for(lambda: task_id(folder))
    simulator.decree(task, raw_status=said)
    wait_for(lambda: state(folder) == "running" and (said == "running" or said in status(folder)))
    change_ledger(mount, f"intent_ms = intent_ms - {9 * DAY_MS}")
    asked = len(simulator.requests(on="get"))
    if said == "paused":
        mount.expect_log("no_final_status")
        mount.start()
        wait_state(folder, "unknown")
        text = (folder / "error.txt").read_text()
        assert "no final status for 8 days" in text and "paused" in text
        assert control(folder, f"adopt {task}").returncode == 0
    else:
        mount.start()
        wait_for(lambda: len(simulator.requests(on="get")) > asked + 12, "further polls")
        assert state(folder) == "running"
    simulator.decree(task, raw_status="")
    simulator.hold("")
    wait_state(folder, "succeeded")
    assert simulator.creates() == 1


def test_a_folder_removed_while_its_request_is_in_flight_is_cancelled(mount, simulator):
    simulator.hold("queued")
    simulator.fault("create", {"delay_ms": 600_000})
    folder = mount.folder()
    wait_state(folder, "submitting")
    wait_for(lambda: simulator.requests(on="create"))
    run("rm", "-r", folder)
    simulator.clear_faults()
    wait_for(lambda: [task["state"] for task in simulator.tasks()] == ["cancelled"], "the cancel")
    simulator.hold("")
    settled(mount, simulator, 1)


@pytest.mark.parametrize("when", ["it waits", "it is sent", "it waits, and killed"])
def test_a_folder_removed_before_it_is_accepted_is_not_sent_again(mount, simulator, when):
    is_sent = when == "it is sent"
    simulator.fault("create", busy(1, **({"delay_ms": 600_000} if is_sent else {})))
    folder = mount.folder()
    if is_sent:
        wait_for(lambda: simulator.requests(on="create"))
    else:
        waits_for(folder, "asked for a later retry")
    run("rm", "-r", folder)
    simulator.clear_faults()
    if when.endswith("killed"):
        mount.kill()
        mount.start()
    settled_later(mount, simulator, 0)
    assert len(simulator.requests(on="create")) == 3  # the refused one and the marker's two


def test_no_more_than_max_active_tasks_run(make_mount, simulator):
    mount = make_mount(simulator)
    change_config(mount, "max_active = 1000", "max_active = 2")
    simulator.hold("running")
    folders = [mount.folder(f"cat-{n}", f"cat {n}") for n in range(5)]

    def active():
        return [task["id"] for task in simulator.tasks() if task["state"] in ("queued", "running")]

    def held():
        return sum("max_active = 2" in (field(folder, "waiting") or "") for folder in folders)

    for left in (3, 2, 1):
        wait_for(lambda: held() == left and simulator.creates() == 5 - left)
        assert len(active()) == 2
        if left == 2:
            wait_for(lambda: sum(state(folder) == "running" for folder in folders) == 2)
            mount.kill()
            mount.start()
            wait_for(lambda: held() == left)
        simulator.decree(active()[0], state="failed", error={"code": "InternalServiceError", "message": "no luck"})
    simulator.hold("")
    for folder in folders:
        wait_state(folder, "succeeded", "failed")
    texts = [request["body"]["content"][0]["text"] for request in simulator.requests(on="create")]
    assert sorted(texts) == [f"cat {n}" for n in range(5)]


def test_a_task_of_a_removed_section_is_left_alone_until_the_section_is_back(mount, simulator):
    mount.expect_log("unbound")
    simulator.hold("running")
    folder = mount.folder()
    wait_state(folder, "running")
    task = task_id(folder)
    change_config(mount, "[provider ark]", "[provider other]")
    wait_for(lambda: "restore that section" in (field(folder, "note") or ""))
    assert state(folder) == "running" and task_id(folder) == task
    assert control(folder, "submit").returncode
    simulator.hold("")
    settled(mount, simulator, 1)
    change_config(mount, "[provider other]", "[provider ark]")
    wait_state(folder, "succeeded")
    assert task_id(folder) == task and (folder / "video.mp4").read_bytes()
    assert "restore that section" not in status(folder)


def test_an_output_of_a_removed_section_is_fetched_once_the_section_is_back(mount, simulator):
    mount.expect_log("unbound")
    folder = mount.finished(simulator)
    change_ledger(mount, "outputs = replace(outputs, '\"ready\":true', '\"ready\":false')")
    change_config(mount, "[provider ark]", "[provider other]")
    wait_for(lambda: "restore that section" in (field(folder, "note") or ""))
    assert control(folder, "fetch").returncode == 0
    settled(mount, simulator, 1)
    assert not (folder / "error.txt").exists() and not (folder / "video.mp4").exists()
    change_config(mount, "[provider other]", "[provider ark]")
    wait_for((folder / "video.mp4").exists, "the video")
    assert (folder / "video.mp4").read_bytes() and not (folder / "error.txt").exists()
    wait_for(lambda: field(folder, "note") is None, "the note's end")


@pytest.fixture
def orphan(make_mount, simulator):
    """A running task whose key has been renamed, with max_active = 1."""
    mount = make_mount(simulator)
    mount.expect_log("unbound")
    change_config(mount, "max_active = 1000", "max_active = 1")
    simulator.hold("running")
    folder = mount.folder()
    wait_state(folder, "running")
    key = mount.config_path.parent / "key"
    key.rename(key.with_name("new-key"))
    change_config(mount, str(key), str(key.with_name("new-key")))
    wait_for(lambda: "no longer in the configuration" in (field(folder, "note") or ""))
    assert state(folder) == "running"
    return types.SimpleNamespace(mount=mount, folder=folder, task=task_id(folder))


def test_an_unfollowed_task_does_not_count_against_max_active(orphan, simulator):
    simulator.hold("")
    wait_state(orphan.mount.folder("other"), "succeeded")
    assert state(orphan.folder) == "running" and simulator.creates() == 2


def test_an_unfollowed_task_can_be_adopted(orphan, simulator):
    simulator.hold("")
    assert control(orphan.folder, f"adopt {orphan.task}").returncode == 0
    wait_state(orphan.folder, "succeeded")
    assert task_id(orphan.folder) == orphan.task and simulator.creates() == 1


def test_an_unfollowed_task_can_be_ordered_again(orphan, simulator):
    assert control(orphan.folder, "retry").returncode == 0
    wait_for(lambda: task_id(orphan.folder) not in (None, orphan.task) and state(orphan.folder) == "running")
    note = field(orphan.folder, "note")
    assert "may be billed" in note and orphan.task in note
    for word in ("retry", f"adopt {orphan.task}"):
        assert control(orphan.folder, word).returncode
    simulator.hold("")
    wait_state(orphan.folder, "succeeded")
    assert simulator.creates() == 2
    assert rows(orphan.mount, "SELECT count(*) FROM attempt") == [(2,)]


# --- a cancel that fails at first ---

@pytest.mark.parametrize("how", ["removed", "asked"])
@pytest.mark.parametrize("end", ["end", "kill"])
def test_a_cancel_is_completed_after_a_restart(mount, simulator, how, end):
    mount.expect_log("poll_failed")
    simulator.hold("queued")
    folder = mount.folder()
    wait_state(folder, "queued")
    simulator.fault("get", {"status": 503}, times=-1)
    wait_for(lambda: "poll_failed" in mount.log())
    if how == "removed":
        run("rm", "-r", folder)
    else:
        assert control(folder, "cancel").returncode == 0
    with sqlite(mount) as books:  # the request is on disk a moment later
        wait_for(lambda: books.execute("SELECT count(*) FROM task WHERE flags & 8").fetchone()[0] == 1)
    getattr(mount, end)()
    simulator.clear_faults()
    mount.start()
    wait_for(lambda: [task["state"] for task in simulator.tasks()] == ["cancelled"], "the cancel", 10)


def test_a_removed_task_is_cancelled_although_the_service_fails_once(mount, simulator):
    mount.expect_log("poll_failed")
    simulator.hold("queued")
    folder = mount.folder()
    wait_state(folder, "queued")
    simulator.fault("delete", {"status": 503})
    run("rm", "-r", folder)
    wait_for(lambda: simulator.requests(on="delete"))
    wait_for(lambda: [task["state"] for task in simulator.tasks()] == ["cancelled"], "the cancel", 10)


# --- the ledger, restored or writable again ---

def test_an_order_is_sent_as_soon_as_the_ledger_can_be_written(mount, simulator):
    mount.expect_log("ledger_failed")
    with sqlite(mount) as other:
        other.execute("BEGIN IMMEDIATE")
        folder = mount.folder()
        waits_for(folder, "the ledger cannot be written")
        other.execute("ROLLBACK")
    wait_for(lambda: "ledger_recovered" in mount.log(), "the recovery")
    wait_for(lambda: state(folder) != "pending", "the order", 10)


@pytest.fixture
def restored(mount, simulator, tmp_path):
    """A library whose ledger is an old backup: the folder `cat` was ordered and paid for after it."""
    wait_state(mount.folder("first"), "succeeded")
    mount.end()
    ledger = mount.library / "ledger.sqlite3"
    (tmp_path / "backup").write_bytes(ledger.read_bytes())
    mount.start()
    wait_state(mount.folder(), "succeeded")
    mount.end()
    for part in mount.library.glob("ledger.sqlite3*"):
        part.rename(tmp_path / f"lost-{part.name}")
    ledger.write_bytes((tmp_path / "backup").read_bytes())
    mount.expect_log("library_copied", "order_failed")
    return mount.start()


def test_an_old_ledger_orders_nothing_by_itself(restored, simulator):
    folder = restored.path / "cat"
    wait_for(lambda: "copied or restored" in (field(folder, "waiting") or "") or state(folder) == "succeeded",
             "a decision about the folder")
    assert simulator.creates() == 2
    assert state(folder) == "pending"


def test_a_new_folder_beside_an_old_ledger_is_ordered(restored, simulator):
    wait_for(lambda: state(restored.path / "cat"))
    folder = restored.folder("new")
    wait_state(folder, "succeeded")


