"""The user's own files behave in the mount as on the filesystem below: contents and attributes.

Most tests run twice, on the mount and on a plain folder, so that they assert what the filesystem
below really does.
"""

import errno
import fcntl
import mmap
import os
import random

import pytest

from harness import is_root, run
from two_places import KEEP_SIZE, PUNCH_HOLE, below, child, fallocate, finish, opened, refused
from two_places import folder, place, shared  # noqa: F401


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
