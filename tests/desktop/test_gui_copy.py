"""A task's folder that was saved elsewhere is brought back with the mouse: no order, whatever the program asks."""

import os
import pathlib
import shutil
import tempfile

import pytest

from harness import field, state, wait_for, wait_state
from managers import drop, each_manager


@pytest.fixture
def saved():
    """Its trigger is listed first (tmpfs lists what was made last), and what would tell the copy comes after it."""
    directory = pathlib.Path(tempfile.mkdtemp(dir="/dev/shm"))
    folder = directory / "cat"
    folder.mkdir()
    (folder / "video.mp4").write_bytes(b"x" * 100_000)
    (folder / "task.json").write_text("{}")
    (folder / "status").write_text("succeeded\nprovider: ark\n")
    (folder / "prompt.txt").write_text("A cat\n")
    assert os.listdir(folder)[:2] == ["prompt.txt", "status"]
    yield folder
    shutil.rmtree(directory)


@each_manager
def test_a_saved_folder_is_brought_back(desktop, make_mount, simulator, manager, saved):
    mount = make_mount(simulator, settle=1.5)
    window = manager.open(desktop, mount.path)
    drop(desktop, manager, window, saved)
    folder = mount.path / "cat"

    def is_over():
        """All of it is there, or the program asks what to do, and the folder says that it waits."""
        if not (folder / "status").exists():
            return False
        return (folder / "video.mp4").exists() or "copied" in (field(folder, "waiting") or "")

    wait_for(is_over, "the copy")
    marker = mount.folder("marker", "marker")
    wait_state(marker, "succeeded")
    assert simulator.creates() == 1, "the copy was ordered"
    assert state(folder) in ("succeeded", "pending")
