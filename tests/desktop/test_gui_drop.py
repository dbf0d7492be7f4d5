"""Files are dropped into the mount with the mouse, or pasted: each time one order with all files."""

import base64
import os

import pytest

from harness import png, task_id, wait_for
from managers import AREA, EMPTY, drop, each_manager, select_all
from orders import check_orders
from watcher import Watcher

PROMPT = "A kitten yawning at the camera\n"


@pytest.fixture
def mount(make_mount, simulator):
    """A mount whose tasks stay queued, so that their folders hold only what was dropped."""
    simulator.hold("queued")
    return make_mount(simulator, settle=1.5)


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "cat"
    folder.mkdir()
    (folder / "prompt.txt").write_text(PROMPT)
    (folder / "first_frame.png").write_bytes(png(640, 360))
    (folder / "last_frame.png").write_bytes(png(360, 640))
    return folder


def ordered_once(mount, simulator, folder, source, *names):
    """Checks that these files made exactly one create and that the folder still holds them unchanged."""
    wait_for(lambda: (folder / "status").exists() and task_id(folder), f"{folder}: a task id")
    content = simulator.control("GET", "/creates/ark")["body"]["content"]
    assert content[0] == {"type": "text", "text": PROMPT.strip()}
    pictures = {item["role"] + ".png": base64.b64decode(item["image_url"]["url"].split(",")[1]) for item in content[1:]}
    assert pictures == {name: (source / name).read_bytes() for name in names if name.endswith(".png")}
    for name in names:
        assert (folder / name).read_bytes() == (source / name).read_bytes()
    check_orders(mount, simulator, PROMPT.strip())


@each_manager
@pytest.mark.parametrize("what", [["prompt.txt"], ["prompt.txt", "first_frame.png", "last_frame.png"]],
                         ids=["one file", "three files"])
def test_files_dropped_into_a_folder_are_one_order(desktop, mount, simulator, source, manager, what):
    folder = mount.folder("target", prompt=None)
    watcher = Watcher(folder)
    window = manager.open(desktop, folder)
    drop(desktop, manager, window, *[source / name for name in what])
    wait_for(lambda: all((folder / name).exists() for name in what), "what was dropped")
    ordered_once(mount, simulator, folder, source, *what)
    assert_written_in_one_go(watcher, what)


def assert_written_in_one_go(watcher, names):
    """Checks that each file is written under its own name from creation to close, and that no other
    name appears: settling relies on it."""
    events = watcher.events("create", "modify", "close_write", "moved_from", "moved_to", "delete")
    watcher.close()
    for name in names:
        steps = [what for what, whose in events if whose == name]
        assert (steps[0], steps[-1]) == ("create", "close_write") and set(steps) == {"create", "modify", "close_write"}, events
    assert {whose for _, whose in events} - {"status", "task.json"} == set(names), events


@each_manager
def test_a_folder_dropped_into_the_mount_is_one_order(desktop, mount, simulator, source, manager):
    window = manager.open(desktop, mount.path)
    drop(desktop, manager, window, source)
    wait_for((mount.path / "cat").is_dir, "the folder")
    ordered_once(mount, simulator, mount.path / "cat", source, "prompt.txt", "first_frame.png", "last_frame.png")


@each_manager
def test_files_pasted_into_a_new_folder_are_one_order(desktop, mount, simulator, source, manager):
    window = manager.open(desktop, mount.path)
    desktop.still(*AREA)
    dialog = desktop.keys_until(window, manager.new_folder, lambda: desktop.find_window(".", but=[window]), "a dialog")
    desktop.still(*AREA, quiet=0.3)
    desktop.keys(dialog, "ctrl+a")
    desktop.type(dialog, "fresh")
    desktop.keys(dialog, "Return")
    folder = mount.path / "fresh"
    wait_for(folder.is_dir, "the new folder")

    here = manager.open(desktop, source)
    select_all(desktop, here)
    desktop.keys(here, "ctrl+c")
    there = manager.open(desktop, folder)
    desktop.still(*AREA)
    desktop.click(*EMPTY)
    desktop.keys_until(there, "ctrl+v", lambda: os.listdir(folder), "what was pasted")
    ordered_once(mount, simulator, folder, source, "prompt.txt", "first_frame.png", "last_frame.png")


@pytest.mark.parametrize("command", [["gio", "copy"], ["kioclient5", "--noninteractive", "copy"]], ids=["gio", "kioclient"])
def test_files_copied_by_the_desktops_commands_are_one_order(desktop, mount, simulator, source, command):
    folder = mount.folder("target", prompt=None)
    names = ("prompt.txt", "first_frame.png", "last_frame.png")
    (folder / "hold").touch()  # one process for each file: the time between two of them has no bound
    for name in names:
        desktop.ask(*command, source / name, f"{folder}/", check=True)
    (folder / "hold").unlink()
    ordered_once(mount, simulator, folder, source, *names)
