"""The user's own files behave in the mount as on the filesystem below: names."""

import ctypes
import errno
import os
import stat

import pytest

import harness
from harness import is_root, run, wait_for
from two_places import (EXCHANGE, LIBC, NOREPLACE, ODD_NAMES, child, finish, link_descriptor, opened, refused,
                        renameat2)
from two_places import folder, place, shared  # noqa: F401


# --- directories ---

def test_mkdir_and_rmdir(place):
    (place / "d").mkdir()
    with refused(errno.EEXIST):
        (place / "d").mkdir()
    (place / "d" / "f").touch()
    with refused(errno.ENOTEMPTY):
        (place / "d").rmdir()
    with refused(errno.EISDIR):
        (place / "d").unlink()
    with refused(errno.ENOTDIR):
        (place / "d" / "f").rmdir()
    (place / "d" / "f").unlink()
    before = place.stat()
    (place / "d").rmdir()
    assert place.stat().st_nlink == before.st_nlink - 1 or before.st_nlink <= 2
    with refused(errno.ENOENT):
        (place / "d").rmdir()
    with refused(errno.ENOENT):
        (place / "d" / "x").mkdir()


def test_a_removed_directory_that_is_still_open_is_empty(place):
    (place / "d").mkdir()
    with opened(place / "d", os.O_RDONLY | os.O_DIRECTORY) as fd:
        (place / "d").rmdir()
        assert os.listdir(fd) == []
        assert os.fstat(fd).st_nlink in (0, 1)
        with refused(errno.ENOENT):
            os.open("f", os.O_WRONLY | os.O_CREAT, dir_fd=fd)
        (place / "d").mkdir()
        assert os.stat(place / "d").st_ino != os.fstat(fd).st_ino
        assert os.listdir(fd) == []


def test_sixty_levels_of_directories(place):
    path = place
    for level in range(60):
        path = path / f"level{level}"
    path.mkdir(parents=True)
    (path / "f").write_text("deep")
    assert (path / "f").read_text() == "deep"
    (place / "level0").rename(place / "moved")
    moved = place / "moved" / path.relative_to(place / "level0")
    assert (moved / "f").read_text() == "deep" and not path.exists()


def test_paths_longer_than_the_kernel_allows(place):
    code = ("import os, sys\n"
            "os.chdir(sys.argv[1])\n"
            "for i in range(40):\n"
            "    os.mkdir('n' * 200); os.chdir('n' * 200)\n"
            "print('ready', flush=True)\n"
            "with open('f', 'w') as f: f.write('far away')\n"
            "os.rename('f', 'g'); os.link('g', 'h'); os.setxattr('g', 'user.x', b'1')\n"
            "assert open('h').read() == 'far away' and os.stat('g').st_nlink == 2 and sorted(os.listdir()) == ['g', 'h']\n"
            "assert os.getxattr('h', 'user.x') == b'1'\n")
    finish(child(code, place))
    assert run("find", place, "-name", "g").stdout.endswith("/g\n")
    run("rm", "-r", place / ("n" * 200))
    assert os.listdir(place) == []


def test_odd_names(place):
    directory = os.fsencode(place)
    for name in ODD_NAMES:
        with opened(directory + b"/" + name, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as fd:
            os.write(fd, name)
    assert sorted(os.listdir(directory)) == sorted(ODD_NAMES)
    for name in ODD_NAMES:
        with opened(directory + b"/" + name) as fd:
            assert os.read(fd, 300) == name
    with refused(errno.ENAMETOOLONG):
        os.open(directory + b"/" + b"n" * 256, os.O_WRONLY | os.O_CREAT)
    for name in ODD_NAMES:
        os.unlink(directory + b"/" + name)
    assert os.listdir(directory) == []


def test_a_directory_of_five_thousand_entries(place):
    names = {f"file-{i:05}" for i in range(5000)}
    for name in names:
        os.close(os.open(place / name, os.O_WRONLY | os.O_CREAT))
    assert len(os.listdir(place)) == 5000 and set(os.listdir(place)) == names
    # Removing entries during the listing neither hides nor repeats the others.
    seen, gone = [], set()
    with os.scandir(place) as entries:
        for number, entry in enumerate(entries):
            seen.append(entry.name)
            if number % 2:
                os.unlink(place / entry.name)
                gone.add(entry.name)
    assert sorted(seen) == sorted(names)
    assert set(os.listdir(place)) == names - gone
    run("rm", "-r", place, timeout=60)
    assert not place.exists()


class Dirent(ctypes.Structure):
    _fields_ = [("inode", ctypes.c_uint64), ("offset", ctypes.c_int64), ("length", ctypes.c_uint16),
                ("type", ctypes.c_uint8), ("name", ctypes.c_char * 256)]


def test_telldir_seekdir_and_rewinddir(place):
    for i in range(500):
        (place / f"f{i}").touch()
    LIBC.opendir.restype = ctypes.c_void_p
    LIBC.readdir.restype = ctypes.POINTER(Dirent)
    LIBC.telldir.restype = ctypes.c_long
    stream = ctypes.c_void_p(LIBC.opendir(os.fsencode(place)))

    def read():
        entry = LIBC.readdir(stream)
        return entry.contents.name if entry else None

    def rest():
        names = []
        while (name := read()) is not None:
            names.append(name)
        return names

    head = [read() for _ in range(100)]
    position = LIBC.telldir(stream)
    tail = rest()
    assert sorted(head + tail) == sorted([b".", b".."] + [b"f%d" % i for i in range(500)])
    LIBC.seekdir(stream, ctypes.c_long(position))
    assert rest() == tail
    (place / "new").touch()
    (place / "f7").unlink()
    LIBC.rewinddir(stream)
    again = rest()
    assert b"new" in again and b"f7" not in again and len(again) == len(set(again)) == 502
    LIBC.closedir(stream)


def test_a_listing_has_types_and_inode_numbers(place):
    (place / "file").touch()
    (place / "folder").mkdir()
    (place / "link").symlink_to("nowhere")
    os.mkfifo(place / "fifo")
    types = {}
    with os.scandir(place) as entries:
        for entry in entries:
            types[entry.name] = (entry.is_dir(follow_symlinks=False), entry.is_file(follow_symlinks=False),
                                 entry.is_symlink())
            assert entry.inode() == os.lstat(entry.path).st_ino
    assert types == {"file": (False, True, False), "folder": (True, False, False), "link": (False, False, True),
                     "fifo": (False, False, False)}
    listing = dict(line.split()[::-1] for line in run("ls", "-1ai", place).stdout.splitlines())
    assert int(listing["."]) == place.stat().st_ino
    listing = dict(line.split()[::-1] for line in run("ls", "-1ai", place / "folder").stdout.splitlines())
    assert int(listing[".."]) == place.stat().st_ino
    found = run("find", place, "-mindepth", "1", "-printf", "%y %f\\n").stdout.splitlines()
    assert sorted(found) == ["d folder", "f file", "l link", "p fifo"]


def test_a_changed_listing_changes_the_mtime_of_its_folder(place):
    def changes(action):
        os.utime(place, ns=(1, 1))
        action()
        assert place.stat().st_mtime_ns > 1_000_000_000, action

    changes((place / "f").touch)
    changes(lambda: (place / "f").rename(place / "g"))
    changes(lambda: os.link(place / "g", place / "h"))
    changes((place / "g").unlink)
    changes((place / "d").mkdir)
    changes((place / "d").rmdir)
    changes(lambda: (place / "l").symlink_to("x"))
    os.utime(place, ns=(1, 1))
    (place / "h").write_text("content alone is no change of the folder")
    assert place.stat().st_mtime_ns == 1


# --- renames ---

def test_rename(place):
    (place / "a").write_text("a")
    inode = (place / "a").stat().st_ino
    os.rename(place / "a", place / "b")
    assert os.listdir(place) == ["b"] and (place / "b").stat().st_ino == inode
    (place / "c").write_text("c")
    os.rename(place / "b", place / "c")
    assert os.listdir(place) == ["c"] and (place / "c").read_text() == "a"
    with refused(errno.ENOENT):
        os.rename(place / "a", place / "b")
    os.rename(place / "c", place / "c")
    (place / "d").mkdir()
    with refused(errno.EISDIR):
        os.rename(place / "c", place / "d")
    with refused(errno.ENOTDIR):
        os.rename(place / "d", place / "c")
    os.rename(place / "c", place / "d" / "c")
    assert (place / "d" / "c").read_text() == "a"


def test_rename_of_directories(place):
    (place / "from" / "inner").mkdir(parents=True)
    (place / "empty").mkdir()
    (place / "full" / "x").mkdir(parents=True)
    with refused(errno.EINVAL):
        os.rename(place / "from", place / "from" / "inner" / "itself")
    with refused(errno.ENOTEMPTY, errno.EEXIST):
        os.rename(place / "from", place / "full")
    with refused(errno.ENOTEMPTY):
        os.rename(place / "from" / "inner", place / "from")
    os.rename(place / "from", place / "empty")
    assert sorted(os.listdir(place)) == ["empty", "full"] and os.listdir(place / "empty") == ["inner"]


def test_rename_noreplace_and_exchange(place):
    (place / "a").write_text("a")
    (place / "b").write_text("b")
    with refused(errno.EEXIST):
        renameat2(place / "a", place / "b", NOREPLACE)
    renameat2(place / "a", place / "c", NOREPLACE)
    assert (place / "c").read_text() == "a"
    inodes = (place / "b").stat().st_ino, (place / "c").stat().st_ino
    renameat2(place / "b", place / "c", EXCHANGE)
    assert ((place / "c").stat().st_ino, (place / "b").stat().st_ino) == inodes
    assert (place / "b").read_text() == "a" and (place / "c").read_text() == "b"
    with refused(errno.ENOENT):
        renameat2(place / "b", place / "nothing", EXCHANGE)
    (place / "d").mkdir()
    (place / "d" / "inside").write_text("inside")
    with opened(place / "d" / "inside") as fd:
        renameat2(place / "d", place / "b", EXCHANGE)
        assert (place / "b" / "inside").read_text() == "inside" and (place / "d").read_text() == "a"
        assert os.fstat(fd).st_nlink == 1
    with refused(errno.EINVAL):
        renameat2(place / "b", place / "b" / "inside", EXCHANGE)


def test_a_folder_cannot_replace_a_task_by_rename(mount, simulator):
    """In the library, a task's folder may be empty; the user sees its virtual files."""
    simulator.hold("queued")
    task = mount.folder("task")
    harness.wait_state(task, "queued")
    (task / "prompt.txt").rename(mount.path / "kept.txt")
    (mount.path / "other").mkdir()
    with refused(errno.ENOTEMPTY, errno.EEXIST):
        os.rename(mount.path / "other", task)
    assert harness.state(task) == "queued"
    for name in os.listdir(task):
        (task / name).unlink()
    os.rename(mount.path / "other", task)
    assert os.listdir(task) == [] and not (mount.path / "other").exists()
    wait_for(lambda: [one["state"] for one in simulator.tasks()] == ["cancelled"], "removed as by rmdir")


def test_an_open_file_can_be_written_while_its_folders_move(place):
    (place / "a" / "b").mkdir(parents=True)
    with opened(place / "a" / "b" / "f", os.O_RDWR | os.O_CREAT) as fd:
        os.write(fd, b"one ")
        os.rename(place / "a", place / "x")
        os.write(fd, b"two ")
        os.fchmod(fd, 0o640)
        os.rename(place / "x" / "b", place / "b")
        os.write(fd, b"three")
        os.utime(fd, ns=(5, 7))
        os.fsync(fd)
        assert os.fstat(fd).st_size == 13 and os.fstat(fd).st_mtime_ns == 7
        os.rename(place / "b" / "f", place / "g")
        assert os.fstat(fd).st_mode & 0o777 == 0o640
    with refused(errno.ENOENT):
        os.stat(place / "a" / "b" / "f")
    with refused(errno.ENOENT):
        os.stat(place / "x" / "b" / "f")
    assert (place / "g").read_text() == "one two three"
    (place / "a").mkdir()
    assert os.listdir(place / "a") == []


def test_a_directory_that_moves_back_and_forth_is_always_reachable(place):
    """Operations on open descriptors below it never use a wrong path."""
    (place / "a" / "inner").mkdir(parents=True)
    (place / "a" / "inner" / "f").write_text("content")
    code = ("import os, select, sys\n"
            "os.chdir(sys.argv[1]); print('ready', flush=True); moves = 0\n"
            "while not select.select([sys.stdin], [], [], 0)[0]:\n"
            "    os.rename('a', 'b'); os.rename('b', 'a'); moves += 2\n"
            "print(moves)\n")
    with opened(place / "a" / "inner", os.O_RDONLY | os.O_DIRECTORY) as directory, \
            opened(place / "a" / "inner" / "f", os.O_RDWR) as fd:
        mover = child(code, place)
        for turn in range(200):
            os.fstat(fd)
            os.fchmod(fd, 0o600 + turn % 2 * 0o44)
            with opened("f", dir_fd=directory) as again:
                assert os.read(again, 10) == b"content"
            with opened("g", os.O_WRONLY | os.O_CREAT, dir_fd=directory):
                pass
            os.rename("g", "h", src_dir_fd=directory, dst_dir_fd=directory)
            os.unlink("h", dir_fd=directory)
        assert int(finish(mover)) > 0


def test_open_files_work_in_a_folder_without_access(place):
    """A process that has a file open needs no access to its path."""
    (place / "d").mkdir()
    with opened(place / "d" / "f", os.O_RDWR | os.O_CREAT) as fd:
        os.chmod(place / "d", 0)
        try:
            os.write(fd, b"content")
            os.fchmod(fd, 0o600)
            os.utime(fd, ns=(1, 2))
            os.ftruncate(fd, 4)
            assert os.fstat(fd).st_size == 4 and os.pread(fd, 10, 0) == b"cont"
        finally:
            os.chmod(place / "d", 0o755)
    assert (place / "d" / "f").read_text() == "cont"


# --- files without a name ---

@pytest.mark.parametrize("how", ["unlinked", "replaced"])
def test_open_files_without_a_name_work(place, how):
    file = place / "f"
    file.write_bytes(b"0123456789")
    with opened(file, os.O_RDWR) as fd:
        os.setxattr(fd, "user.kept", b"value")
        if how == "unlinked":
            file.unlink()
        else:
            (place / "new").write_bytes(b"new")
            os.rename(place / "new", file)
        assert os.fstat(fd).st_nlink == 0 and os.fstat(fd).st_size == 10
        assert os.pread(fd, 4, 2) == b"2345"
        os.pwrite(fd, b"abc", 9)
        assert os.fstat(fd).st_size == 12
        os.fchmod(fd, 0o600)
        assert os.fstat(fd).st_mode & 0o777 == 0o600
        os.utime(fd, ns=(3, 4))
        assert os.fstat(fd).st_mtime_ns == 4
        assert os.getxattr(fd, "user.kept") == b"value" and os.listxattr(fd) == ["user.kept"]
        os.ftruncate(fd, 5)
        assert os.pread(fd, 100, 0) == b"01234"
        with opened(f"/proc/self/fd/{fd}") as again:
            assert os.read(again, 3) == b"012"
        with refused(errno.ENOENT):
            link_descriptor(fd, place / "back")
        os.fsync(fd)
    assert file.exists() == (how == "replaced")
    assert how == "unlinked" or file.read_bytes() == b"new"


def test_a_name_is_free_right_after_unlink(place):
    held = []
    for i in range(50):
        held.append(os.open(place / "f", os.O_RDWR | os.O_CREAT | os.O_EXCL))
        os.write(held[-1], b"%d" % i)
        os.unlink(place / "f")
    assert len({os.fstat(fd).st_ino for fd in held}) == 50
    for i, fd in enumerate(held):
        assert os.pread(fd, 10, 0) == b"%d" % i
        os.close(fd)
    assert os.listdir(place) == []


# --- links ---

def test_symbolic_links(place):
    (place / "d").mkdir()
    (place / "d" / "f").write_text("content")
    (place / "relative").symlink_to("d/f")
    (place / "dangling").symlink_to("not/there")
    (place / "d" / "up").symlink_to("../d")
    (place / "loop").symlink_to("loop")
    assert os.readlink(place / "relative") == "d/f" and (place / "relative").read_text() == "content"
    assert (place / "d" / "up" / "up" / "f").read_text() == "content"
    assert os.lstat(place / "dangling").st_size == len("not/there") and not (place / "dangling").exists()
    with refused(errno.ELOOP):
        os.stat(place / "loop")
    with refused(errno.ELOOP):
        os.open(place / "relative", os.O_RDONLY | os.O_NOFOLLOW)
    with refused(errno.EEXIST):
        os.symlink("x", place / "relative")
    long = "/".join(["n" * 200] * 20)
    os.symlink(long, place / "long")
    assert os.readlink(place / "long") == long
    os.utime(place / "dangling", ns=(5, 6), follow_symlinks=False)
    assert os.lstat(place / "dangling").st_mtime_ns == 6
    owner = (12, 34) if is_root() else (os.getuid(), os.getgid())
    os.lchown(place / "dangling", *owner)
    assert (os.lstat(place / "dangling").st_uid, os.lstat(place / "dangling").st_gid) == owner
    (place / "made").symlink_to("target")
    (place / "made").write_text("through a dangling link")
    assert (place / "target").read_text() == "through a dangling link"
    os.rename(place / "relative", place / "moved")
    assert os.readlink(place / "moved") == "d/f"
    (place / "loop").unlink()


def test_hard_links(place):
    (place / "d").mkdir()
    (place / "a").write_text("one")
    os.link(place / "a", place / "d" / "b")
    a, b = (place / "a").stat(), (place / "d" / "b").stat()
    assert a.st_ino == b.st_ino and a.st_nlink == b.st_nlink == 2
    with opened(place / "a", os.O_RDWR) as first, opened(place / "d" / "b", os.O_RDWR) as second:
        os.write(first, b"ONE, two")
        assert os.read(second, 100) == b"ONE, two"
        os.ftruncate(second, 3)
        assert os.fstat(first).st_size == 3
    (place / "a").unlink()
    assert (place / "d" / "b").stat().st_nlink == 1 and (place / "d" / "b").read_text() == "ONE"
    with refused(errno.EEXIST):
        os.link(place / "d" / "b", place / "d" / "b")
    with refused(errno.EPERM):
        os.link(place / "d", place / "e")
    (place / "l").symlink_to("nowhere")
    os.link(place / "l", place / "l2", follow_symlinks=False)
    assert os.readlink(place / "l2") == "nowhere" and os.lstat(place / "l").st_ino == os.lstat(place / "l2").st_ino


def test_an_open_file_loses_one_of_its_two_links(place):
    (place / "a").write_text("content")
    os.link(place / "a", place / "b")
    os.rename(place / "b", place / "c")
    with opened(place / "a", os.O_RDWR) as fd:
        (place / "a").unlink()
        os.fchmod(fd, 0o600)
        assert os.fstat(fd).st_nlink == 1 and (place / "c").stat().st_mode & 0o777 == 0o600
        (place / "c").unlink()
        assert os.fstat(fd).st_nlink == 0 and os.read(fd, 10) == b"content"
        os.fchmod(fd, 0o640)


def test_fifo(place):
    os.mkfifo(place / "fifo", 0o600)
    assert stat.S_ISFIFO(os.stat(place / "fifo").st_mode)
    with opened(place / "fifo", os.O_RDONLY | os.O_NONBLOCK) as reader, opened(place / "fifo", os.O_WRONLY) as writer:
        os.write(writer, b"through")
        assert os.read(reader, 10) == b"through"
