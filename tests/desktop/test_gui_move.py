"""Task folders in file managers: copied, duplicated, moved, renamed, undone, removed. Nothing is
ordered again, paid videos stay byte for byte, and status is true.
"""

import pathlib
import shutil
import tempfile

import pytest

from harness import field, make_media, state, task_id, wait_for, wait_state
from managers import AREA, EMPTY, each_manager, select_all
from orders import check_orders

SIZE = 300_000


@pytest.fixture
def mount(make_mount, simulator):
    return make_mount(simulator)


class Tasks:
    """film/done has a video, film/queued is queued at the service, and elsewhere/ is empty. All
    windows show one of these folders."""

    def __init__(self, mount, simulator, tmp_path):
        self.mount, self.simulator = mount, simulator
        video = make_media(tmp_path / "video", SIZE)
        self.video = video.read_bytes()
        self.done = mount.finished(simulator, "film/done", video=video)
        simulator.hold("queued")
        self.queued = mount.folder("film/queued", "A fox")
        wait_state(self.queued, "queued")
        self.ids = {"done": task_id(self.done), "queued": task_id(self.queued)}
        self.film = self.done.parent
        self.elsewhere = mount.path / "elsewhere"
        self.elsewhere.mkdir()

    def check_in(self, folder, done="done", queued="queued"):
        """Checks that both are there unchanged, and that nothing was ordered."""
        assert state(folder / done) == "succeeded" and task_id(folder / done) == self.ids["done"]
        assert (folder / done / "video.mp4").read_bytes() == self.video
        assert state(folder / queued) == "queued" and task_id(folder / queued) == self.ids["queued"]
        assert (folder / queued / "prompt.txt").read_text() == "A fox\n"

    def check_copies(self, folder, done, queued):
        """Checks that the copies show what was copied, and are no orders."""
        assert (folder / done / "video.mp4").read_bytes() == self.video
        assert (folder / done / "status").read_text().startswith("succeeded\n")
        assert (folder / queued / "status").read_text().startswith("queued\n")

    def check_orders(self):
        """Checks that only those two were ordered, whatever happened to their folders."""
        check_orders(self.mount, self.simulator, "A kitten yawning at the camera", "A fox")

    def at_service(self, name):
        return {task["id"]: task["state"] for task in self.simulator.tasks()}[self.ids[name]]


@pytest.fixture
def tasks(mount, simulator, tmp_path):
    return Tasks(mount, simulator, tmp_path)


def has(folder, *names):
    """A condition: the folders are there, with the files that a copier writes last."""
    return lambda: all((folder / name).is_dir() for name in names)


def copied(folder, *names):
    return lambda: has(folder, *names)() and all((folder / name / "prompt.txt").exists() for name in names) \
        and (folder / names[0] / "video.mp4").exists() and (folder / names[0] / "video.mp4").stat().st_size == SIZE


def carry(desktop, manager, key, source, target, condition):
    """Selects all in a folder, cuts or copies it by keys, and pastes it; returns the target's window."""
    here = manager.open(desktop, source)
    select_all(desktop, here)
    desktop.keys(here, key)
    there = manager.open(desktop, target)
    desktop.still(*AREA)
    desktop.click(*EMPTY)
    desktop.keys_until(there, "ctrl+v", condition, "what was pasted")
    desktop.still(*AREA)
    return there


@each_manager
def test_copied_folders_are_no_orders(desktop, tasks, manager):
    carry(desktop, manager, "ctrl+c", tasks.film, tasks.elsewhere, copied(tasks.elsewhere, "done", "queued"))
    tasks.check_orders()
    tasks.check_in(tasks.film)
    tasks.check_copies(tasks.elsewhere, "done", "queued")


def paste(desktop, manager, window, copies):
    """Pastes where the same names exist."""
    if not manager.asks_name:
        desktop.keys_until(window, "ctrl+v", copies, "a copy")
        return
    known = desktop.windows()
    question = desktop.keys_until(window, "ctrl+v", lambda: desktop.find_window(manager.replace_title, but=known), "the question")
    for name in ("done again", "queued again"):
        question = question or desktop.window(manager.replace_title, but=known)
        desktop.still(0, 0, 1200, 750, quiet=0.3)
        desktop.keys(question, "ctrl+a")
        desktop.type(question, name)
        desktop.press("push button", "Rename")
        wait_for(lambda: question not in desktop.windows(), "the next")
        question = None


@each_manager
def test_folders_duplicated_in_place_are_no_orders(desktop, tasks, manager):
    def copies():
        return sorted(set(tasks.film.iterdir()) - {tasks.done, tasks.queued})

    def are_whole():
        return len(copies()) == 2 and all((copy / "prompt.txt").exists() for copy in copies()) \
            and any((copy / "video.mp4").exists() and (copy / "video.mp4").stat().st_size == SIZE for copy in copies())

    window = manager.open(desktop, tasks.film)
    select_all(desktop, window)
    if manager.duplicate:
        desktop.keys_until(window, manager.duplicate, copies, "a copy")
    else:
        desktop.keys(window, "ctrl+c")
        paste(desktop, manager, window, copies)
    wait_for(are_whole, "both copies")
    desktop.still(*AREA)
    tasks.check_in(tasks.film)
    tasks.check_orders()
    done, queued = copies()
    tasks.check_copies(tasks.film, done.name, queued.name)


@pytest.fixture
def backup(manager):
    """A saved folder whose prompt.txt is copied first: by inode (GIO), or in listing order (tmpfs
    lists the newest name first)."""
    directory = pathlib.Path(tempfile.mkdtemp(dir="/dev/shm"))
    backup = directory / "cat"
    backup.mkdir()
    texts = {"prompt.txt": "A fox\n", "status": "succeeded\n", "task.json": "{}", "video.mp4": "x" * 1000}
    for name in texts if manager.uses_gio else reversed(texts):
        (backup / name).write_text(texts[name])
    yield backup
    shutil.rmtree(directory)


@each_manager
def test_a_backup_copied_in_is_no_order_and_raises_no_question(desktop, make_mount, simulator, backup, manager):
    """Its prompt.txt is copied first; the virtual files that then appear do not block the other copies."""
    mount = make_mount(simulator, settle=1.5)
    here = manager.open(desktop, backup.parent)
    select_all(desktop, here)
    desktop.keys(here, "ctrl+c")
    there = manager.open(desktop, mount.path)
    desktop.still(*AREA)
    desktop.click(*EMPTY)
    desktop.keys_until(there, "ctrl+v", (mount.path / "cat" / "prompt.txt").exists, "what was pasted")
    folder = mount.path / "cat"
    wait_for(lambda: (folder / "video.mp4").exists() and (folder / "video.mp4").stat().st_size == 1000, "all of it")
    assert (folder / "status").read_text() == "succeeded\n" and (folder / "task.json").read_text() == "{}"
    desktop.still(*AREA)
    assert set(desktop.windows()) == {here, there}, "a question"
    check_orders(mount, simulator)


@each_manager
def test_folders_moved_and_moved_back_keep_their_tasks(desktop, tasks, manager):
    """The way back is an undo, if the program has it."""
    there = carry(desktop, manager, "ctrl+x", tasks.film, tasks.elsewhere, has(tasks.elsewhere, "done", "queued"))
    wait_for(lambda: not list(tasks.film.iterdir()), "the move")
    tasks.check_in(tasks.elsewhere)
    if manager.undo:
        desktop.keys_until(there, manager.undo, has(tasks.film, "done", "queued"), "the return")
        wait_for(lambda: not list(tasks.elsewhere.iterdir()), "all of the return")
        tasks.check_in(tasks.film)
    tasks.check_orders()


# --- renaming ---

def rename(desktop, manager, window, folder, name):
    """Renames the only item of the window."""
    select_all(desktop, window)
    if manager.rename_dialog:
        asking = desktop.keys_until(window, "F2", lambda: desktop.find_window(".", but=[window]), "the question")
    else:
        desktop.keys(window, "F2")
        asking = window
    desktop.still(*AREA, quiet=0.3)
    desktop.keys(asking, "ctrl+a")
    desktop.type(asking, name)
    desktop.keys(asking, "Return")
    wait_for(lambda: not folder.exists() and folder.with_name(name).is_dir(), "the new name")
    desktop.still(*AREA)


@each_manager
def test_folders_renamed_and_renamed_back_keep_their_tasks(desktop, tasks, manager):
    """The way back is an undo, if the program has it."""
    alone = tasks.mount.path / "alone"
    alone.mkdir()
    for name in tasks.ids:
        (tasks.film / name).rename(alone / name)
        window = manager.open(desktop, alone)
        rename(desktop, manager, window, alone / name, "better")
        (alone / "better").rename(tasks.film / "better")
        tasks.check_in(tasks.film, **{name: "better"})
        (tasks.film / "better").rename(alone / "better")
        if manager.undo:
            desktop.keys_until(window, manager.undo, (alone / name).is_dir, "the old name")
        else:
            (alone / "better").rename(alone / name)
        (alone / name).rename(tasks.film / name)
        desktop.keys(window, "alt+F4")
        wait_for(lambda: window not in desktop.windows(), "the window's end")
    tasks.check_in(tasks.film)
    tasks.check_orders()


# --- permanent deletion ---

@each_manager
def test_permanent_deletion_cancels_the_queued_task(desktop, tasks, manager):
    """Neither folder comes back."""
    window = manager.open(desktop, tasks.film)
    select_all(desktop, window)
    question = desktop.keys_until(window, "shift+Delete", lambda: desktop.find_window("", but=[window]), "the question")
    desktop.still(*AREA, quiet=0.3)
    desktop.shot("question")
    desktop.keys(question, manager.delete_key)
    wait_for(lambda: not list(tasks.film.iterdir()), "their going")
    wait_for(lambda: tasks.at_service("queued") == "cancelled", "the cancelling")
    assert tasks.at_service("done") == "succeeded"
    tasks.check_orders()
