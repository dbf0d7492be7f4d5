"""A small disk that an ordinary user can create, mount and fill: an ext4 image mounted by fuse2fs.
When it is full, fuse2fs still accepts a few more bytes for an existing file. While a file is
renamed over another, fuse2fs has neither of them under the name for a moment: see read_renamed().
"""

import contextlib
import os

from harness import run, wait_for

TOOLS = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}


@contextlib.contextmanager
def small_disk(directory, name, size="24M"):
    """Mounts a disk at a new folder of the directory until the block ends."""
    image, place = directory / f"{name}.img", directory / name
    place.mkdir()
    run("truncate", "-s", size, image)
    run("mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-m", "0", "-E", f"root_owner={os.getuid()}:{os.getgid()}", image,
        env=TOOLS)
    run("fuse2fs", image, place, "-o", "fakeroot", env=TOOLS)
    try:
        wait_for(lambda: os.path.ismount(place), "the disk")
        place.chmod(0o700)
        yield place
    finally:
        run("fusermount3", "-u", "-z", place)


def read_renamed(path):
    """The text of a file that a program may be replacing by a rename; None while fuse2fs has no
    file of that name."""
    try:
        return path.read_text()
    except FileNotFoundError:
        return None


def fill(disk):
    """Fills the disk: no file can be created and no block of 1 KiB written until the returned file
    is removed."""
    filling = disk / "filling"
    with open(filling, "wb", buffering=0) as file:
        for piece in (1 << 16, 1 << 10):
            with contextlib.suppress(OSError):
                while file.write(bytes(piece)) == piece:
                    pass
    return filling
