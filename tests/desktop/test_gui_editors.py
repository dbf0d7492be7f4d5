"""Prompts written in desktops' editors: a save is an order, a second one while it is pending replaces it, a locked one is kept."""

import pytest

from disk import fill, read_renamed
from harness import wait_state
from orders import check_orders
from trouble import assert_waits_for_service

EDITORS = ["gedit", "gnome-text-editor"]
each_editor = pytest.mark.parametrize("editor", EDITORS)
PROMPT = "A kitten yawning at the camera\n"


def edit(desktop, editor, path):
    """A window of the editor with the file in it, at rest and in front."""
    desktop.spawn(editor, path)
    window = desktop.window(rf"^{path.name}\b")
    desktop.place(window, 100, 50, 900, 600)
    desktop.still(120, 130, 860, 480, quiet=0.3)
    desktop.focus(window)
    return window


def replace_text(desktop, window, text):
    """Of all; what repeats itself is not typed but copied."""
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
def test_saved_twice_while_pending_is_one_order(desktop, make_mount, simulator, editor):
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


# What they say when a save fails, before the system's own words: a bar in its window, a dialog.
FAILED = {"gedit": "Could not save the file “{path}”.", "gnome-text-editor": "Failed to save document"}


def save_and_be_told(desktop, editor, window, text, *told):
    """The new text is not saved as it should be, and all of it is still in the window."""
    replace_text(desktop, window, text)
    desktop.keys(window, "ctrl+s")
    desktop.wait_told(editor, *told, text)
    desktop.shot("told")


@each_editor
def test_saving_over_a_locked_prompt(desktop, mount, simulator, editor):
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
def test_saving_a_bad_request(desktop, mount, simulator, editor, name, old, text, why):
    """The editor can only say that it is not valid; the folder says why, and has the text."""
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
def test_saving_on_a_full_disk(small_mount, desktop, simulator, editor):
    """Nothing is ordered of it; with room again the next save is an order."""
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
    else:  # nothing can be saved before its bar is closed
        desktop.click_in(window, -30, 85)
    desktop.keys_until(window, "ctrl+s", lambda: read_renamed(path) == text + "\n", "a save")
    wait_state(folder, "queued")
    check_orders(small_mount, simulator, text.strip())


@each_editor
def test_saving_with_the_service_away(desktop, away, editor):
    """That is no error of the editor's: the order waits, and its status says why."""
    folder = away.folder(prompt=None)
    (folder / "prompt.txt").touch()
    window = edit(desktop, editor, folder / "prompt.txt")
    save_new_text(desktop, window, "A fox", lambda: "A fox\n" == (folder / "prompt.txt").read_text(), "the save")
    assert_waits_for_service(folder)
    desktop.wait_told(editor, "A fox")
    assert list(desktop.windows()) == [window]
    assert not any(FAILED[editor].split("“")[0] in text for text in desktop.texts(editor))
