"""The file managers of Debian's desktops, and what one must know to use them."""

import pathlib
import sys

import pytest

from harness import wait_for

HERE = pathlib.Path(__file__).resolve().parent
# Where their windows are put, and a place in them where no file is: x, y, width, height.
WINDOW = (320, 20, 860, 740)
# Of that, what shows files.
AREA = (580, 120, 590, 530)
EMPTY = (1090, 640)

# What Dolphin has from a Plasma desktop's own settings: previews of all that it can show, folders too.
SETTINGS = {
    "dolphinrc": "[General]\nRememberOpenedTabs=false\n[PreviewSettings]\n"
                 "Plugins=directorythumbnail,imagethumbnail,jpegthumbnail,ffmpegthumbs\n",
}


class Manager:
    """A file manager: its command, and what its keys are."""

    new_folder = "ctrl+shift+n"
    undo = "ctrl+z"
    drop_menu = None  # the key of "Copy Here" in the menu, where a drop asks what to do
    confirms_trash = False
    trash_copies = False  # into the home's trash: the mount's own is not used

    # The question before a file is replaced; its button, or that one's place from the dialog's upper right corner; the
    # title of what says that it failed.
    replace_title, replace_button = ".", "Replace"
    error_title = "."

    def __init__(self, *command, **habits):
        self.name, self.command = command[0], command
        vars(self).update(habits)

    def open(self, desktop, folder):
        """A window on the folder, in its place and in front; its id."""
        known = desktop.windows()
        for name, text in SETTINGS.items():
            (desktop.home / ".config" / name).write_text(text)
        desktop.spawn(*self.command, folder)
        window = desktop.window(rf"^{folder.name}\b", but=known)
        desktop.place(window, *WINDOW)
        desktop.focus(window)
        return window


MANAGERS = [
    Manager("thunar", replace_title="Confirm to replace", error_title="Attention"),
    Manager("nautilus", "--new-window", replace_title="File conflict", replace_button=(-54, 24),
            error_title="^$"),
    Manager("pcmanfm", "--new-win", undo=None, confirms_trash=True,
            replace_title="Confirm File Replacing", replace_button="Overwrite", error_title="Finished"),
    Manager("dolphin", "--new-window", new_folder="F10", drop_menu="c", trash_copies=True,
            replace_title="File Already Exists", replace_button="Overwrite", error_title="^Information"),
]


each_manager = pytest.mark.parametrize("manager", MANAGERS, ids=lambda manager: manager.name)


def drop(desktop, manager, window, *files):
    """Drags files with the mouse from a window of their own into a file manager's; the id of theirs."""
    known = desktop.windows()
    desktop.spawn(sys.executable, HERE / "drag_source.py", *files)
    source = desktop.window("^Drag from here$", but=known)
    desktop.place(source, 10, 20, 250, 200)
    desktop.focus(window)
    surfaces = desktop.surfaces(manager.name)
    desktop.drag(100, 120, *EMPTY)
    if manager.drop_menu:
        wait_for(lambda: desktop.surfaces(manager.name) > surfaces, "a menu")
        desktop.ask("xdotool", "key", manager.drop_menu, check=True)
    return source


def select_all(desktop, window):
    """All that the window shows; its menus know of it when this returns."""
    desktop.still(*AREA)
    desktop.click(*EMPTY)
    desktop.keys(window, "ctrl+a")
    desktop.still(*AREA)
