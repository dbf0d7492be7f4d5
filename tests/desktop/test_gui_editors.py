"""Prompts written in desktops' editors: a save is an order, a second one while it is pending replaces it, a locked one is kept."""

import pytest

from harness import wait_state

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


def save_new_text(desktop, window, text, condition, what):
    desktop.keys(window, "ctrl+a")
    desktop.type(window, text)
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


@each_editor
def test_saving_over_a_locked_prompt(desktop, mount, simulator, editor):
    simulator.hold("queued")
    folder = mount.folder()
    wait_state(folder, "queued")
    window = edit(desktop, editor, folder / "prompt.txt")
    if editor == "gedit":  # a bar in its window; the other one has a dialog
        def is_told():
            return any("You do not have the permissions" in text for text in desktop.texts())
    else:
        def is_told():
            return desktop.find_window("^Failed to save document$")
    save_new_text(desktop, window, "Something else", is_told, "the message")
    desktop.shot("refused")
    assert (folder / "prompt.txt").read_text() == PROMPT
    assert sorted(path.name for path in folder.iterdir()) == ["prompt.txt", "status", "task.json"]
    assert simulator.creates() == 1
