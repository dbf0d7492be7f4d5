"""Outputs that are whole on disk are read by the kernel itself, where root mounts and libfuse and the kernel allow it.

conftest.py leaves these tests out where libfuse or the kernel are too old (harness.has_passthrough()).
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
    """Everything is brought by the daemon: the kernel has none of it in its caches."""
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


# A process of its own: what waits for the daemon in a page fault would hold up this one. What it asks the daemon for, it
# asks before it says that it is ready.
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
    """That many bytes of a pipe; fewer if no more come."""
    data = b""
    while len(data) < size and select.select([stream], [], [], PATIENCE)[0]:
        piece = os.read(stream.fileno(), MIB)
        if not piece:
            break
        data += piece
    return data


def read_by_kernel(mount, fd, how="read"):
    """All bytes of an open file, read while the daemon is stopped: what it is asked then is never answered."""
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
            os.kill(mount.pid, signal.SIGCONT)  # the reader's end closes the file, which asks the daemon


def test_root_gets_it_and_nobody_else(mount, folder, video):
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()
    assert ("event=passthrough" in mount.log()) == is_root()
    assert "event=no_passthrough" not in mount.log()


@pytest.mark.passes_through
def test_the_kernel_reads_a_whole_video_itself(mount, folder, video):
    data = video.read_bytes()
    with opened(folder / "video.mp4") as first, opened(folder / "video.mp4") as second:
        assert read_by_kernel(mount, first) == data
        assert read_by_kernel(mount, second) == data


@pytest.mark.passes_through
def test_the_kernel_maps_a_whole_video_itself(mount, folder, video):
    with opened(folder / "video.mp4") as fd:
        assert read_by_kernel(mount, fd, "map") == video.read_bytes()


def test_a_video_that_becomes_whole_while_it_is_open(mount, simulator, video):
    """All opens at one time are of one kind: the first one decides."""
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
