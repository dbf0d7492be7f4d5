"""A file manager opens folders of finished tasks: what it fetches, how it behaves while nothing
arrives, and which changes it shows."""

import pathlib
import time

import pytest

from harness import PATIENCE, run, task_id, wait_for, wait_state
from managers import AREA, each_manager
from watcher import Watcher


@pytest.fixture(scope="session")
def media(tmp_path_factory):
    """A real video, larger than a thumbnailer reads, and a real picture."""
    directory = tmp_path_factory.mktemp("media")
    run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=640x360:d=4,noise=alls=40:allf=t", "-c:v", "libx264",
        "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-movflags", "+faststart", directory / "video.mp4")
    run("ffmpeg", "-v", "error", "-sseof", "-0.2", "-i", directory / "video.mp4", "-frames:v", "1",
        directory / "last_frame.png")
    return directory


def finish(mount, simulator, media, *names):
    """Creates folders whose tasks have succeeded."""
    simulator.hold("queued")
    folders = [mount.folder(name) for name in names]
    for folder in folders:
        task = wait_for(lambda: task_id(folder), f"{folder}: a task id", PATIENCE * 2)
        simulator.decree(task, state="succeeded", media={"video": str(media / "video.mp4"),
                                                         "last_frame": str(media / "last_frame.png")})
    simulator.hold("")
    for folder in folders:
        wait_state(folder, "succeeded", timeout=PATIENCE * 2)
    wait_for(lambda: all(request["done"] for request in simulator.requests(on="media")), "the end of the probes")
    return folders


@pytest.fixture
def seated_mount(desktop, make_mount, simulator):
    """A mount whose daemon writes thumbnails to the desktop's cache."""
    return make_mount(simulator, options=["submissions_per_hour=1000"], thumbnails=True,
                      cache=pathlib.Path(desktop.environment["XDG_CACHE_HOME"]))


def wait_for_all_thumbnails(mount, simulator, count):
    """Waits for the thumbnails: when many tasks end at once, they are shown before all thumbnails exist."""
    wait_for(lambda: mount.log().count("event=thumbnails ") == count, "all thumbnails", PATIENCE * 3)
    wait_for(lambda: all(request["done"] for request in simulator.requests(on="media")), "the end of what they fetch")


def open_and_wait_for_thumbnails(desktop, manager, folder, media):
    """Opens a window and waits until it has read the user's own files, which come last."""
    (folder / "zz.png").write_bytes((media / "last_frame.png").read_bytes())
    (folder / "zz.mp4").write_bytes((media / "video.mp4").read_bytes())
    watcher = Watcher(folder)
    window = manager.open(desktop, folder)
    desktop.still(*AREA)
    # Files out of sight may get no thumbnail.
    desktop.keys_until(window, "End", lambda: watcher.was_read("zz.png") and watcher.was_read("zz.mp4"),
                       "the reading of a picture and a video")
    watcher.close()
    desktop.still(*AREA)


def fetched_by(simulator, action):
    before = simulator.stats()["media_bytes"]
    action()
    wait_for(lambda: all(request["done"] for request in simulator.requests(on="media")), "the end of what it fetches")
    return simulator.stats()["media_bytes"] - before


@each_manager
def test_opening_a_finished_task_fetches_nothing(desktop, seated_mount, simulator, media, manager):
    [folder] = finish(seated_mount, simulator, media, "cat")
    wait_for_all_thumbnails(seated_mount, simulator, 1)
    fetched = fetched_by(simulator, lambda: open_and_wait_for_thumbnails(desktop, manager, folder, media))
    assert fetched == 0, f"{fetched} bytes"


@each_manager
def test_opening_a_folder_of_a_hundred_finished_tasks_fetches_nothing(desktop, seated_mount, simulator, media, manager):
    finish(seated_mount, simulator, media, *(f"film/shot-{n:03}" for n in range(100)))
    wait_for_all_thumbnails(seated_mount, simulator, 100)
    film = seated_mount.path / "film"
    fetched = fetched_by(simulator, lambda: open_and_wait_for_thumbnails(desktop, manager, film, media))
    above = fetched_by(simulator, lambda: open_and_wait_for_thumbnails(desktop, manager, film.parent, media))
    assert fetched == above == 0, f"{fetched} bytes, and {above} for what it lies in"


@each_manager
def test_a_window_responds_while_the_media_host_hangs(desktop, mount, simulator, media, manager):
    [folder] = finish(mount, simulator, media, "cat")
    simulator.fault("media", {"stall_at": 0}, times=-1)
    window = manager.open(desktop, folder)
    wait_for(lambda: [request for request in simulator.requests(on="media") if not request["done"]], "a stalled reader")
    desktop.keys_until(window, "alt+Up", lambda: desktop.find_window("^mount"), "the parent in the window")
    before = desktop.still(*AREA)
    (mount.path / "other").mkdir()
    desktop.wait_change(before, *AREA)
    simulator.clear_faults()


@each_manager
def test_an_open_window_shows_the_end_of_a_task(desktop, mount, simulator, media, manager):
    """Without a refresh, it shows what a user creates and what the service changes."""
    simulator.hold("queued")
    folder = mount.folder("cat")
    task = wait_for(lambda: task_id(folder), "a task id")
    manager.open(desktop, folder, with_names=True)
    manager.wait_shown(desktop, "prompt.txt", "status", "task.json", gone=["video.mp4", "last_frame.png"])
    (folder / "notes.txt").touch()
    manager.wait_shown(desktop, "notes.txt", gone=["video.mp4", "last_frame.png"])
    simulator.decree(task, state="succeeded", media={"video": str(media / "video.mp4"),
                                                     "last_frame": str(media / "last_frame.png")})
    manager.wait_shown(desktop, "video.mp4", "last_frame.png", "prompt.txt", "status", "task.json")
    desktop.shot("came")


@each_manager
def test_an_open_window_shows_a_changed_size(desktop, mount, simulator, manager):
    """The file stays the same one; there is no refresh."""
    def size():
        return (folder / "status").stat().st_size

    simulator.hold("queued")
    folder = mount.folder("cat")
    task = wait_for(lambda: task_id(folder), "a task id")
    wait_state(folder, "queued")
    window = manager.open(desktop, folder, with_names=True)
    manager.wait_shown(desktop, "status", "task.json")
    if manager.list_key:
        desktop.keys(window, manager.list_key)
    before, seen = size(), desktop.still(*AREA)
    if manager.tells_sizes:
        manager.wait_size_shown(desktop, size)
    simulator.decree(task, state="running")
    wait_for(lambda: size() != before, "another size")
    if manager.tells_sizes:
        manager.wait_size_shown(desktop, size)
    else:
        desktop.wait_change(seen, *AREA)
    desktop.shot("size")


@each_manager
def test_an_open_window_shows_an_error_come_and_go(desktop, mount, simulator, manager):
    """There is no refresh; a shell corrects the error."""
    simulator.hold("queued")
    folder = mount.folder("cat", None)
    (folder / "notes.txt").touch()
    manager.open(desktop, folder, with_names=True)
    manager.wait_shown(desktop, "notes.txt", gone=["error.txt"])
    (folder / "prompt.txt").write_text("A fox --dur 30")
    manager.wait_shown(desktop, "error.txt", "prompt.txt")
    # On any filesystem, KDE programs miss a removal in the same second as the previous change: they
    # compare the folder's times in whole seconds (KDirWatchPrivate::scanEntry).
    wait_for(lambda: int(time.time()) > int(max(folder.stat().st_ctime, folder.stat().st_mtime)), "another second")
    run("sh", "-c", 'echo "A fox" > "$1"/prompt.txt', "sh", folder)
    wait_state(folder, "queued")
    manager.wait_shown(desktop, "prompt.txt", "status", gone=["error.txt"])
