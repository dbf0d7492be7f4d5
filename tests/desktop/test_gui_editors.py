"""Prompts written in desktop editors: a save is an order, a second save while it is pending
replaces it, and a locked prompt is kept."""

import pytest

from disk import fill, read_renamed
from harness import wait_state
from orders import check_orders
from trouble import assert_waits_for_service

EDITORS = ["gedit", "gnome-text-editor"]
each_editor = pytest.mark.parametrize("editor", EDITORS)
PROMPT = "A kitten yawning at the camera\n"


def edit(desktop, editor, path):
    """Opens the file in a window of the editor, and waits until it is still and in front."""
    desktop.spawn(editor, path)
    window = desktop.window(rf"^{path.name}\b")
    desktop.place(window, 100, 50, 900, 600)
    desktop.still(120, 130, 860, 480, quiet=0.3)
    desktop.focus(window)
    return window


def replace_text(desktop, window, text):
    """Replaces all text; a repetitive text is copied and pasted instead of typed."""
    piece, doublings = text, 0
    while len(piece) > 60 and piece[:len(piece) // 2] * 2 == piece:
        piece, doublings = piece[:len(piece) // 2], doublings + 1
    desktop.keys(window, "ctrl+a")
    desktop.type(window, piece)
    desktop.keys(window, *["ctrl+a", "ctrl+c", "ctrl+v", "ctrl+v"] * doublings)


def save_new_text(desktop, window, text, condition, what):
    replace_text(desktop, window, text)
    desktop.keys_until(window, "ctrl+s", condition, what)


@each_editor
def test_two_saves_while_pending_are_one_order(desktop, make_mount, simulator, editor):
    simulator.hold("queued")
    mount = make_mount(simulator, settle=5)
    folder = mount.folder("cat", prompt=None)
    (folder / "hold").touch()
    (folder / "prompt.txt").touch()
    window = edit(desktop, editor, folder / "prompt.txt")
    prompt = folder / "prompt.txt"
    save_new_text(desktop, window, "A first thought", lambda: "A first thought\n" == prompt.read_text(), "the first save")
    wait_state(folder, "pending")
    save_new_text(desktop, window, "A better one", lambda: "A better one\n" == prompt.read_text(), "the second save")
    (folder / "hold").unlink()
    wait_state(folder, "queued")
    assert simulator.creates() == 1
    content = simulator.control("GET", "/creates/ark")["body"]["content"]
    assert content == [{"type": "text", "text": "A better one"}]
    desktop.shot("saved")


# What they show for a failed save, before the system's own words: a bar in the window, or a dialog.
FAILED = {"gedit": "Could not save the file “{path}”.", "gnome-text-editor": "Failed to save document"}


def save_and_be_told(desktop, editor, window, text, *told):
    """Saves, and checks that the editor reports a failure and still has the complete new text."""
    replace_text(desktop, window, text)
    desktop.keys(window, "ctrl+s")
    desktop.wait_told(editor, *told, text)
    desktop.shot("told")


@each_editor
def test_saving_over_a_locked_prompt_is_reported(desktop, mount, simulator, editor):
    simulator.hold("queued")
    folder = mount.folder()
    wait_state(folder, "queued")
    path = folder / "prompt.txt"
    window = edit(desktop, editor, path)
    told = {"gedit": ["You do not have the permissions necessary to save the file."],
            "gnome-text-editor": [FAILED[editor], "Permission denied"]}
    save_and_be_told(desktop, editor, window, "Something else", *told[editor])
    assert path.read_text() == PROMPT
    assert sorted(path.name for path in folder.iterdir()) == ["prompt.txt", "status", "task.json"]
    check_orders(mount, simulator, PROMPT.strip())


@each_editor
@pytest.mark.parametrize("name, old, text, why", [
    ("request.json", '{"prompt": "A fox"}', '{"prompt": "A fox", "durration": 5}', 'did you mean "duration"?'),
    ("prompt.txt", "A fox", "A fox --dur long", "--dur"),
], ids=["an unknown key", "a bad flag"])
def test_saving_a_bad_request_is_reported(desktop, mount, simulator, editor, name, old, text, why):
    """The editor can only say that it is not valid; the folder says why and has the text."""
    folder = mount.folder(prompt=None)
    path = folder / name
    (folder / "hold").touch()
    path.write_text(old)
    window = edit(desktop, editor, path)
    save_and_be_told(desktop, editor, window, text, FAILED[editor].format(path=path), "Error closing file: Invalid argument")
    (folder / "hold").unlink()
    wait_state(folder, "invalid")
    assert why in (folder / "error.txt").read_text() and "nothing was billed" in (folder / "error.txt").read_text()
    assert path.read_text() == text + "\n"
    check_orders(mount, simulator)


@each_editor
def test_saving_on_a_full_disk_is_reported(small_mount, desktop, simulator, editor):
    """Nothing is ordered; once there is space, the next save is an order."""
    folder = small_mount.folder(prompt=None)
    path = folder / "prompt.txt"
    path.touch()
    window = edit(desktop, editor, path)
    text = "A fox that jumps over a hedge, seen from a drone. " * 32
    filling = fill(small_mount.library)
    why = {"gedit": "There is not enough disk space to save the file.", "gnome-text-editor": "No space left on device"}
    save_and_be_told(desktop, editor, window, text, FAILED[editor].format(path=path), why[editor])
    filling.unlink()
    check_orders(small_mount, simulator)
    if editor == "gnome-text-editor":
        desktop.keys(desktop.window("^Failed to save document$"), "Return")
    else:  # the bar must be closed before the next save
        desktop.click_in(window, -30, 85)
    desktop.keys_until(window, "ctrl+s", lambda: read_renamed(path) == text + "\n", "a save")
    wait_state(folder, "queued")
    check_orders(small_mount, simulator, text.strip())


@each_editor
def test_saving_works_while_the_service_is_unreachable(desktop, away, editor):
    """The editor reports no error: the order waits, and its status says why."""
    folder = away.folder(prompt=None)
    (folder / "prompt.txt").touch()
    window = edit(desktop, editor, folder / "prompt.txt")
    save_new_text(desktop, window, "A fox", lambda: "A fox\n" == (folder / "prompt.txt").read_text(), "the save")
    assert_waits_for_service(folder)
    desktop.wait_told(editor, "A fox")
    assert list(desktop.windows()) == [window]
    assert not any(FAILED[editor].split("“")[0] in text for text in desktop.texts(editor))
