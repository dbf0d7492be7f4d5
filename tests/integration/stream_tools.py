"""What the tests of streaming share."""

import os
import subprocess

import pytest

from harness import PNG, make_media

MIB = 1 << 20


@pytest.fixture
def video(tmp_path):
    return make_media(tmp_path / "video.bin", 8 * MIB + 12345)


@pytest.fixture
def folder(mount, simulator, video):
    folder = mount.finished(simulator, video=video)
    simulator.control("DELETE", "/stats")
    return folder


def frame_file(mount):
    path = mount.library.parent / "frame.png"
    path.write_bytes(PNG)
    return path


def start(*command):
    return subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def media_requests(simulator):
    return simulator.requests(on="media")


def read_at(path, offset, size):
    with open(path, "rb", buffering=0) as file:
        return os.pread(file.fileno(), size, offset)


def is_gone_or_zombie(process):
    return process.poll() is not None
