"""The same operations in a plain folder and in the mount.

A test that takes `place` runs in both and expects the same; one that takes `folder` runs in the mount only.
"""

import contextlib
import ctypes
import os
import subprocess
import sys

import pytest

import harness

LIBC = ctypes.CDLL(None, use_errno=True)
NOREPLACE, EXCHANGE = 1, 2
KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE = 1, 2, 16
ODD_NAMES = [b"n" * 255, "Ж猫🐈.txt".encode(), "e\u0301".encode(), "\u00e9".encode(), b"\xff\xfe odd \x01", b" ", b"-rf", b"a\nb",
             b"*?[]\\\"'"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One mount that several tests share."""
    directory = tmp_path_factory.mktemp("shared")
    simulator = harness.Simulator(directory)
    mount = harness.Mount(directory, simulator).start()
    yield mount
    assert simulator.creates() == 0, "plain files never order anything"
    mount.end()
    mount.check_log()
    simulator.stop()


@pytest.fixture(params=["plain", "mount"])
def place(request, tmp_path):
    """An empty folder, once on the filesystem below and once in the mount."""
    if request.param == "plain":
        return tmp_path
    path = request.getfixturevalue("shared").path / request.node.name.replace("/", "_")[:200]
    path.mkdir()
    return path


@pytest.fixture
def folder(shared, request):
    """An empty folder in the mount only."""
    path = shared.path / request.node.name[:200]
    path.mkdir()
    return path


def below(shared, path):
    return shared.library / "tree" / path.relative_to(shared.path)


@contextlib.contextmanager
def opened(path, flags=os.O_RDONLY, mode=0o644, **options):
    fd = os.open(path, flags, mode, **options)
    try:
        yield fd
    finally:
        os.close(fd)


@contextlib.contextmanager
def refused(*errors):
    with pytest.raises(OSError) as caught:
        yield
    assert caught.value.errno in errors, caught.value


def renameat2(old, new, flags):
    if LIBC.renameat2(-100, os.fsencode(old), -100, os.fsencode(new), flags):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(old))


def fallocate(fd, mode, offset, length):
    if LIBC.fallocate(fd, mode, ctypes.c_long(offset), ctypes.c_long(length)):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def link_descriptor(fd, new):
    if LIBC.linkat(-100, b"/proc/self/fd/%d" % fd, -100, os.fsencode(new), 0x400):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def child(code, *arguments, **options):
    """Starts another process and waits until it prints "ready"."""
    process = subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True, preexec_fn=harness.die_with_parent, **options)
    assert process.stdout.readline() == "ready\n"
    return process


def finish(process):
    output, _ = process.communicate("\n", timeout=harness.PATIENCE)
    assert process.returncode == 0
    return output
