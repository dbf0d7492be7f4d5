"""Streaming: bytes are fetched as they are read, and once for all readers."""

import mmap
import os
import pathlib
import signal
import threading
import time

import pytest

from harness import PATIENCE, control, field, is_root, make_media, run, state, status, task_id, wait_for, wait_state
from stream_tools import MIB, frame_file, media_requests, read_at, start
from stream_tools import folder, video  # noqa: F401


# --- what is fetched ---

def test_listing_fetches_nothing(mount, simulator, folder, video):
    run("ls", "-la", folder)
    run("find", mount.path, "-ls")
    run("du", "-a", mount.path)
    assert (folder / "video.mp4").stat().st_size == video.stat().st_size
    run("stat", folder / "video.mp4")
    assert simulator.stats()["media_bytes"] == 0
    assert simulator.stats()["requests"] == {"create": 0, "get": 0, "list": 0, "delete": 0, "media": 0}


def test_reading_the_head_uses_the_bytes_of_the_probe(simulator, folder):
    assert read_at(folder / "video.mp4", 0, 32)[4:8] == b"ftyp"
    assert simulator.stats()["media_bytes"] == 0


def test_a_small_read_fetches_little(simulator, folder, video):
    data = video.read_bytes()
    assert read_at(folder / "video.mp4", 5 * MIB, 100) == data[5 * MIB:5 * MIB + 100]
    assert simulator.stats()["media_bytes"] <= MIB // 2


def test_a_complete_read_fetches_every_byte_once(simulator, folder, video):
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()
    fetched = simulator.stats()["media_bytes"]
    assert video.stat().st_size - 131072 - 4096 <= fetched <= video.stat().st_size
    wait_for(lambda: field(folder, "kept") == "100%")
    run("sh", "-c", 'echo 1 > /proc/sys/vm/drop_caches 2>/dev/null; cat "$1" | cmp - "$2"', "sh", folder / "video.mp4", video)
    assert simulator.stats()["media_bytes"] == fetched


def test_readers_of_the_same_bytes_share_one_transfer(simulator, folder, video):
    data = video.read_bytes()
    results = [None] * 8

    def read(n):
        results[n] = run("sha256sum", folder / "video.mp4").stdout.split()[0]

    threads = [threading.Thread(target=read, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    import hashlib
    assert set(results) == {hashlib.sha256(data).hexdigest()}
    assert simulator.stats()["media_bytes"] <= len(data) * 1.01


# The kernel reads an ordinary user's mount in pieces of 128 KiB, so the daemon cannot see that a
# reader wants all of it. Requests then grow with the amount read: five or six of them, and a few
# more when read-ahead arrives out of order on a busy machine.
RAMP = 12


def test_a_sequential_read_is_one_request(simulator, folder, video):
    """A reader never waits for the latency of a further request."""
    run("dd", f"if={folder / 'video.mp4'}", "of=/dev/null", "bs=1M")
    requests = len(media_requests(simulator))
    assert requests <= (1 if is_root() else RAMP), [(r['bytes'], r.get('range')) for r in media_requests(simulator)]
    run("cmp", folder / "video.mp4", video)
    assert len(media_requests(simulator)) == requests


def test_reading_head_end_and_head_again_fetches_little(simulator, folder, video):
    """The pattern of ffprobe on a video with its index at the end: 32 KiB, the index, the first frame."""
    data = video.read_bytes()
    with open(folder / "video.mp4", "rb", buffering=0) as file:
        assert file.read(32768) == data[:32768]
        file.seek(len(data) - 5000)
        assert file.read(32768) == data[-5000:]
        file.seek(44)
        assert os.read(file.fileno(), 388_498) == data[44:44 + 388_498]
    assert len(media_requests(simulator)) <= (3 if is_root() else 6), media_requests(simulator)
    assert simulator.stats()["media_bytes"] <= 1_500_000, media_requests(simulator)


@pytest.fixture(scope="module")
def end_indexed(tmp_path_factory):
    """A video of several MB with its index at the end."""
    path = tmp_path_factory.mktemp("video") / "end.mp4"
    run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=duration=6:size=640x360:rate=12,noise=alls=60:allf=t",
        "-c:v", "mpeg4", "-b:v", "8M", "-g", "200", path)
    data = path.read_bytes()
    assert data.index(b"mdat") < data.index(b"moov") and len(data) > 4 * MIB
    return path


def test_ffprobe_fetches_little(mount, simulator, end_indexed):
    folder = mount.finished(simulator, video=end_indexed)
    simulator.control("DELETE", "/stats")
    shown = run("ffprobe", "-v", "error", "-show_entries", "stream=width,nb_frames", "-of", "csv=p=0", folder / "video.mp4")
    assert shown.stdout.strip() == "640,72"
    assert len(media_requests(simulator)) <= 3, media_requests(simulator)
    assert simulator.stats()["media_bytes"] <= 1_500_000, media_requests(simulator)


@pytest.fixture
def long_video(tmp_path):
    return make_media(tmp_path / "long.bin", 64 * MIB + 12345)


def kept_bytes(folder, size):
    return int(field(folder, "kept").rstrip("%")) * size // 100


def test_read_ahead_stays_near_a_reader_that_pauses(mount, simulator, long_video):
    folder, size = mount.finished(simulator, video=long_video), long_video.stat().st_size
    with open(folder / "video.mp4", "rb", buffering=0) as file, open(long_video, "rb") as right:
        for _ in range(5):
            assert file.read(MIB) == right.read(MIB)
        assert kept_bytes(folder, size) < 45 * MIB
        wait_for(lambda: is_over(simulator), "the end of a transfer that nobody follows", 15)
        assert kept_bytes(folder, size) < 45 * MIB
        assert file.read(9 * MIB) == right.read(9 * MIB)
    run("cmp", folder / "video.mp4", long_video)
    wait_for(lambda: field(folder, "kept") == "100%")


def test_a_seek_far_ahead_of_a_sequential_reader_gets_its_own_request(simulator, mount, long_video):
    folder, data = mount.finished(simulator, video=long_video), long_video.read_bytes()
    simulator.control("DELETE", "/stats")
    with open(folder / "video.mp4", "rb", buffering=0) as file:
        assert file.read(MIB) == data[:MIB]
        assert os.pread(file.fileno(), 65536, 48 * MIB) == data[48 * MIB:48 * MIB + 65536]
        assert kept_bytes(folder, len(data)) < 32 * MIB
    run("cmp", folder / "video.mp4", long_video)
    # This is a loose limit: on a busy machine, the request may end between two readers.
    assert len(media_requests(simulator)) <= (8 if is_root() else 8 + 4 * RAMP)
    wait_for(lambda: field(folder, "kept") == "100%")


def is_over(simulator):
    return all(request["done"] for request in media_requests(simulator))


@pytest.fixture
def slow(mount, simulator, long_video):
    """A video that its server needs half a minute to send."""
    folder = mount.finished(simulator, video=long_video)
    simulator.control("DELETE", "/stats")
    simulator.fault("media", {"rate": 2_000_000}, times=-1)
    return folder / "video.mp4"


def test_the_transfer_of_a_reader_that_read_the_head_ends_with_it(simulator, slow):
    assert start("head", "-c", MIB, slow).wait(PATIENCE) == 0
    wait_for(lambda: is_over(simulator), "the transfer's end", 2)
    assert simulator.stats()["media_bytes"] < 16 * MIB


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGKILL])
def test_the_transfer_of_an_interrupted_reader_ends_with_it(mount, simulator, slow, kind):
    reader = start("cat", slow)
    wait_for(lambda: media_requests(simulator))
    wait_for(lambda: int(field(slow.parent, "kept").rstrip("%")) >= 2, "bytes that come")
    began = time.monotonic()
    reader.send_signal(kind)
    reader.wait(PATIENCE)
    assert time.monotonic() - began < 1.5
    wait_for(lambda: is_over(simulator), "the transfer's end", 2.5)


def test_a_transfer_ends_with_its_reader_although_another_has_the_file_open(simulator, slow, long_video):
    """The other reader reads nothing: read-ahead for the first one must stop all the same."""
    with open(slow, "rb", buffering=0) as staying:
        assert staying.read(1000)
        reader = start("cat", slow)
        wait_for(lambda: int(field(slow.parent, "kept").rstrip("%")) >= 2, "bytes that come")
        reader.send_signal(signal.SIGINT)
        reader.wait(PATIENCE)
        wait_for(lambda: is_over(simulator), "the transfer's end", 4)
        simulator.clear_faults()
        assert os.pread(staying.fileno(), 5000, 40 * MIB) == long_video.read_bytes()[40 * MIB:40 * MIB + 5000]


def test_random_reads_are_right(simulator, folder, video):
    import random
    data = video.read_bytes()
    rng = random.Random(7)
    with open(folder / "video.mp4", "rb", buffering=0) as file:
        for _ in range(60):
            offset, size = rng.randrange(len(data)), rng.choice([1, 4095, 4096, 65536, 300000])
            assert os.pread(file.fileno(), size, offset) == data[offset:offset + size]
        assert os.pread(file.fileno(), 10, len(data)) == b""
        assert os.pread(file.fileno(), 100, len(data) - 5) == data[-5:]


def test_a_video_can_be_mapped(folder, video):
    with open(folder / "video.mp4", "rb") as file:
        with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
            assert mapped[3 * MIB:3 * MIB + 1000] == video.read_bytes()[3 * MIB:3 * MIB + 1000]


def test_a_video_is_reported_without_holes(folder):
    fd = os.open(folder / "video.mp4", os.O_RDONLY)
    size = os.fstat(fd).st_size
    assert os.lseek(fd, 0, os.SEEK_DATA) == 0 and os.lseek(fd, 0, os.SEEK_HOLE) == size
    assert os.fstat(fd).st_blocks >= 8
    os.close(fd)


@pytest.mark.parametrize("copier", ['cp -r "$1" "$2"', 'cp --sparse=always -r "$1" "$2"', 'rsync -aS "$1"/ "$2"',
                                    'mkdir "$2"; tar -C "$1" -cS . | tar -C "$2" -x'])
def test_copiers_copy_every_byte(folder, video, tmp_path, copier):
    run("bash", "-c", copier, "bash", folder, tmp_path / "out")
    assert (tmp_path / "out" / "video.mp4").read_bytes() == video.read_bytes()


def test_the_key_never_goes_to_the_media_host(simulator, folder, video):
    (folder / "video.mp4").read_bytes()
    for request in media_requests(simulator):
        assert "authorization" not in request["headers"]
        assert request["method"] == "GET"


# --- a server that fails ---

@pytest.mark.parametrize("action", [{"status": 503}, {"status": 429, "headers": {"Retry-After": "1"}},
                                    {"truncate_at": 100_000}, {"truncate_at": 0}, {"close": "before"},
                                    {"ignore_range": True}, {"rate": 4_000_000}])
def test_a_server_that_fails_twice_is_invisible_to_the_reader(mount, simulator, folder, video, action):
    simulator.fault("media", action, times=2)
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()
    assert state(folder) == "succeeded"


def test_expired_links_are_renewed(mount, simulator, folder, video):
    simulator.decree(task_id(folder), expire_links=True)
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()
    assert simulator.stats()["requests"]["get"] >= 1


def test_bytes_of_another_range_are_rejected(mount, simulator, folder, video):
    mount.expect_log("media_failed")
    simulator.fault("media", {"shift_range": 4096}, times=1)
    try:
        data = (folder / "video.mp4").read_bytes()
    except OSError:
        data = None
    assert data is None or data == video.read_bytes()
    wait_for((folder / "video.mp4").exists)
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()


def test_persistent_failure_ends_in_a_read_error_and_a_reason_in_status(mount, simulator, folder, video):
    mount.expect_log("media_failed")
    simulator.fault("media", {"status": 403, "body": "no"}, times=-1)
    with pytest.raises(OSError):
        read_at(folder / "video.mp4", 4 * MIB, 100)
    wait_for(lambda: "HTTP status 403" in status(folder))
    assert state(folder) == "succeeded"
    simulator.clear_faults()
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()
    wait_for(lambda: "HTTP status 403" not in status(folder))


def test_a_video_is_shown_once_its_size_is_known(mount, simulator, video):
    simulator.hold("queued")
    folder = mount.folder()
    task = wait_for(lambda: task_id(folder))
    simulator.fault("media", {"status": 400, "body": {"code": "video_not_ready"}}, times=3, kind="video")
    simulator.decree(task, media={"video": str(video), "last_frame": str(frame_file(mount))}, state="succeeded")
    was_held_back = False
    while not (folder / "video.mp4").exists():
        was_held_back = was_held_back or state(folder) == "running"
    assert state(folder) == "succeeded"
    assert was_held_back
    assert (folder / "video.mp4").stat().st_size == video.stat().st_size


def test_a_success_without_a_video_link_is_explained(mount, simulator):
    mount.expect_log("output_dead")
    simulator.hold("queued")
    folder = mount.folder()
    task = wait_for(lambda: task_id(folder))
    simulator.decree(task, omit_video_url=True, state="succeeded")
    wait_state(folder, "succeeded")
    assert not (folder / "video.mp4").exists()
    assert "is not available" in (folder / "error.txt").read_text()


# --- open files ---

def open_media(mount):
    """The daemon's open files below media/, as the kernel names them."""
    links = []
    for fd in pathlib.Path(f"/proc/{mount.pid}/fd").iterdir():
        try:
            links.append(os.readlink(fd))
        except OSError:
            pass
    return [link for link in links if link.startswith(f"{mount.library}/media/")]


def finished_folders(mount, simulator, count):
    """Creates several tasks that have succeeded."""
    frame = frame_file(mount)
    return mount.finished_all(simulator, count, frame, frame)


def test_a_reader_that_reopens_the_file_keeps_its_window(simulator, folder, video):
    data = video.read_bytes()
    simulator.fault("media", {"rate": 8_000_000}, times=-1)
    for n in range(4):
        assert read_at(folder / "video.mp4", n * MIB, MIB) == data[n * MIB:(n + 1) * MIB]
        wait_for(lambda: all(request["done"] for request in media_requests(simulator)), "the end of its transfer")
    ranges = [tuple(map(int, request["range"].removeprefix("bytes=").split("-"))) for request in media_requests(simulator)]
    assert max(last - first for first, last in ranges if first >= MIB) > 2 * MIB, f"its window began anew: {ranges}"


def test_a_file_that_nobody_has_open_is_closed_after_a_while(mount, folder):
    assert read_at(folder / "video.mp4", 0, 16)
    assert any("video" in name for name in open_media(mount))
    wait_for(lambda: not open_media(mount), "the end of its lingering")


def test_removing_a_video_frees_its_disk_space(mount, simulator, folder, video):
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()
    (folder / "video.mp4").unlink()
    wait_for(lambda: not any("/video" in name for name in open_media(mount)), "its file's end", 20)
    wait_for(lambda: not list(mount.library.glob("media/*/video*")))
    control(folder, "fetch")
    wait_for((folder / "video.mp4").exists)
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()


def test_an_open_video_can_be_read_after_its_removal(mount, folder, video):
    with open(folder / "video.mp4", "rb") as file:
        (folder / "video.mp4").unlink()
        assert file.read() == video.read_bytes()
    wait_for(lambda: not any("/video" in name for name in open_media(mount)), "its file's end", 20)


def test_many_tasks_use_few_descriptors(make_mount, simulator):
    mount = make_mount(simulator, options=["submissions_per_hour=1000"])
    folders = finished_folders(mount, simulator, 200)
    wait_for(lambda: not open_media(mount))
    for folder in folders:
        (folder / "video.mp4").stat()
        status(folder)
    assert not open_media(mount)
    for folder in folders:
        assert read_at(folder / "video.mp4", 0, 16)
    wait_for(lambda: len(open_media(mount)) <= 64, "the end of those that are too many", 1.5)
