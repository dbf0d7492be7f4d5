"""What people see when the mount refuses: the folder of a task that was sent is locked."""

import pytest

from harness import wait_for, wait_state
from managers import drop, each_manager

PROMPT = "A kitten yawning at the camera\n"


@pytest.fixture
def locked(make_mount, simulator):
    simulator.hold("queued")
    folder = make_mount(simulator).folder()
    wait_state(folder, "queued")
    return folder


@each_manager
def test_another_prompt_dropped_onto_a_locked_one(desktop, locked, simulator, tmp_path, manager):
    other = tmp_path / "prompt.txt"
    other.write_text("Another prompt\n")
    window = manager.open(desktop, locked)
    source = drop(desktop, manager, window, other)
    question = desktop.window(manager.replace_title, but=[window, source])
    if isinstance(manager.replace_button, str):
        desktop.press("push button", manager.replace_button)
    else:
        desktop.click_in(question, *manager.replace_button)
    desktop.window(manager.error_title, but=[window, source])
    desktop.shot("error")
    wait_for(lambda: (locked / "prompt.txt").read_text() == PROMPT, "the prompt as it was")
    assert sorted(path.name for path in locked.iterdir()) == ["prompt.txt", "status", "task.json"]
    assert simulator.creates() == 1


def test_a_part_of_a_locked_file_is_refused_where_it_begins(locked):
    """KDE's programs would show nothing of the refused rename that ends it."""
    for name in ("prompt.txt.part", "request.json.part"):
        with pytest.raises(PermissionError):
            open(locked / name, "w")
    (locked / "notes.txt.part").write_text("x")
    (locked / "first.part").write_text("x")
    (locked.parent / "prompt.txt.part").write_text("x")
