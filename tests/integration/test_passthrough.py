"""Passthrough: the kernel itself reads outputs that are complete on disk, if root mounts and
libfuse and the kernel support it.

conftest.py leaves these tests out if libfuse or the kernel is too old (harness.has_passthrough()).
"""

import contextlib
import os
import pathlib
import select
import signal
import subprocess
import sys

import pytest

from harness import PATIENCE, control, field, is_root, make_media, task_id, wait_for

MIB = 1 << 20


@pytest.fixture
def video(tmp_path):
    return make_media(tmp_path / "video.bin", 8 * MIB + 12345)


def fetch(folder):
    """Makes the daemon download all bytes, so that the kernel has none of them in its cache."""
    control(folder, "fetch")
    wait_for(lambda: field(folder, "kept") == "100%")


@pytest.fixture
def folder(mount, simulator, video):
    folder = mount.finished(simulator, video=video)
    fetch(folder)
    return folder


@contextlib.contextmanager
def opened(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        yield fd
    finally:
        os.close(fd)


def read_all(fd):
    data, size = b"", os.fstat(fd).st_size
    while len(data) < size:
        got = os.pread(fd, MIB, len(data))
        assert got, "an early end of file"
        data += got
    return data


def threads(mount):
    return [path.read_text().rpartition(")")[2].split()[0] for path in pathlib.Path(f"/proc/{mount.pid}/task").glob("*/stat")]


# A separate process: a page fault that waits for the daemon would block this one. The reader makes
# its own requests to the daemon before it reports that it is ready.
READER = """
import mmap, os, sys
fd, size, how = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
mapped = mmap.mmap(fd, size, prot=mmap.PROT_READ) if how == "map" else None
print(flush=True)
sys.stdin.readline()
at = 0
while at < size:
    piece = mapped[at:at + (1 << 20)] if mapped else os.pread(fd, 1 << 20, at)
    assert piece
    sys.stdout.buffer.write(piece)
    sys.stdout.flush()
    at += len(piece)
"""


def take(stream, size):
    """Returns that many bytes of a pipe, or fewer if no more come."""
    data = b""
    while len(data) < size and select.select([stream], [], [], PATIENCE)[0]:
        piece = os.read(stream.fileno(), MIB)
        if not piece:
            break
        data += piece
    return data


def read_by_kernel(mount, fd, how="read"):
    """Reads all of an open file while the daemon is stopped and can answer no request."""
    size = os.fstat(fd).st_size
    with subprocess.Popen([sys.executable, "-c", READER, str(fd), str(size), how], pass_fds=[fd], bufsize=0,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:
        assert reader.stdout.readline() == b"\n"
        os.kill(mount.pid, signal.SIGSTOP)
        try:
            wait_for(lambda: set(threads(mount)) == {"T"}, "the daemon's stop")
            reader.stdin.write(b"\n")
            return take(reader.stdout, size)
        finally:
            reader.kill()
            os.kill(mount.pid, signal.SIGCONT)  # the end of the reader closes the file, which the daemon must answer


def test_only_root_gets_passthrough(mount, folder, video):
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()
    assert ("event=passthrough" in mount.log()) == is_root()
    assert "event=no_passthrough" not in mount.log()


@pytest.mark.passes_through
def test_the_kernel_reads_a_complete_video_itself(mount, folder, video):
    data = video.read_bytes()
    with opened(folder / "video.mp4") as first, opened(folder / "video.mp4") as second:
        assert read_by_kernel(mount, first) == data
        assert read_by_kernel(mount, second) == data


@pytest.mark.passes_through
def test_the_kernel_maps_a_complete_video_itself(mount, folder, video):
    with opened(folder / "video.mp4") as fd:
        assert read_by_kernel(mount, fd, "map") == video.read_bytes()


def test_a_video_that_becomes_complete_while_open_is_readable(mount, simulator, video):
    """All concurrent opens are of one kind: the first one decides."""
    folder = mount.finished(simulator, video=video)
    with opened(folder / "video.mp4") as before:
        assert os.pread(before, MIB, 0) == video.read_bytes()[:MIB]
        fetch(folder)
        with opened(folder / "video.mp4") as after:
            assert read_all(after) == read_all(before) == video.read_bytes()


@pytest.mark.passes_through
def test_another_version_is_another_inode(mount, simulator, folder, video, tmp_path):
    """The open reader of the old version has all of its bytes; the name has the new ones."""
    old, other = video.read_bytes(), make_media(tmp_path / "other.bin", 8 * MIB + 999, seed=2)
    inode = (folder / "video.mp4").stat().st_ino
    with opened(folder / "video.mp4") as fd:
        (folder / "video.mp4").unlink()
        wait_for(lambda: not list(mount.library.glob("media/*/video*")), "the end of its bytes")
        simulator.decree(task_id(folder), media={"video": str(other)})
        control(folder, "fetch")
        wait_for((folder / "video.mp4").exists)
        fetch(folder)
        assert (folder / "video.mp4").stat().st_ino != inode
        with opened(folder / "video.mp4") as new:
            assert read_by_kernel(mount, new) == other.read_bytes()
        assert b"".join(os.pread(fd, MIB, at) for at in range(0, len(old), MIB)) == old
