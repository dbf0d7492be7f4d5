"""The file managers of Debian's desktops, and their differences."""

import pathlib
import sys

import pytest

from harness import wait_for

HERE = pathlib.Path(__file__).resolve().parent
# The position of their windows, and a place in them without files: x, y, width, height.
WINDOW = (320, 20, 860, 740)
# The part of a window that shows files.
AREA = (580, 120, 590, 530)
EMPTY = (1090, 640)

# Dolphin's settings on a Plasma desktop: previews of all types that it can show, including folders.
SETTINGS = {
    "dolphinrc": "[General]\nRememberOpenedTabs=false\n[PreviewSettings]\n"
                 "Plugins=directorythumbnail,imagethumbnail,jpegthumbnail,ffmpegthumbs\n",
}


class Manager:
    """A file manager: its command and its keys."""

    new_folder = "ctrl+shift+n"
    undo = "ctrl+z"
    duplicate = None  # the key; None: copy and paste in the same folder
    asks_name = False  # … and it asks for each new name
    drop_menu = None  # the key of "Copy Here" in the menu that a drop opens
    confirms_trash = False
    uses_gio = True
    trash_copies = False  # to the home's trash: it does not use the mount's own

    # The key of a view that gives all names to assistive technology, if the default view does not;
    # a text in that view.
    names_key = names_view = None
    list_key = None  # of a view with sizes, if the default view has none
    tells_sizes = True  # … and gives them to assistive technology
    rename_dialog = False  # F2 opens a window; else the name is edited in place, or in a part of the window
    delete_key = "Return"  # confirms permanent deletion
    removes_refused = False  # it removes files that it could not write completely

    # The title of the question before a file is replaced; its button, or the button's offset from
    # the dialog's upper right corner.
    replace_title, replace_button = ".", "Replace"

    def __init__(self, *command, **habits):
        self.name, self.command = command[0], command
        vars(self).update(habits)

    def open(self, desktop, folder, with_names=False):
        """Opens the folder in a window, puts it in its place and in front, and returns its id. With
        names: in a view that shown() can read."""
        known = desktop.windows()
        for name, text in SETTINGS.items():
            (desktop.home / ".config" / name).write_text(text)
        desktop.spawn(*self.command, folder)
        window = desktop.window(rf"^{folder.name}\b", but=known)
        desktop.place(window, *WINDOW)
        desktop.focus(window)
        if with_names and self.names_key:
            desktop.keys_until(window, self.names_key, lambda: self.names_view in self.shown(desktop), "a view that tells names")
        return window

    def shown(self, desktop):
        """The file names that its windows show."""
        return set(desktop.texts(self.name))

    def wait_shown(self, desktop, *names, gone=()):
        """Waits without a refresh: it types and clicks nothing."""
        def is_shown():
            shown = self.shown(desktop)
            return shown.issuperset(names) and not shown.intersection(gone)

        try:
            wait_for(is_shown, f"{self.name} shows {names}, and not {gone}")
        except AssertionError as error:
            desktop.shot("unshown")
            raise AssertionError(f"{error}; it shows {sorted(self.shown(desktop))}") from None

    def wait_size_shown(self, desktop, size):
        """Waits until it shows size(), the file's size at that moment; the file may change meanwhile."""
        wait_for(lambda: f"{size()} bytes" in self.shown(desktop), f"{self.name} shows the size")


MANAGERS = [
    Manager("thunar", rename_dialog=True, names_key="ctrl+2", names_view="Details view", replace_title="Confirm to replace"),
    Manager("nautilus", "--new-window", list_key="ctrl+1", replace_title="File conflict", replace_button=(-54, 24)),
    Manager("pcmanfm", "--new-win", names_key="ctrl+4", names_view="Description", undo=None, rename_dialog=True, confirms_trash=True, asks_name=True,
            replace_title="Confirm File Replacing", replace_button="Overwrite"),
    Manager("dolphin", "--new-window", uses_gio=False, new_folder="F10", duplicate="ctrl+d", list_key="ctrl+3", tells_sizes=False,
            drop_menu="c", trash_copies=True,
            delete_key="alt+d", removes_refused=True, replace_title="File Already Exists", replace_button="Overwrite"),
]


each_manager = pytest.mark.parametrize("manager", MANAGERS, ids=lambda manager: manager.name)


def drop(desktop, manager, window, *files):
    """Drags files with the mouse from a separate window into a file manager's; returns the id of
    the former."""
    known = desktop.windows()
    desktop.spawn(sys.executable, HERE / "drag_source.py", *files)
    source = desktop.window("^Drag from here$", but=known)
    desktop.place(source, 10, 20, 250, 200)
    desktop.focus(window)
    desktop.still(0, 0, 1200, 750, quiet=0.3)  # both accept the mouse once they are drawn
    surfaces = desktop.surfaces(manager.name)
    desktop.drag(100, 120, *EMPTY)
    if manager.drop_menu:
        wait_for(lambda: desktop.surfaces(manager.name) > surfaces, "a menu")
        desktop.ask("xdotool", "key", manager.drop_menu, check=True)
    return source


def answer_replace(desktop, manager, windows):
    """Confirms the replacement; `windows` are the windows known before."""
    question = desktop.window(manager.replace_title, but=windows)
    if isinstance(manager.replace_button, str):
        desktop.press("push button", manager.replace_button)
    else:
        desktop.click_in(question, *manager.replace_button)


def select_all(desktop, window):
    """Selects all that the window shows; its menus are up to date when this returns."""
    desktop.still(*AREA)
    desktop.click(*EMPTY)
    desktop.keys(window, "ctrl+a")
    desktop.still(*AREA)
