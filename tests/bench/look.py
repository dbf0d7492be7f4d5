"""What a file manager does when it opens folders of finished tasks, as observed, without its
windows: it reads names, attributes, the head of files without an extension, and thumbnails from the
desktop's cache. It reads files without a thumbnail completely, as thumbnailers do with short videos
and all pictures."""

import hashlib
import os
import pathlib
import urllib.parse

import harness

PLAIN = "/-_.!~*'()&=:@+$,"  # GLib does not escape these
SNIFFED_BYTES = 4096
SIZE = "large"


def thumbnail(cache, path):
    """The path at which the desktop expects a file's thumbnail."""
    uri = "file://" + urllib.parse.quote(os.fsencode(path), safe=PLAIN)
    return cache / "thumbnails" / SIZE / (hashlib.md5(uri.encode()).hexdigest() + ".png")


def is_fresh(cache, path, status):
    """A thumbnail is valid only if it states the file's time."""
    try:
        return b"Thumb::MTime\0%d" % status.st_mtime in thumbnail(cache, path).read_bytes()
    except FileNotFoundError:
        return False


def look_at(cache, folder):
    """Opens a folder; returns how many of its files were read completely."""
    missed = 0
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        status = entry.stat()
        os.listxattr(entry.path)
        if entry.name == "status":
            with open(entry.path, "rb") as file:
                file.read(SNIFFED_BYTES)
        elif entry.name.endswith((".mp4", ".png")) and not is_fresh(cache, entry.path, status):
            missed += 1
            pathlib.Path(entry.path).read_bytes()
    return missed


class FinishedTasks:
    """A mount with that many finished tasks, whose videos were never read."""

    def __init__(self, directory, count, thumbnails):
        directory.mkdir()
        self.simulator = harness.Simulator(directory)
        self.mount = harness.Mount(directory, self.simulator, thumbnails=thumbnails,
                                   options=["keep=lazy", "submissions_per_hour=1000000"])
        self.mount.start()
        video, frame = directory / "video.mp4", directory / "frame.png"
        harness.make_media(video, 10 << 20)
        frame.write_bytes(harness.png(1280, 720))
        self.folders = self.finish(count, {"video": str(video), "last_frame": str(frame)})

    def finish(self, count, media):
        self.simulator.hold("queued")
        folders = [self.mount.folder(f"shot-{n:03}") for n in range(count)]
        for folder in folders:
            task = harness.wait_for(lambda: harness.task_id(folder), f"{folder}: a task id")
            self.simulator.decree(task, media=media, state="succeeded")
        for folder in folders:
            harness.wait_state(folder, "succeeded", timeout=300)
        if self.mount.thumbnails.exists():
            harness.wait_for(lambda: self.mount.log().count("event=thumbnails ") == count, "the thumbnails", 600)
        return folders

    def fetched_by(self, look):
        """The bytes that the media host sent for it."""
        self.simulator.control("DELETE", "/stats")
        look()
        return self.simulator.stats()["media_bytes"]

    def end(self):
        self.mount.end()
        self.simulator.stop()
