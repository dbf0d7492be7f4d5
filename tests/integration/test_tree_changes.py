"""The user's own files: changes behind the mount, concurrency, and a comparison with a plain folder."""

import concurrent.futures
import contextlib
import errno
import os
import pathlib
import random
import shutil
import stat

import pytest

from harness import run, wait_for
from two_places import EXCHANGE, NOREPLACE, below, opened, refused, renameat2
from two_places import folder, place, shared  # noqa: F401


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
