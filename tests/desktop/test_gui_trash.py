"""A file manager moves a task's folder to the trash and back: it is the same task, ordered once."""

import os

import pytest

from harness import field, make_media, state, wait_for, wait_state
from managers import AREA, each_manager, select_all
from orders import check_orders


@pytest.fixture
def mount(make_mount, simulator):
    simulator.hold("queued")
    return make_mount(simulator)


def throw(desktop, manager, mount, folder):
    """Moves all that a window on the parent folder shows to the trash."""
    window = manager.open(desktop, folder.parent)
    select_all(desktop, window)
    if manager.confirms_trash:
        question = desktop.keys_until(window, "Delete", lambda: desktop.find_window(".", but=[window]), "the question")
        desktop.keys(question, "Return")
        wait_for(lambda: not folder.exists(), "the folder's going")
    else:
        desktop.keys_until(window, "Delete", lambda: not folder.exists(), "the folder's going")
    return window


def restore(desktop, manager, window, folder):
    """Restores by undo, or by the trash's menu. The trash also shows what other mounts have in theirs."""
    if manager.undo:
        desktop.keys_until(window, manager.undo, folder.exists, "the folder's return")
        return
    lines = desktop.ask("gio", "trash", "--list", check=True).stdout.splitlines()
    [place] = [line.split("\t")[0] for line in lines if line.endswith(f"\t{folder}")]
    desktop.ask("gio", "trash", "--restore", place, check=True)


def check_thrown_and_restored(desktop, manager, mount, folder, phase):
    """Moves the folder to the trash and back, and checks that its contents are unchanged."""
    task, names = field(folder, "task"), sorted(os.listdir(folder))
    window = throw(desktop, manager, mount, folder)
    desktop.still(*AREA)  # undo is available once the operation is complete
    desktop.shot("thrown")
    if not manager.trash_copies:
        thrown = mount.path / f".Trash-{os.getuid()}" / "files" / folder.name
        assert state(thrown) == phase and field(thrown, "task") == task
    restore(desktop, manager, window, folder)
    wait_for(lambda: folder.exists() and sorted(os.listdir(folder)) == names, "the folder as it was")
    assert (folder / "prompt.txt").read_text() == "A kitten yawning at the camera\n"


@each_manager
def test_a_task_restored_from_the_trash_is_the_same_task(desktop, mount, simulator, manager):
    folder = mount.folder("film/cat")
    wait_state(folder, "queued")
    task = field(folder, "task")
    check_thrown_and_restored(desktop, manager, mount, folder, "queued")
    if manager.trash_copies:  # a copy of a removed task: no order
        assert [task["state"] for task in simulator.tasks()] == ["cancelled"]
    else:
        simulator.decree(task, state="succeeded")
        wait_state(folder, "succeeded")
        assert field(folder, "task") == task and (folder / "video.mp4").read_bytes()
    check_orders(mount, simulator, "A kitten yawning at the camera")


@each_manager
def test_a_finished_task_restored_from_the_trash_has_its_video(desktop, mount, simulator, tmp_path, manager):
    """If the trash holds copies, the restored folder is an archive."""
    video = make_media(tmp_path / "video", 300_000)
    folder = mount.finished(simulator, "film/cat", video=video)
    task = field(folder, "task")
    check_thrown_and_restored(desktop, manager, mount, folder, "succeeded")
    wait_for(lambda: (folder / "video.mp4").read_bytes() == video.read_bytes(), "the video")
    wait_for(lambda: state(folder) == "succeeded" and field(folder, "task") == task, "what status says")
    check_orders(mount, simulator, "A kitten yawning at the camera")
