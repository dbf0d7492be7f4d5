"""The user's own files behave in the mount as on the filesystem below.

Most tests run twice, on the mount and on a plain folder, so that they assert what the filesystem
below really does.
"""

import concurrent.futures
import contextlib
import ctypes
import errno
import fcntl
import mmap
import os
import pathlib
import random
import shutil
import signal
import stat
import subprocess
import sys

import pytest

import harness
from harness import is_root, run, wait_for

LIBC = ctypes.CDLL(None, use_errno=True)
NOREPLACE, EXCHANGE = 1, 2
KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE = 1, 2, 16
ODD_NAMES = [b"n" * 255, "Ж猫🐈.txt".encode(), "e\u0301".encode(), "\u00e9".encode(), b"\xff\xfe odd \x01", b" ", b"-rf", b"a\nb",
             b"*?[]\\\"'"]


# --- the two places ---

@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One mount that several tests share."""
    directory = tmp_path_factory.mktemp("shared")
    simulator = harness.Simulator(directory)
    mount = harness.Mount(directory, simulator).start()
    yield mount
    assert simulator.creates() == 0, "plain files never order anything"
    mount.end()
    mount.check_log()
    simulator.stop()


@pytest.fixture(params=["plain", "mount"])
def place(request, tmp_path):
    """An empty folder, once on the filesystem below and once in the mount."""
    if request.param == "plain":
        return tmp_path
    path = request.getfixturevalue("shared").path / request.node.name.replace("/", "_")[:200]
    path.mkdir()
    return path


@pytest.fixture
def folder(shared, request):
    """An empty folder in the mount only."""
    path = shared.path / request.node.name[:200]
    path.mkdir()
    return path


def below(shared, path):
    return shared.library / "tree" / path.relative_to(shared.path)


@contextlib.contextmanager
def opened(path, flags=os.O_RDONLY, mode=0o644, **options):
    fd = os.open(path, flags, mode, **options)
    try:
        yield fd
    finally:
        os.close(fd)


@contextlib.contextmanager
def refused(*errors):
    with pytest.raises(OSError) as caught:
        yield
    assert caught.value.errno in errors, caught.value


def renameat2(old, new, flags):
    if LIBC.renameat2(-100, os.fsencode(old), -100, os.fsencode(new), flags):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(old))


def fallocate(fd, mode, offset, length):
    if LIBC.fallocate(fd, mode, ctypes.c_long(offset), ctypes.c_long(length)):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def link_descriptor(fd, new):
    if LIBC.linkat(-100, b"/proc/self/fd/%d" % fd, -100, os.fsencode(new), 0x400):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def child(code, *arguments, **options):
    """Starts another process and waits until it prints "ready"."""
    process = subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True, preexec_fn=harness.die_with_parent, **options)
    assert process.stdout.readline() == "ready\n"
    return process


def finish(process):
    output, _ = process.communicate("\n", timeout=harness.PATIENCE)
    assert process.returncode == 0
    return output


# --- opening, reading, writing ---

def test_modes_of_open(place):
    file = place / "f"
    with refused(errno.ENOENT):
        os.open(file, os.O_RDWR)
    with opened(file, os.O_RDWR | os.O_CREAT | os.O_EXCL) as fd:
        assert os.write(fd, b"0123456789") == 10
    with refused(errno.EEXIST):
        os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    with opened(file) as fd:
        with refused(errno.EBADF):
            os.write(fd, b"x")
        assert os.pread(fd, 4, 3) == b"3456"
        assert os.pread(fd, 100, 8) == b"89" and os.pread(fd, 1, 10) == b"" and os.pread(fd, 1, 1 << 40) == b""
    with opened(file, os.O_WRONLY) as fd:
        with refused(errno.EBADF):
            os.read(fd, 1)
        os.pwrite(fd, b"ab", 4)
    assert file.read_bytes() == b"0123ab6789"
    with opened(file, os.O_RDWR | os.O_CREAT | os.O_TRUNC) as fd:
        assert os.fstat(fd).st_size == 0
    with refused(errno.EISDIR):
        os.open(place, os.O_RDWR)
    with refused(errno.ENOTDIR):
        os.open(file / "below", os.O_RDONLY)
    with refused(errno.ENOTDIR):
        os.open(file, os.O_RDONLY | os.O_DIRECTORY)


def test_the_creator_of_a_read_only_file_can_write_it(place):
    with opened(place / "f", os.O_WRONLY | os.O_CREAT, 0o444) as fd:
        assert os.write(fd, b"once") == 4
        os.ftruncate(fd, 2)
    assert (place / "f").read_bytes() == b"on" and (place / "f").stat().st_mode & 0o777 == 0o444


def test_an_open_file_can_be_truncated_after_its_mode_became_read_only(place):
    with opened(place / "f", os.O_RDWR | os.O_CREAT) as fd:
        os.write(fd, b"0123456789")
        os.chmod(place / "f", 0o444)
        os.ftruncate(fd, 3)
        os.write(fd, b"x")
        assert os.fstat(fd).st_size == 11
    os.chmod(place / "f", 0)
    assert (place / "f").stat().st_size == 11


def test_two_appenders_lose_nothing(place):
    code = ("import os, sys\n"
            "fd = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)\n"
            "print('ready', flush=True); sys.stdin.readline()\n"
            "for i in range(300): os.write(fd, f'{sys.argv[2]} {i:03}\\n'.encode())\n")
    writers = [child(code, place / "log", name) for name in "ab"]
    for writer in writers:
        writer.stdin.write("\n")
        writer.stdin.flush()
    for writer in writers:
        finish(writer)
    lines = (place / "log").read_text().splitlines()
    for name in "ab":
        assert [line for line in lines if line[0] == name] == [f"{name} {i:03}" for i in range(300)]
    assert len(lines) == 600


def test_append_mode_can_be_switched_on_an_open_file(place):
    file = place / "f"
    file.write_bytes(b"0123456789")
    with opened(file, os.O_WRONLY | os.O_APPEND) as fd:
        os.write(fd, b"A")
        fcntl.fcntl(fd, fcntl.F_SETFL, 0)
        os.pwrite(fd, b"x", 2)
        fcntl.fcntl(fd, fcntl.F_SETFL, os.O_APPEND)
        os.write(fd, b"B")
    assert file.read_bytes() == b"01x3456789AB"


def test_a_mapping_is_written_back_in_place_while_an_appender_has_the_file_open(place):
    file = place / "f"
    file.write_bytes(b"." * 10000)
    with opened(file, os.O_RDWR) as fd, mmap.mmap(fd, 10000) as mapped, opened(file, os.O_WRONLY | os.O_APPEND) as other:
        mapped[4096:4099] = b"abc"
        mapped.flush()
        os.write(other, b"end")
    expected = b"." * 4096 + b"abc" + b"." * 5901 + b"end"
    assert file.read_bytes() == expected


def test_sparse_files(place):
    file = place / "f"
    with opened(file, os.O_RDWR | os.O_CREAT) as fd:
        os.pwrite(fd, b"x", 10 << 20)
        status = os.fstat(fd)
        assert status.st_size == (10 << 20) + 1 and status.st_blocks * 512 < 1 << 20
        assert os.pread(fd, 4, 5 << 20) == b"\0\0\0\0"
        os.ftruncate(fd, 1 << 40)
        assert os.lseek(fd, 0, os.SEEK_END) == 1 << 40
        assert os.pread(fd, 1, (1 << 40) - 1) == b"\0"
        os.ftruncate(fd, 0)
    assert file.stat().st_blocks == 0


def test_truncate_by_path(place):
    file = place / "f"
    file.write_bytes(b"0123456789")
    os.truncate(file, 4)
    assert file.read_bytes() == b"0123"
    os.truncate(file, 8)
    assert file.read_bytes() == b"0123\0\0\0\0"
    os.truncate(file, 0)
    assert file.read_bytes() == b""
    with refused(errno.EISDIR):
        os.truncate(place, 0)
    with refused(errno.EFBIG, errno.EINVAL):
        os.truncate(file, (1 << 63) - 1)


def test_holes_and_data(place):
    with opened(place / "f", os.O_RDWR | os.O_CREAT) as fd:
        os.pwrite(fd, b"a" * 65536, 1 << 20)
        os.ftruncate(fd, 4 << 20)
        os.fsync(fd)
        assert os.lseek(fd, 0, os.SEEK_HOLE) == 0
        data = os.lseek(fd, 0, os.SEEK_DATA)
        assert 0 <= data <= 1 << 20
        assert (1 << 20) + 65536 <= os.lseek(fd, 1 << 20, os.SEEK_HOLE) <= 4 << 20
        with refused(errno.ENXIO):
            os.lseek(fd, 4 << 20, os.SEEK_DATA)


def test_fallocate(place):
    with opened(place / "f", os.O_RDWR | os.O_CREAT) as fd:
        fallocate(fd, 0, 0, 65536)
        assert os.fstat(fd).st_size == 65536 and os.fstat(fd).st_blocks >= 128
        fallocate(fd, KEEP_SIZE, 65536, 65536)
        assert os.fstat(fd).st_size == 65536
        os.pwrite(fd, b"x" * 65536, 0)
        fallocate(fd, PUNCH_HOLE | KEEP_SIZE, 4096, 8192)
        assert os.pread(fd, 16384, 0) == b"x" * 4096 + b"\0" * 8192 + b"x" * 4096
        assert os.fstat(fd).st_size == 65536
        with refused(errno.EOPNOTSUPP):
            fallocate(fd, PUNCH_HOLE, 0, 4096)
        with refused(errno.EINVAL):
            fallocate(fd, 0, 0, 0)


def test_copy_file_range(place):
    content = random.Random(1).randbytes(300_000)
    (place / "from").write_bytes(content)
    with opened(place / "from") as source, opened(place / "to", os.O_RDWR | os.O_CREAT) as target:
        done = 0
        while done < len(content):
            done += os.copy_file_range(source, target, len(content) - done)
        assert os.copy_file_range(source, target, 10) == 0
        os.copy_file_range(source, target, 100, 1000, 5)
    assert (place / "to").read_bytes() == content[:5] + content[1000:1100] + content[105:]


def test_fsync(place):
    with opened(place / "f", os.O_WRONLY | os.O_CREAT) as fd:
        os.write(fd, b"x")
        os.fsync(fd)
        os.fdatasync(fd)
    with opened(place, os.O_RDONLY | os.O_DIRECTORY) as fd:
        os.fsync(fd)
        os.fdatasync(fd)


# --- mappings and locks ---

def test_shared_mapping(place):
    file = place / "f"
    file.write_bytes(b"\0" * 20000)
    with opened(file, os.O_RDWR) as fd, mmap.mmap(fd, 20000) as mapped:
        mapped[5000:5005] = b"hello"
        mapped.flush()
        assert os.pread(fd, 5, 5000) == b"hello"
        os.pwrite(fd, b"world", 6000)
        assert mapped[6000:6005] == b"world"
        mapped[19999] = 1
    assert file.read_bytes()[5000:5005] == b"hello" and file.read_bytes()[-1] == 1 and file.stat().st_size == 20000


def test_private_mapping(place):
    file = place / "f"
    file.write_bytes(b"0" * 8192)
    with opened(file) as fd, mmap.mmap(fd, 8192, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE) as mapped:
        mapped[0:3] = b"abc"
        assert mapped[0:4] == b"abc0"
    assert file.read_bytes() == b"0" * 8192


def test_mapping_of_an_unlinked_file(place):
    file = place / "f"
    file.write_bytes(b"0" * 8192)
    with opened(file, os.O_RDWR) as fd, mmap.mmap(fd, 8192) as mapped:
        os.unlink(file)
        mapped[4096:4099] = b"abc"
        mapped.flush()
        assert os.pread(fd, 4, 4096) == b"abc0"


@pytest.mark.parametrize("kind", ["flock", "lockf"])
def test_locks_between_processes(place, kind):
    file = place / "f"
    file.write_bytes(b"x")
    code = (f"import fcntl, sys\nf = open(sys.argv[1], 'r+')\nfcntl.{kind}(f, fcntl.LOCK_EX)\n"
            "print('ready', flush=True); sys.stdin.readline()\n")
    holder = child(code, file)
    with open(file, "r+") as mine:
        with refused(errno.EAGAIN, errno.EACCES):
            getattr(fcntl, kind)(mine, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finish(holder)
        getattr(fcntl, kind)(mine, fcntl.LOCK_EX | fcntl.LOCK_NB)


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


# --- attributes ---

def test_modes_follow_the_umask(place):
    code = ("import os, sys\n"
            "os.chdir(sys.argv[1]); os.umask(0o027); print('ready', flush=True)\n"
            "os.close(os.open('f', os.O_WRONLY | os.O_CREAT, 0o666)); os.mkdir('d', 0o777); os.mkfifo('p', 0o666)\n")
    finish(child(code, place))
    assert [(place / name).stat().st_mode & 0o7777 for name in "fdp"] == [0o640, 0o750, 0o640]
    for mode in (0, 0o4755, 0o1777, 0o644):
        os.chmod(place / "f", mode)
        assert (place / "f").stat().st_mode & 0o7777 == mode


def test_owners(place):
    (place / "f").touch()
    if is_root():
        os.chmod(place / "f", 0o4755)
        os.chown(place / "f", 1234, 2345)
        status = (place / "f").stat()
        assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (1234, 2345, 0o755)
        os.chown(place / "f", -1, 0)
        assert ((place / "f").stat().st_uid, (place / "f").stat().st_gid) == (1234, 0)
    else:
        os.chown(place / "f", os.getuid(), os.getgid())
        with refused(errno.EPERM):
            os.chown(place / "f", 0, 0)
        with refused(errno.EPERM):
            os.chmod("/", 0o777)


def test_writing_clears_the_set_user_id_bit(make_mount, tmp_path):
    """Root's daemon writes for other users, and what they write must not run as root."""
    mount = make_mount(options=["allow_other"] if is_root() else [])
    for folder in (tmp_path / "open", mount.path / "open"):
        folder.mkdir()
        os.chmod(folder, 0o777)
        (folder / "program").write_bytes(b"good")
        os.chmod(folder / "program", 0o6777)
        finish(child("import os\nif os.getuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
                     "print('ready', flush=True)\nfd = os.open('program', os.O_WRONLY); os.write(fd, b'evil')\n", cwd=folder))
        assert (folder / "program").read_bytes() == b"evil"
        assert (folder / "program").stat().st_mode & 0o7777 == 0o777


def test_files_belong_to_their_creators(make_mount, tmp_path):
    mount = make_mount(options=["allow_other"] if is_root() else [])
    seen = []
    for folder in (tmp_path, mount.path):
        (folder / "open").mkdir()
        (folder / "open" / "group").mkdir()
        if is_root():
            os.chown(folder / "open" / "group", 0, 4321)
        os.chmod(folder / "open", 0o777)
        os.chmod(folder / "open" / "group", 0o2777)
        finish(child("import os\nif os.getuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
                     "print('ready', flush=True)\nopen('f', 'w'); os.mkdir('d'); os.symlink('f', 'l'); os.mkfifo('p')\n"
                     "open('group/f', 'w'); os.mkdir('group/d')\n", cwd=folder / "open"))
        seen.append({str(path.relative_to(folder)): (path.lstat().st_uid, path.lstat().st_gid, oct(path.lstat().st_mode))
                     for path in sorted(folder.glob("open/**/*"))})
    assert len(seen[0]) == 7 and seen[1] == seen[0]


def test_times_have_nanoseconds(place):
    (place / "f").touch()
    os.utime(place / "f", ns=(1_111_111_111_222_333_444, 987_654_321_123_456_789))
    status = (place / "f").stat()
    assert (status.st_atime_ns, status.st_mtime_ns) == (1_111_111_111_222_333_444, 987_654_321_123_456_789)
    run("touch", "-m", "-d", "@5.25", place / "f")
    assert (place / "f").stat().st_mtime_ns == 5_250_000_000
    assert (place / "f").stat().st_atime_ns == 1_111_111_111_222_333_444
    (place / "f").write_text("now")
    assert (place / "f").stat().st_mtime > 1_500_000_000
    before = (place / "f").stat().st_ctime_ns
    os.chmod(place / "f", 0o600)
    assert (place / "f").stat().st_ctime_ns >= before


def test_extended_attributes(place):
    (place / "f").touch()
    for path in (place / "f", place):
        with refused(errno.ENODATA):
            os.getxattr(path, "user.x")
        os.setxattr(path, "user.x", b"value\0with zero", os.XATTR_CREATE)
        with refused(errno.EEXIST):
            os.setxattr(path, "user.x", b"", os.XATTR_CREATE)
        with refused(errno.ENODATA):
            os.setxattr(path, "user.y", b"", os.XATTR_REPLACE)
        assert os.getxattr(path, "user.x") == b"value\0with zero"
        os.setxattr(path, "user.empty", b"")
        assert sorted(os.listxattr(path)) == ["user.empty", "user.x"] and os.getxattr(path, "user.empty") == b""
        os.removexattr(path, "user.x")
        with refused(errno.ENODATA):
            os.removexattr(path, "user.x")
        assert os.listxattr(path) == ["user.empty"]
        with refused(errno.EOPNOTSUPP):
            os.setxattr(path, "nonsense.x", b"")
    (place / "l").symlink_to("f")
    with refused(errno.EPERM):
        os.setxattr(place / "l", "user.x", b"", follow_symlinks=False)
    assert os.listxattr(place / "l", follow_symlinks=False) == []


def test_access_lists(place):
    (place / "f").touch(0o640)
    (place / "d").mkdir(0o750)
    run("setfacl", "-m", "u:12345:r", place / "f")
    assert "user:12345:r--" in run("getfacl", "-cn", place / "f").stdout
    assert (place / "f").stat().st_mode & 0o777 == 0o640
    run("setfacl", "-d", "-m", "u:12345:rwx,g::rwx,o::-", place / "d")
    code = "import os, sys\nos.umask(0o077); print('ready', flush=True)\nopen(sys.argv[1] + '/d/g', 'w'); os.mkdir(sys.argv[1] + '/d/e')\n"
    finish(child(code, place))
    inherited = run("getfacl", "-cn", place / "d" / "g").stdout
    assert "user:12345:rwx" in inherited and "mask::rw-" in inherited, inherited
    assert (place / "d" / "g").stat().st_mode & 0o777 == 0o660
    assert "default:user:12345:rwx" in run("getfacl", "-cn", place / "d" / "e").stdout
    run("setfacl", "-b", place / "f", place / "d")
    assert "12345" not in run("getfacl", "-cn", place / "f").stdout + run("getfacl", "-cn", place / "d").stdout


# --- what the mount itself adds ---

def test_statfs_is_that_of_the_library(shared, folder):
    ours, theirs = os.statvfs(folder), os.statvfs(shared.library)
    for key in ("f_bsize", "f_frsize", "f_blocks", "f_files", "f_namemax"):
        assert getattr(ours, key) == getattr(theirs, key), key
    assert abs(ours.f_bfree - theirs.f_bfree) * ours.f_frsize < 1 << 30


def test_private_attributes_are_hidden_and_protected(shared, folder):
    real = below(shared, folder)
    os.setxattr(real, "user.seedancefs.task", b"not a mark")
    os.setxattr(real, "user.other", b"1")
    assert os.listxattr(folder) == ["user.other"]
    with refused(errno.ENODATA):
        os.getxattr(folder, "user.seedancefs.task")
    with refused(errno.ENODATA):
        os.removexattr(folder, "user.seedancefs.task")
    os.setxattr(folder, "user.seedancefs.task", b"forged")
    os.setxattr(folder, "user.seedance.x", b"nothing happens")
    assert os.getxattr(real, "user.seedancefs.task") == b"not a mark"
    assert sorted(os.listxattr(real)) == ["user.other", "user.seedancefs.task"]


def test_the_mark_file_is_hidden_and_protected(shared, folder):
    name = ".seedancefs-task"
    (below(shared, folder) / name).write_text("below")
    (folder / "f").touch()
    assert os.listdir(folder) == ["f"]
    for action in (os.stat, os.unlink, os.rmdir, lambda path: os.rename(path, folder / "g")):
        with refused(errno.ENOENT):
            action(folder / name)
    for action in (os.mkdir, lambda path: os.open(path, os.O_WRONLY | os.O_CREAT), lambda path: os.rename(folder / "f", path),
                   lambda path: os.link(folder / "f", path), lambda path: os.symlink("f", path)):
        with refused(errno.EPERM):
            action(folder / name)
    assert (below(shared, folder) / name).read_text() == "below"


def test_inode_numbers_are_unique_and_stable(make_mount):
    mount = make_mount()
    (mount.path / "d" / "e").mkdir(parents=True)
    for i in range(50):
        (mount.path / "d" / f"f{i}").touch()
    os.link(mount.path / "d" / "f0", mount.path / "hard")

    def inodes():
        output = run("find", mount.path, "-mindepth", "1", "-printf", "%i %P\\n").stdout
        found = {path: int(inode) for inode, path in map(str.split, output.splitlines())}
        pages.append(found.pop("gallery.html"))  # each mount has a new version
        assert pages[-1] not in found.values()
        return found

    pages = []
    before = inodes()
    assert before["hard"] == before["d/f0"] and len(set(before.values())) == len(before) - 1
    for path, inode in before.items():
        assert os.lstat(mount.path / path).st_ino == inode
    mount.end()
    mount.start()
    assert inodes() == before


# --- changes behind the mount ---

def test_changes_in_the_library_appear(shared, folder):
    real = below(shared, folder)
    (folder / "f").write_text("old")
    (folder / "d" / "inner").mkdir(parents=True)
    (folder / "d" / "inner" / "f").write_text("inner")
    assert sorted(os.listdir(folder)) == ["d", "f"]
    (real / "f").write_text("new and longer")
    wait_for(lambda: (folder / "f").read_text() == "new and longer", timeout=3)
    (real / "g").write_text("g")
    assert (folder / "g").read_text() == "g" and "g" in os.listdir(folder)
    (real / "g").unlink()
    wait_for(lambda: not (folder / "g").exists(), timeout=3)
    (real / "d").rename(real / "e")
    wait_for(lambda: not (folder / "d").exists(), timeout=3)
    assert (folder / "e" / "inner" / "f").read_text() == "inner"
    (real / "e").rename(real / "d")
    wait_for(lambda: not (folder / "e").exists(), timeout=3)
    assert (folder / "d" / "inner" / "f").read_text() == "inner"
    (real / "f").unlink()
    (real / "f").mkdir()
    wait_for(lambda: (folder / "f").is_dir(), timeout=3)
    (folder / "f" / "x").write_text("x")
    assert (real / "f" / "x").read_text() == "x"


def test_open_files_survive_renames_in_the_library(shared, folder):
    """The mount drops a stale name and reaches the file by its other links or by an open descriptor."""
    real = below(shared, folder)
    (folder / "a").write_text("content")
    os.link(folder / "a", folder / "b")
    with opened(folder / "a", os.O_RDWR) as fd:
        (real / "b").rename(real / "c")
        assert (folder / "c").stat().st_nlink == 2
        (folder / "a").unlink()
        os.fchmod(fd, 0o600)
        assert (real / "c").stat().st_mode & 0o777 == 0o600
        (folder / "c").unlink()
        assert os.fstat(fd).st_nlink == 0
        os.fchmod(fd, 0o644)
        assert os.read(fd, 10) == b"content"


def test_inode_numbers_that_the_library_reuses(shared, folder):
    """Files appear and disappear in the library with the same inode numbers and other types."""
    real = below(shared, folder)
    for i in range(300):
        path = folder / str(i)
        (real / str(i)).mkdir() if i % 2 else (real / str(i)).write_text(str(i))
        assert path.is_dir() == bool(i % 2)
        if i % 2:
            (path / "f").write_text(str(i))
            assert (path / "f").read_text() == str(i)
            (real / str(i) / "f").unlink()
            (real / str(i)).rmdir()
        else:
            assert path.read_text() == str(i)
            (real / str(i)).unlink()


def test_writing_by_a_name_that_vanished_from_the_library_creates_the_file(shared, folder):
    """The kernel still resolves the name to the old inode, and data written there would be lost."""
    real = below(shared, folder)
    for n, go in enumerate((lambda f: f.unlink(), lambda f: f.rename(real / "away"),
                            lambda f: shutil.rmtree(f.parent) or f.parent.mkdir())):
        path = folder / f"d{n}" / "f"
        path.parent.mkdir()
        path.write_text("old")
        with open(path) as reader:
            go(real / f"d{n}" / "f")
            path.write_text("new")
            assert (real / f"d{n}" / "f").read_text() == path.read_text() == "new"
            assert reader.read() == "old"
            with open(f"/proc/self/fd/{reader.fileno()}") as again:
                assert again.read() == "old"
    assert (real / "away").read_text() == "old"
    (folder / "cut").write_text("old and long")
    with open(folder / "cut"):
        (real / "cut").rename(real / "kept")
        (real / "cut").write_text("another")
        os.truncate(folder / "cut", 3)
    assert (real / "kept").read_text() == "old and long" and (real / "cut").read_text() == "ano"


def test_a_file_below_a_closed_folder_keeps_its_name(shared, folder):
    """It is reopened through its descriptor while its folder is closed: checks on its content still apply."""
    (folder / "d").mkdir()
    (folder / "d" / "hold").touch()
    (folder / "d" / "prompt.txt").write_text("A fox")
    fd = os.open(folder / "d" / "prompt.txt", os.O_RDWR)
    (below(shared, folder) / "d").chmod(0)
    os.close(os.open(f"/proc/self/fd/{fd}", os.O_RDONLY))
    (below(shared, folder) / "d").chmod(0o755)
    os.write(fd, b"A fox --dur long")
    with refused(errno.EINVAL):
        os.close(fd)


def test_a_directory_replaced_by_a_link_is_not_followed(shared, folder, tmp_path):
    real = below(shared, folder)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (folder / "d" / "inner").mkdir(parents=True)
    (folder / "d" / "secret").write_text("mine")
    with opened(folder / "d", os.O_RDONLY | os.O_DIRECTORY) as fd:
        os.stat("secret", dir_fd=fd)
        (real / "d").rename(tmp_path / "away")
        (real / "d").symlink_to(outside)
        for action in (lambda: os.open("new", os.O_WRONLY | os.O_CREAT, dir_fd=fd), lambda: os.mkdir("new", dir_fd=fd),
                       lambda: os.unlink("secret", dir_fd=fd), lambda: os.open("secret", os.O_RDWR, dir_fd=fd),
                       lambda: os.chmod("secret", 0o777, dir_fd=fd), lambda: os.symlink("x", "new", dir_fd=fd),
                       lambda: os.rename("secret", "other", src_dir_fd=fd, dst_dir_fd=fd)):
            with refused(errno.ESTALE, errno.ENOENT):
                action()
    assert os.listdir(outside) == ["secret"] and (outside / "secret").read_text() == "secret"
    assert not (outside / "secret").stat().st_mode & 0o111
    # The kernel may follow it as the user's own link, as on any filesystem.
    wait_for(lambda: (folder / "d").is_symlink(), timeout=3)
    assert (folder / "d" / "secret").read_text() == "secret"


def test_no_path_leads_above_the_root_of_the_mount(shared, folder):
    assert (shared.path / "..").stat().st_ino == shared.path.parent.stat().st_ino
    (folder / "up").symlink_to("../" * 40 + "etc/hostname")
    assert (folder / "up").resolve() == pathlib.Path("/etc/hostname")
    with opened(shared.path, os.O_RDONLY | os.O_DIRECTORY) as fd:
        inode = os.fstat(fd).st_ino
    assert inode != (shared.library / "tree").stat().st_ino
    assert {line.split()[1]: int(line.split()[0]) for line in run("ls", "-1ai", shared.path).stdout.splitlines()}["."] == inode


# --- concurrency ---

def test_many_threads_in_one_directory(place):
    workers, rounds = 64, 30

    def work(number):
        rng = random.Random(number)
        kept = set()
        for i in range(rounds):
            name = f"{number}-{i}"
            with opened(place / name, os.O_RDWR | os.O_CREAT | os.O_EXCL) as fd:
                os.write(fd, name.encode())
                kept.add(name)
                what = rng.randrange(4)
                if what == 0:
                    os.unlink(place / name)
                    kept.remove(name)
                elif what == 1:
                    os.rename(place / name, place / f"{name}-moved")
                    kept.remove(name)
                    kept.add(f"{name}-moved")
                elif what == 2 and len(kept) > 1:
                    other = rng.choice(sorted(kept - {name}))
                    os.rename(place / name, place / other)
                    kept.remove(name)
                assert os.pread(fd, 100, 0) == name.encode()
                os.fchmod(fd, 0o600)
            if i % 7 == 0:
                assert kept <= set(os.listdir(place))
        return kept

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        kept = set().union(*pool.map(work, range(workers)))
    assert set(os.listdir(place)) == kept
    for name in kept:
        status = (place / name).stat()
        assert status.st_nlink == 1 and status.st_size == len((place / name).read_bytes()) > 0
        assert status.st_mode & 0o777 == 0o600


def test_many_threads_on_the_same_names(place):
    """Threads replace, exchange and remove each other's files; every remaining file is complete."""
    names = [f"n{i}" for i in range(8)]
    allowed = {errno.ENOENT, errno.EEXIST, errno.ENOTEMPTY}

    def work(number):
        rng = random.Random(number)
        for i in range(60):
            first, second = (place / name for name in rng.sample(names, 2))
            try:
                what = rng.randrange(6)
                if what == 0:
                    os.unlink(first)
                elif what == 1:
                    os.rename(first, second)
                elif what == 2:
                    renameat2(first, second, EXCHANGE)
                elif what == 3:
                    os.link(first, second)
                elif what == 4:
                    with opened(first, os.O_RDWR) as fd:
                        assert os.read(fd, 10) == b"whole"
                        os.fchmod(fd, rng.choice((0o600, 0o644)))
                        os.fstat(fd)
                else:
                    with opened(place / f"t{number}", os.O_WRONLY | os.O_CREAT | os.O_EXCL) as fd:
                        os.write(fd, b"whole")
                    os.rename(place / f"t{number}", first)
            except OSError as error:
                assert error.errno in allowed, (what, error)

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(16)))
    left = set(os.listdir(place)) - {f"t{i}" for i in range(16)}
    assert left <= set(names)
    for name in left:
        status = (place / name).stat()
        assert (place / name).read_bytes() == b"whole"
        assert status.st_nlink == sum((place / other).stat().st_ino == status.st_ino for other in os.listdir(place))


# --- comparison with a plain folder ---

class Pair:
    """Applies the same random steps to the mount and to a plain folder, and requires the same results."""

    NAMES = [f"{letter}{number}" for letter in "abc" for number in range(3)]

    def __init__(self, ours, plain, seed):
        self.roots = ours, plain
        self.rng = random.Random(seed)
        self.open = {}

    def path(self):
        return "/".join(self.rng.choices(self.NAMES, k=self.rng.choice((1, 1, 2, 2, 3))))

    def both(self, action):
        """Runs a step in both and returns its common result, which may be an error."""
        answers = []
        for root in self.roots:
            try:
                answers.append(action(root))
            except OSError as error:
                answers.append(errno.errorcode[error.errno])
        assert answers[0] == answers[1], answers
        return answers[0]

    def step(self):
        rng = self.rng
        first, second = self.path(), self.path()
        number, size, offset = rng.randrange(256), rng.choice((1, 100, 5000, 140_000)), rng.choice((0, 10, 4096, 100_000))
        data = bytes([number]) * size

        def write(flags):
            def action(root):
                with opened(root / first, flags, 0o644) as fd:
                    return os.pwrite(fd, data, offset)
            return action

        def keep(root):
            self.open.setdefault(root, []).append(os.open(root / first, os.O_RDWR | os.O_CREAT, 0o644))

        def use(root):
            if not self.open.get(root):
                return None
            fd = self.open[root][number % len(self.open[root])]
            os.pwrite(fd, data[:100], offset)
            os.fchmod(fd, 0o600 | number & 0o77)
            if number % 5 == 0:
                os.ftruncate(fd, offset)
            status = os.fstat(fd)
            return status.st_size, status.st_mode, status.st_nlink, os.pread(fd, 50, offset)

        def drop(root):
            if self.open.get(root):
                os.close(self.open[root].pop(number % len(self.open[root])))

        actions = [
            (8, lambda root: os.mkdir(root / first, 0o755)),
            (10, write(os.O_RDWR | os.O_CREAT)),
            (3, write(os.O_RDWR | os.O_CREAT | os.O_EXCL)),
            (3, write(os.O_RDWR | os.O_TRUNC)),
            (3, write(os.O_WRONLY | os.O_APPEND)),
            (8, lambda root: os.rename(root / first, root / second)),
            (2, lambda root: renameat2(root / first, root / second, EXCHANGE)),
            (2, lambda root: renameat2(root / first, root / second, NOREPLACE)),
            (5, lambda root: os.unlink(root / first)),
            (4, lambda root: os.rmdir(root / first)),
            (4, lambda root: os.link(root / first, root / second, follow_symlinks=False)),
            (3, lambda root: os.symlink(f"{second}", root / first)),
            (3, lambda root: os.truncate(root / first, offset)),
            (3, lambda root: os.chmod(root / first, 0o700 | number & 0o77)),
            (2, lambda root: os.utime(root / first, ns=(number, number))),
            (2, lambda root: os.setxattr(root / first, "user.x", data[:20])),
            (4, lambda root: sorted(os.listdir(root / first))),
            (4, lambda root: (root / first).read_bytes()),
            (3, keep), (6, use), (2, drop),
        ]
        weights, choices = zip(*actions)
        self.both(rng.choices(choices, weights)[0])

    def close(self):
        for descriptors in self.open.values():
            for fd in descriptors:
                os.close(fd)
        self.open.clear()

    def compare(self):
        ours, plain = (snapshot(root) for root in self.roots)
        assert ours == plain


def snapshot(root):
    """All that a user can see of a tree; inode numbers are replaced by their order."""
    state, inodes = {}, {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        is_directory = stat.S_ISDIR(status.st_mode)
        identity = None if is_directory else inodes.setdefault(status.st_ino, len(inodes))
        content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else sorted(os.listdir(path))
        attributes = {} if path.is_symlink() else {name: os.getxattr(path, name) for name in os.listxattr(path)}
        state[str(path.relative_to(root))] = (oct(status.st_mode), None if is_directory else status.st_size, status.st_nlink,
                                              identity, content, attributes)
    return state


@pytest.mark.parametrize("seed", range(6))
def test_random_steps_match_a_plain_folder(shared, folder, tmp_path, seed):
    pair = Pair(folder, tmp_path, seed)
    for _ in range(500):
        pair.step()
    pair.compare()
    pair.close()
    pair.compare()


def test_random_steps_survive_a_kill(make_mount, tmp_path):
    mount = make_mount()
    folder, plain = mount.path / "folder", tmp_path / "plain"  # the root shows gallery.html
    folder.mkdir()
    plain.mkdir()
    for seed in range(100, 103):
        pair = Pair(folder, plain, seed)
        for _ in range(300):
            pair.step()
        os.sync()
        mount.kill()
        with contextlib.suppress(OSError):
            pair.close()
        mount.start()
        pair.compare()
