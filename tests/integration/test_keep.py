"""Keeping: a paid video is on disk before its link expires, and stays there."""

import base64
import contextlib
import hashlib
import itertools
import json
import os
import random
import sqlite3
import subprocess

import pytest

import hostile
from harness import (PATIENCE, PNG, Simulator, control, field, make_media, run, state, status, task_id, wait_for,
                     wait_state)

MIB = 1 << 20
BLOCK = 4096


@pytest.fixture
def video(tmp_path):
    return make_media(tmp_path / "video.bin", 8 * MIB + 12345)


def keeping(make_mount, simulator, policy, **options):
    return make_mount(simulator, options=[f"keep={policy}", "submissions_per_hour=10000"], **options)


def task_json(folder):
    return json.loads((folder / "task.json").read_text())


def is_whole(folder, kind="video"):
    return task_json(folder)[kind].get("kept")


def wait_whole(folder):
    wait_for(lambda: is_whole(folder), f"{folder} is whole", PATIENCE * 2)
    assert field(folder, "kept") == "100%"


def asked(simulator, task=None):
    """The byte ranges of the requests for videos, in order."""
    ranges = []
    for request in simulator.requests(on="media"):
        if "video" in request["path"] and (not task or task in request["path"]):
            first, last = request["range"].removeprefix("bytes=").split("-")
            ranges.append((int(first), int(last)))
    return ranges


def restart_with(mount, policy):
    mount.end()
    mount.options = [option for option in mount.options if not option.startswith("keep=")] + [f"keep={policy}"]
    mount.start()


# --- when ---

@pytest.mark.parametrize("policy,seconds", [("eager", 86400), ("rescue", 60)])
def test_a_paid_video_is_kept_before_its_link_expires(make_mount, simulators, tmp_path, video, policy, seconds):
    simulator = Simulator(tmp_path, "--link-seconds", str(seconds))
    mount = keeping(make_mount, simulator, policy)
    folder = mount.finished(simulator, video=video)
    wait_whole(folder)
    wait_for(lambda: is_whole(folder, "last_frame"))
    assert simulator.stats()["media_bytes"] <= video.stat().st_size + len(PNG) + 2 * BLOCK
    assert len(asked(simulator)) <= 17
    # The link expires, and the service forgets the task and ends: the daemon sends no request.
    simulator.control("DELETE", "/stats")
    simulator.decree(task_id(folder), expire_links=True, gone=True)
    control(folder, "fetch")
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()
    mount.kill()
    mount.start()
    control(folder, "fetch")
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()
    assert simulator.requests() == []
    simulator.stop()
    mount.end()
    mount.start()
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()
    assert (folder / "last_frame.png").read_bytes() == PNG
    assert is_whole(folder)


@pytest.mark.parametrize("policy", ["lazy", "rescue"])
def test_nothing_is_fetched_before_it_is_needed(make_mount, simulator, video, policy):
    mount = keeping(make_mount, simulator, policy)
    first = mount.finished(simulator, "first", video=video)
    wait_for(lambda: is_whole(first, "last_frame"), "its frame, which came with the probe")
    assert asked(simulator) == [(0, 131071)]
    assert (field(first, "next") is not None) == (policy == "rescue")
    mount.kill()
    mount.start()
    second = mount.finished(simulator, "second", video=video)
    assert asked(simulator) == [(0, 131071)] * 2
    assert (first / "video.mp4").read_bytes() == video.read_bytes()
    wait_whole(first)
    assert field(first, "next") is None
    assert not is_whole(second)


def test_the_rest_is_fetched_before_a_link_is_used_too_often(make_mount, simulator, tmp_path):
    mount = keeping(make_mount, simulator, "rescue")
    video = make_media(tmp_path / "long.bin", 40 * MIB)
    folder = mount.finished(simulator, video=video)
    data = video.read_bytes()
    with open(folder / "video.mp4", "rb", buffering=0) as file:
        for n in random.Random(3).sample(range(1, 312), 311):
            assert os.pread(file.fileno(), 100, n * MIB // 8) == data[n * MIB // 8:n * MIB // 8 + 100]
            if len(asked(simulator)) > 64:
                break
    wait_whole(folder)
    assert (folder / "video.mp4").read_bytes() == data
    assert len(asked(simulator)) <= 75


def test_a_hundred_idle_finished_tasks_send_no_request(make_mount, simulator, tmp_path):
    mount = keeping(make_mount, simulator, "rescue")
    video = make_media(tmp_path / "short.bin", 200_000)
    frame = tmp_path / "frame.png"
    frame.write_bytes(PNG)
    folders = mount.finished_all(simulator, 100, video, frame)
    mount.end()
    simulator.control("DELETE", "/stats")
    mount.start()
    run("ls", "-laR", mount.path)
    for folder in folders:
        assert field(folder, "kept") == "65%"
    for folder in folders[::10]:
        wait_for(lambda: is_whole(folder, "last_frame"))
    assert simulator.requests() == []


# --- readers and background fetching ---

def test_readers_have_priority(make_mount, simulator, tmp_path, video):
    mount = keeping(make_mount, simulator, "eager")
    long = make_media(tmp_path / "long.bin", 20 * MIB, seed=2)
    simulator.fault("media", {"stall_at": MIB}, times=2, kind="video")  # the probe and the first piece
    simulator.fault("media", {"rate": 6_000_000}, times=-1, kind="video")
    read = mount.finished(simulator, "read", video=long)
    wait_for(lambda: len(asked(simulator)) == 2, "its first piece")
    reader = subprocess.Popen(["sha256sum", read / "video.mp4"], stdout=subprocess.PIPE, text=True)
    wait_for(lambda: len(asked(simulator)) > 2, "the reader's range, in the place of the piece")
    other = mount.finished(simulator, "other", video=video)
    text = reader.communicate(timeout=PATIENCE * 2)[0]
    assert text.split()[0] == hashlib.sha256(long.read_bytes()).hexdigest()
    assert asked(simulator, task_id(other)) == [(0, 131071)], "it did not wait for the reader"
    wait_whole(other)
    wait_whole(read)


def test_two_videos_at_a_time_are_fetched_in_pieces(make_mount, simulator, tmp_path):
    mount = keeping(make_mount, simulator, "eager")
    video = make_media(tmp_path / "long.bin", 20 * MIB)
    simulator.hold("queued")
    folders = [mount.folder(f"shot-{n}") for n in range(4)]
    tasks = [wait_for(lambda: task_id(folder)) for folder in folders]
    frame = tmp_path / "frame.png"
    frame.write_bytes(PNG)
    for task in tasks:
        simulator.decree(task, media={"video": str(video), "last_frame": str(frame)}, state="succeeded")
    simulator.fault("media", {"stall_at": MIB}, times=-1, kind="video")
    simulator.hold("")
    for folder in folders:
        wait_state(folder, "succeeded")
    pieces = wait_for(lambda: [piece for piece in asked(simulator) if piece != (0, 131071)])
    wait_for(lambda: is_whole(folders[3], "last_frame"))
    pieces = [piece for piece in asked(simulator) if piece != (0, 131071)]
    assert 1 <= len(pieces) <= 2
    assert all(last - first + 1 == 8 * MIB for first, last in pieces)
    simulator.clear_faults()
    for folder in folders:
        wait_whole(folder)


def test_background_fetching_of_removed_videos_stops(make_mount, simulator, video):
    mount = keeping(make_mount, simulator, "eager")
    simulator.fault("media", {"stall_at": MIB}, times=-1, kind="video")
    folders = [mount.finished(simulator, name, video=video) for name in ("one", "two")]
    wait_for(lambda: len(asked(simulator)) == 4, "both pieces")
    (folders[0] / "video.mp4").unlink()
    run("rm", "-r", folders[1])
    wait_for(lambda: all(request["done"] for request in simulator.requests(on="media")), "the end of their transfers")
    wait_for(lambda: not list(mount.library.glob("media/*/video*")))
    assert len(asked(simulator)) == 4
    simulator.clear_faults()
    control(folders[0], "fetch")
    wait_for((folders[0] / "video.mp4").exists)
    wait_whole(folders[0])
    assert (folders[0] / "video.mp4").read_bytes() == video.read_bytes()


# --- restart ---

@pytest.mark.parametrize("how", ["end", "kill"])
def test_background_fetching_resumes_after_a_restart(make_mount, simulator, tmp_path, how):
    mount = keeping(make_mount, simulator, "eager")
    video = make_media(tmp_path / "long.bin", 24 * MIB)
    size = video.stat().st_size
    simulator.fault("media", {"rate": 6_000_000}, times=-1, kind="video")
    folder = mount.finished(simulator, video=video)
    wait_for(lambda: int(field(folder, "kept").rstrip("%")) >= 40, "some of it")
    kept = int(field(folder, "kept").rstrip("%"))
    getattr(mount, how)()
    wait_for(lambda: all(request["done"] for request in simulator.requests(on="media")), "the end of its transfer")
    simulator.clear_faults()
    simulator.control("DELETE", "/stats")
    mount.start()
    wait_whole(folder)
    ranges = asked(simulator)
    assert ranges[0][0] >= kept * size // 100 - BLOCK
    assert all(later[0] == earlier[1] + 1 for earlier, later in zip(ranges, ranges[1:])), ranges
    assert simulator.stats()["media_bytes"] <= size - ranges[0][0]
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()


# --- failures ---

def test_a_truncated_download_is_retried(make_mount, simulator, video):
    mount = keeping(make_mount, simulator, "eager")
    simulator.fault("media", {"truncate_at": 70_000}, times=2, kind="video")
    folder = mount.finished(simulator, video=video)
    wait_whole(folder)
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()
    assert "note" not in status(folder)


def test_a_file_that_changes_during_the_download_is_kept_in_its_new_version(make_mount, simulator, video):
    mount = keeping(make_mount, simulator, "eager")
    mount.expect_log("media_failed")
    simulator.fault("media", {"etag": '"before"'}, times=1, kind="video")
    folder = mount.finished(simulator, video=video)
    wait_whole(folder)
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()
    assert len(asked(simulator)) == 4
    assert "note" not in status(folder)


def test_an_expired_link_is_renewed(make_mount, simulator, video):
    mount = keeping(make_mount, simulator, "lazy")
    folder = mount.finished(simulator, video=video)
    simulator.decree(task_id(folder), expire_links=True)
    restart_with(mount, "eager")
    wait_whole(folder)
    assert simulator.stats()["requests"]["get"] >= 1


def test_a_video_that_was_not_kept_in_time_has_a_note(make_mount, simulators, tmp_path, video):
    simulators.append(Simulator(tmp_path, "--link-seconds", "4"))
    simulator = simulators[0]
    mount = keeping(make_mount, simulator, "rescue")
    mount.expect_log("not_kept", "media_failed")
    simulator.fault("media", {"truncate_at": 70_000}, times=-1, kind="video")
    folder = mount.finished(simulator, video=video)
    wait_for(lambda: "fetch" in (field(folder, "note") or ""), "a note", PATIENCE * 2)
    assert "the link expired" in field(folder, "note")
    assert state(folder) == "succeeded" and field(folder, "kept") != "100%"
    assert len(simulator.requests()) < 40
    # It is given up for good, unless a user requests it.
    mount.end()
    simulator.clear_faults()
    simulator.control("DELETE", "/stats")
    mount.start()
    note = field(folder, "note")
    assert "the link expired" in note
    mount.finished(simulator, "later")
    assert asked(simulator, task_id(folder)) == []
    assert field(folder, "note") == note
    control(folder, "fetch")
    wait_for(lambda: asked(simulator, task_id(folder)), "another try")
    wait_for(lambda: "the link expired" in (field(folder, "note") or ""), "what came of it")
    simulator.decree(task_id(folder), expire_links=True)  # the service has a new link after all
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()
    wait_for(lambda: field(folder, "note") is None, "the note's end")


# --- digests that the server states ---

def sha256_of(path):
    return {"Repr-Digest": f"sha-256=:{base64.b64encode(hashlib.sha256(path.read_bytes()).digest()).decode()}:"}


def crc64(data):
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0xc96c5795d7870f42 if n & 1 else 0)
        table.append(n)
    crc = (1 << 64) - 1
    for byte in data:
        crc = table[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ (1 << 64) - 1


@pytest.mark.parametrize("policy", ["eager", "lazy"])
def test_bytes_that_match_their_digest_are_kept(make_mount, simulator, tmp_path, policy):
    video = make_media(tmp_path / "video.bin", 300_000)
    mount = keeping(make_mount, simulator, policy)
    simulator.fault("media", {"headers": {"x-tos-hash-crc64ecma": str(crc64(video.read_bytes()))}}, times=-1,
                    kind="video")
    folder = mount.finished(simulator, video=video)
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()
    wait_whole(folder)
    assert simulator.stats()["media_bytes"] <= video.stat().st_size + len(PNG) + 2 * BLOCK
    assert "note" not in status(folder)


def test_bytes_with_another_digest_are_fetched_once_more(make_mount, simulator, video):
    mount = keeping(make_mount, simulator, "eager")
    mount.expect_log("digest_mismatch")
    simulator.fault("media", {"headers": sha256_of(video), "flip_byte_at": 5 * MIB}, times=3, kind="video")
    simulator.fault("media", {"headers": sha256_of(video)}, times=-1, kind="video")
    folder = mount.finished(simulator, video=video)
    inode = (folder / "video.mp4").stat().st_ino
    wait_whole(folder)
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()
    assert (folder / "video.mp4").stat().st_ino != inode
    assert len(asked(simulator)) == 4
    assert "note" not in status(folder)
    assert [path.name for path in mount.library.glob("media/*/video.*")] .count("video.1") == 0


def test_bytes_that_never_match_their_digest_are_kept_with_a_note(make_mount, simulator, tmp_path, video):
    other = make_media(tmp_path / "other.bin", 1000, seed=9)
    mount = keeping(make_mount, simulator, "lazy")
    mount.expect_log("digest_mismatch")
    simulator.fault("media", {"headers": sha256_of(other)}, times=-1, kind="video")
    folder = mount.finished(simulator, video=video)
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()
    wait_for(lambda: "no download matched" in (field(folder, "note") or ""), "a note", PATIENCE * 2)
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()
    count = len(asked(simulator))
    with contextlib.closing(sqlite3.connect(mount.library / "ledger.sqlite3")) as ledger:
        wait_for(lambda: "no download matched" in str(ledger.execute("SELECT note FROM task").fetchall()), "in the ledger")
    mount.kill()
    mount.start()
    control(folder, "fetch")
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()
    assert "no download matched" in field(folder, "note")
    assert len(asked(simulator)) == count <= 16  # the complete video twice, in growing requests


def test_bytes_with_another_digest_stay_readable_when_a_retry_fails(make_mount, simulator, tmp_path, video):
    other = make_media(tmp_path / "other.bin", 1000, seed=9)
    mount = keeping(make_mount, simulator, "lazy")
    mount.expect_log("digest_mismatch", "output_dead")
    simulator.fault("media", {"headers": sha256_of(other)}, times=-1, kind="video")
    folder = mount.finished(simulator, video=video)
    control(folder, "fetch")
    wait_for(lambda: field(folder, "kept") == "100%")
    simulator.clear_faults()
    simulator.fault("media", {"status": 403, "body": "no"}, times=-1)
    wait_for(lambda: "no download matched" in (field(folder, "note") or ""), "a note", PATIENCE * 2)
    wait_for(lambda: (folder / "video.mp4").exists())
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()


def with_a_limit(most):
    """Answers that accept each link only `most` times."""
    uses = itertools.count(1)

    def how(wire, request, site):
        if next(uses) <= most:
            site.answer_well(wire, request)
        else:
            site.answer_text(wire, "403 Forbidden", b"<Error><Code>AccessDenied</Code></Error>")
    return how


def test_a_link_that_works_a_hundred_times_is_enough(make_mount, simulator, tmp_path):
    """Random reads would exhaust the link; before that, the daemon fetches the rest in a few requests."""
    server = hostile.Server()
    try:
        data = random.Random(1).randbytes(24 * MIB)
        site = server.site("cat", data)
        site.misbehave(with_a_limit(100))
        mount = keeping(make_mount, simulator, "rescue")
        simulator.hold("queued")
        folder = mount.folder("cat")
        simulator.decree(wait_for(lambda: task_id(folder)), link={"video_url": site.url()}, state="succeeded")
        wait_state(folder, "succeeded")
        chance = random.Random(2)
        with open(folder / "video.mp4", "rb") as file:
            for _ in range(400):
                at = chance.randrange(len(data) - BLOCK)
                assert os.pread(file.fileno(), BLOCK, at) == data[at:at + BLOCK], f"{site.count()} requests"
            assert file.read() == data
        wait_whole(folder)
        assert site.count() <= 100
    finally:
        server.stop()
