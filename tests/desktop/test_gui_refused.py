"""What people see in file managers when a dropped file is refused or its order cannot be sent: the
text of the dialog, and what the folder says.
"""

import pytest

from disk import fill
from harness import field, state, wait_for, wait_state
from managers import AREA, answer_replace, drop, each_manager
from orders import check_orders
from trouble import assert_waits_for_service

PROMPT = "A kitten yawning at the camera\n"
BAD = '{"prompt": "A fox", "durration": 5}\n'
UNKNOWN_KEY = 'unknown key "durration"'
# Errors in the file itself are reported at its close; {path} is the file's path in the mount.
CLOSING = {
    "thunar": ["Error closing file.", "Invalid argument."],
    "nautilus": ["Error while copying “{name}”.", "Error closing file: Invalid argument"],
    "pcmanfm": ["The file operation was completed with errors.", "{name}: Error closing file: Invalid argument"],
    "dolphin": ["Could not write to file {path}."],
}
LOCKED = {
    "thunar": ["Error opening file “{path}”.", "Permission denied."],
    "nautilus": ["Error while copying “{name}”.", "Error opening file “{path}”: Permission denied"],
    "pcmanfm": ["{name}: Error opening file “{path}”: Permission denied"],
    "dolphin": ["Access denied.\nCould not write to {path}.part."],
}
FULL = {
    "thunar": ["Error opening file “{path}”.", "No space left on device."],
    "nautilus": ["Error while copying “{name}”.", "Error opening file “{path}”: No space left on device"],
    "pcmanfm": ["{name}: Error opening file “{path}”: No space left on device"],
    "dolphin": ["Could not write to {path}."],
}


def check_told(desktop, manager, told, path):
    desktop.wait_told(manager.name, *(text.format(path=path, name=path.name) for text in told[manager.name]))
    desktop.shot("told")


def drop_into(desktop, manager, folder, source):
    """Drops files into a window of the folder; returns that window and the one they are dragged from."""
    window = manager.open(desktop, folder, with_names=True)
    return window, drop(desktop, manager, window, source)


@pytest.fixture
def source(tmp_path):
    """Creates a file outside the mount."""
    (tmp_path / "outside").mkdir()

    def make(name, text):
        path = tmp_path / "outside" / name
        path.write_text(text)
        return path

    return make


# --- a bad request ---

@each_manager
@pytest.mark.parametrize("name, text, why", [
    ("request.json", BAD, UNKNOWN_KEY),
    ("prompt.txt", "A fox --dur long\n", "--dur"),
    ("prompt.txt", "A fox --dur 99\n", '"duration" is 99; allowed'),
], ids=["an unknown key", "a bad flag", "a value for no model"])
def test_a_bad_request_is_reported(desktop, mount, simulator, source, manager, name, text, why):
    """The dialog can only say that it is not valid; the folder says why."""
    folder = mount.folder(prompt=None)
    dropped = source(name, text)
    drop_into(desktop, manager, folder, dropped)
    check_told(desktop, manager, CLOSING, folder / name)
    assert dropped.read_text() == text
    if manager.removes_refused:
        wait_for(lambda: why in (field(folder, "waiting") or ""), "the reason in status")
        assert "rejected" in field(folder, "waiting") and not (folder / name).exists()
    else:
        wait_state(folder, "invalid")
        assert why in (folder / "error.txt").read_text() and "nothing was billed" in (folder / "error.txt").read_text()
        assert (folder / name).read_text() == text
    check_orders(mount, simulator)


@each_manager
def test_a_value_that_the_model_does_not_support_shows_error_txt(desktop, mount, simulator, source, manager):
    """Another model supports it and could still be named, so the close succeeds, and error.txt
    appears in the window."""
    folder = mount.folder(prompt=None)
    drop_into(desktop, manager, folder, source("prompt.txt", "A fox --dur 30\n"))
    wait_for((folder / "error.txt").exists, "error.txt")
    manager.wait_shown(desktop, "error.txt", "prompt.txt")
    assert '"duration" is 30; allowed' in (folder / "error.txt").read_text()
    assert (folder / "prompt.txt").read_text() == "A fox --dur 30\n"
    check_orders(mount, simulator)


# --- locked files ---

@each_manager
def test_a_prompt_dropped_onto_a_locked_one_is_refused(desktop, mount, simulator, source, manager):
    simulator.hold("queued")
    locked = mount.folder()
    wait_state(locked, "queued")
    dropped = source("prompt.txt", "Another prompt\n")
    windows = drop_into(desktop, manager, locked, dropped)
    answer_replace(desktop, manager, windows)
    check_told(desktop, manager, LOCKED, locked / "prompt.txt")
    wait_for(lambda: (locked / "prompt.txt").read_text() == PROMPT, "the prompt as it was")
    assert sorted(path.name for path in locked.iterdir()) == ["prompt.txt", "status", "task.json"]
    assert dropped.read_text() == "Another prompt\n" and state(locked) == "queued"
    check_orders(mount, simulator, PROMPT.strip())


def test_a_part_file_for_a_locked_trigger_is_refused_at_its_creation(mount, simulator):
    """KDE programs would not report a refusal of the final rename."""
    simulator.hold("queued")
    locked = mount.folder()
    wait_state(locked, "queued")
    for name in ("prompt.txt.part", "request.json.part"):
        with pytest.raises(PermissionError):
            open(locked / name, "w")
    (locked / "notes.txt.part").write_text("x")
    (locked / "first.part").write_text("x")
    (locked.parent / "prompt.txt.part").write_text("x")


# --- the disk is full ---

@each_manager
def test_a_full_disk_is_reported(small_mount, desktop, simulator, source, manager):
    """Nothing is ordered, and everything works once there is space."""
    folder = small_mount.folder(prompt=None)
    dropped = source("prompt.txt", PROMPT)
    filling = fill(small_mount.library)
    drop_into(desktop, manager, folder, dropped)
    check_told(desktop, manager, FULL, folder / "prompt.txt")
    assert dropped.read_text() == PROMPT and list(folder.iterdir()) == []
    filling.unlink()
    check_orders(small_mount, simulator)
    (folder / "prompt.txt").write_text(PROMPT)
    wait_state(folder, "queued")


# --- the service is unreachable ---

@each_manager
def test_a_drop_works_while_the_service_is_unreachable(desktop, away, source, manager):
    """The order waits, and its status says why. No dialog appears."""
    folder = away.folder(prompt=None)
    windows = drop_into(desktop, manager, folder, source("prompt.txt", PROMPT))
    assert_waits_for_service(folder)
    desktop.still(*AREA)
    assert set(desktop.windows()) == set(windows)
    assert (folder / "prompt.txt").read_text() == PROMPT
