"""What the tests of recovery share: pauses, broken inputs, full disks, and the ledger."""

import contextlib
import errno
import os
import pathlib
import socket
import sqlite3
import threading
import zlib

import pytest

from harness import field, run, settled, task_id, wait_for, wait_state

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


def bytes_on_disk(directory):
    return sum(path.stat().st_blocks for path in directory.rglob("video.1"))


def open_media(mount):
    """The media files that the daemon holds open."""
    found = []
    for fd in (pathlib.Path("/proc") / str(mount.pid) / "fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(os.readlink(fd))
    return [name for name in found if "/media/" in name and "video." in name]


def replace(path, text):
    scratch = path.parent / f".{path.name}.tmp"
    scratch.write_text(text)
    os.rename(scratch, path)
