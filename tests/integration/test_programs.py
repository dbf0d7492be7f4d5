"""Real programs in the mount, used on an ordinary folder by people and their tools.

Unless a test says so, no file here has a trigger's name, and no task may result.
"""

import filecmp
import os
import random
import re
import shutil
import subprocess

import pytest

import harness
from harness import run, wait_for


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    directory = tmp_path_factory.mktemp("shared")
    simulator = harness.Simulator(directory)
    mount = harness.Mount(directory, simulator).start()
    yield mount, simulator
    mount.end()
    mount.check_log()
    simulator.stop()


@pytest.fixture
def folder(shared, request):
    """An empty folder in the mount; checks at the end that nothing was ordered in it."""
    mount, simulator = shared
    path = mount.path / re.sub(r"\W+", "-", request.node.name)
    path.mkdir()
    yield path
    assert simulator.creates() == 0, "plain files never order anything"
    assert not list(mount.path.rglob("status")), "plain folders are no tasks"


@pytest.fixture
def source(tmp_path):
    """A tree outside the mount with various kinds of files."""
    root = tmp_path / "source"
    rng = random.Random(7)
    for directory in ("docs", "docs/deep/er", "empty", "code/src"):
        (root / directory).mkdir(parents=True)
    for number in range(40):
        size = rng.choice((0, 1, 100, 4096, 4097, 150_000))
        path = root / rng.choice(("docs", "docs/deep/er", "code/src", ".")) / f"file {number}.bin"
        path.write_bytes(rng.randbytes(size))
        os.chmod(path, rng.choice((0o644, 0o600, 0o755, 0o444)))
    (root / "docs" / "link").symlink_to("deep/er")
    (root / "docs" / "dangling").symlink_to("nowhere")
    (root / "code" / "text.txt").write_text("".join(f"line {n % 97}\n" for n in range(1000)))
    os.link(root / "code" / "text.txt", root / "code" / "hard.txt")
    with open(root / "sparse", "wb") as sparse:
        sparse.seek(3 << 20)
        sparse.write(b"end")
    os.setxattr(root / "code" / "text.txt", "user.tag", b"kept")
    for number, path in enumerate(sorted(root.rglob("*"), reverse=True)):
        os.utime(path, ns=(10 ** 18 + number, 10 ** 18 + number * 1001), follow_symlinks=False)
    return root


def look(root, *, times=True):
    """Lists names, types, modes, sizes, link counts, times and contents."""
    output = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        is_directory = path.is_dir() and not path.is_symlink()
        output[str(path.relative_to(root))] = (
            oct(status.st_mode), None if is_directory else status.st_size, None if is_directory else status.st_nlink,
            status.st_mtime_ns if times else None,
            os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None)
    return output


# --- copying and moving ---

def test_cp_a_copies_in_within_and_out(folder, source, tmp_path):
    run("cp", "-a", source, folder / "a")
    assert look(folder / "a") == look(source)
    assert os.getxattr(folder / "a" / "code" / "text.txt", "user.tag") == b"kept"
    run("cp", "-a", folder / "a", folder / "b")
    assert look(folder / "b") == look(source)
    run("cp", "-a", folder / "b", tmp_path / "out")
    assert look(tmp_path / "out") == look(source)
    run("diff", "-r", "--no-dereference", folder / "a", tmp_path / "out")


def test_cp_r_copies_in_within_and_out(folder, source, tmp_path):
    plain = tmp_path / "plain"
    run("cp", "-r", source, plain)
    run("cp", "-r", source, folder / "a")
    run("cp", "-r", folder / "a", folder / "b")
    run("cp", "-r", folder / "b", tmp_path / "out")
    for copy in (folder / "a", folder / "b", tmp_path / "out"):
        assert look(copy, times=False) == look(plain, times=False)
    run("cp", "-rf", source / "code", folder / "a")
    run("cp", "--reflink=auto", "--sparse=always", source / "sparse", folder / "c")
    assert filecmp.cmp(source / "sparse", folder / "c", shallow=False) and (folder / "c").stat().st_blocks < 1024


def test_mv_moves_in_within_and_out(folder, source, tmp_path):
    before = look(source)
    run("mv", source, folder / "a")
    assert not source.exists() and look(folder / "a") == before
    inode = (folder / "a" / "sparse").stat().st_ino
    (folder / "other").mkdir()
    run("mv", folder / "a", folder / "other" / "b")
    assert (folder / "other" / "b" / "sparse").stat().st_ino == inode, "a move within copies nothing"
    run("mv", folder / "other" / "b", tmp_path / "out")
    assert look(tmp_path / "out") == before and os.listdir(folder / "other") == []


def test_rsync_copies_and_updates(folder, source, tmp_path):
    options = ["-aHX", "--itemize-changes"]
    assert run("rsync", *options, f"{source}/", folder / "a").stdout
    assert look(folder / "a") == look(source)
    assert run("rsync", *options, f"{source}/", folder / "a").stdout == "", "nothing is left to do"
    assert run("rsync", *options, "--checksum", f"{folder}/a/", source).stdout == "", "and nothing the other way"
    (source / "code" / "text.txt").write_text("changed\n")
    os.unlink(source / "docs" / "dangling")
    os.utime(source / "docs", (5, 5))  # rsync compares whole seconds
    run("rsync", "-aH", "--inplace", "--no-whole-file", "--delete", f"{source}/", folder / "a")
    assert look(folder / "a") == look(source)
    run("rsync", "-aHS", f"{folder}/a/", tmp_path / "out")
    assert look(tmp_path / "out") == look(source)


@pytest.mark.parametrize("options", ["", "S", "z"])
def test_tar_archives_and_extracts(folder, source, tmp_path, options):
    run("cp", "-a", source, folder / "a")
    run("tar", "--format=posix", f"-c{options}f", tmp_path / "in.tar", "-C", folder / "a", ".")
    (tmp_path / "out").mkdir()
    run("tar", "-xf", tmp_path / "in.tar", "-C", tmp_path / "out")
    assert look(tmp_path / "out") == look(source)
    run("tar", "--format=posix", f"-c{options}f", folder / "made.tar", "-C", source, ".")
    (folder / "b").mkdir()
    run("tar", f"-xp{options.replace('z', '')}f", folder / "made.tar", "-C", folder / "b")
    assert look(folder / "b") == look(source)
    run("tar", "-df", folder / "made.tar", "-C", folder / "b")


def test_shutil_copies_and_moves(folder, source, tmp_path):
    shutil.copytree(source, folder / "a", symlinks=True)
    shutil.copytree(folder / "a", tmp_path / "out", symlinks=True)
    run("diff", "-r", "--no-dereference", source, tmp_path / "out")
    shutil.move(folder / "a", folder / "b")
    shutil.make_archive(str(folder / "archive"), "zip", folder / "b")
    shutil.unpack_archive(folder / "archive.zip", folder / "c")
    run("diff", "-r", "--no-dereference", "--exclude=link", "--exclude=dangling", folder / "b", folder / "c")
    shutil.rmtree(folder / "b")
    assert sorted(os.listdir(folder)) == ["archive.zip", "c"]


# --- working in place ---

def test_git_works(folder, source):
    environment = {**os.environ, "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b",
                   "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    tree = folder / "tree"
    run("cp", "-a", source, tree)

    def git(*arguments):
        return run("git", "-C", tree, *arguments, env=environment).stdout

    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    assert git("status", "--porcelain") == ""
    (tree / "code" / "text.txt").write_text("changed\n")
    assert git("status", "--porcelain").split() == ["M", "code/text.txt"] or "code/text.txt" in git("status", "--porcelain")
    git("checkout", "-q", "-b", "other")
    git("commit", "-qam", "second")
    git("checkout", "-q", "-")
    git("gc", "-q", "--aggressive", "--prune=now")
    git("fsck", "--full", "--strict")
    git("clone", "-q", "--local", str(tree), str(folder / "clone"))
    git("stash", "list")
    assert git("log", "other", "--format=%s").split() == ["second", "first"]
    assert git("status", "--porcelain") == ""


def test_tools_that_replace_files(folder):
    text = folder / "words"
    text.write_text("pear\napple\nfig\n")
    run("sort", "-o", text, text)
    assert text.read_text() == "apple\nfig\npear\n"
    run("sed", "-i", "s/fig/date/", text)
    assert text.read_text() == "apple\ndate\npear\n"
    run("sed", "-i.bak", "1d", text)
    run("perl", "-pi", "-e", "s/pear/plum/", text)
    assert text.read_text() == "date\nplum\n" and (folder / "words.bak").read_text().startswith("apple")
    run("install", "-m", "0751", text, folder / "installed")
    assert (folder / "installed").stat().st_mode & 0o777 == 0o751
    run("install", "-D", "-m", "0600", text, folder / "made" / "on" / "the" / "way")
    run("bash", "-c", 'echo more >> words; tee -a words <<< "and more"; : > empty; { echo a; sleep 0; echo b; } > two', cwd=folder)
    assert text.read_text() == "date\nplum\nmore\nand more\n" and (folder / "two").read_text() == "a\nb\n"
    run("truncate", "-s", "5", text)
    assert text.read_text() == "date\n"
    run("bash", "-c", "set -o noclobber; ! echo x > words && mktemp -p . && ln -sf words alias && cp -l words linked", cwd=folder)
    assert (folder / "linked").stat().st_nlink == 2
    run("patch", "-s", text, input="--- a\n+++ b\n@@ -1 +1 @@\n-date\n+kiwi\n")
    assert text.read_text() == "kiwi\n"


def test_dd_writes_in_place(folder, tmp_path):
    content = random.Random(3).randbytes(1_000_000)
    (tmp_path / "in").write_bytes(content)
    run("dd", f"if={tmp_path}/in", f"of={folder}/out", "bs=7777", "conv=fsync")
    assert (folder / "out").read_bytes() == content
    run("dd", f"if={tmp_path}/in", f"of={folder}/out", "bs=1000", "skip=5", "seek=2", "count=3", "conv=notrunc,fdatasync")
    assert (folder / "out").read_bytes() == content[:2000] + content[5000:8000] + content[5000:]
    run("dd", f"if={folder}/out", f"of={folder}/direct", "bs=4096", "count=64", "iflag=direct", "oflag=direct,sync")
    assert (folder / "direct").read_bytes() == (folder / "out").read_bytes()[:64 * 4096]


def test_find_and_grep_agree_with_a_plain_folder(folder, source):
    run("cp", "-a", source, folder / "a")
    (folder / "stamp").touch()
    os.utime(folder / "stamp", (2_000_000_000, 2_000_000_000))
    (folder / "a" / "newer").touch()
    os.utime(folder / "a" / "newer", (2_000_000_001, 2_000_000_001))
    assert run("find", folder, "-newer", folder / "stamp", "-name", "*e*").stdout == f"{folder}/a/newer\n"
    (folder / "a" / "newer").unlink()
    for options in (["-type", "f", "-size", "+4095c"], ["-type", "l"], ["-links", "+1", "-type", "f"], ["-empty"], ["-perm", "0444"]):
        ours, theirs = (sorted(run("find", ".", *options, cwd=root).stdout.splitlines()) for root in (folder / "a", source))
        assert ours == theirs, options
    ours, theirs = (sorted(run("grep", "-rc", "line 9", "--include=*.txt", ".", cwd=root).stdout.splitlines())
                    for root in (folder / "a", source))
    assert ours == theirs and ours
    run("diff", "-r", "--no-dereference", folder / "a", source)
    (folder / "a" / "code" / "text.txt").write_text("another")
    assert run("diff", "-rq", "--no-dereference", folder / "a", source, check=False).returncode == 1
    for options in ("-s", "-sb", "-sl"):
        ours, theirs = (int(run("du", options, "--exclude=text.txt", "--exclude=hard.txt", root).stdout.split()[0])
                        for root in (folder / "a", source))
        assert ours == theirs, options
    assert run("df", "--output=size", folder).stdout == run("df", "--output=size", source).stdout
    assert run("ls", "-laR", folder).stdout and run("stat", folder).stdout and run("file", folder / "stamp").stdout
    assert run("md5sum", folder / "a" / "sparse").stdout[:32] == run("md5sum", source / "sparse").stdout[:32]


@pytest.mark.parametrize("journal", ["WAL", "DELETE", "TRUNCATE"])
def test_a_database_works(folder, journal):
    database = folder / "books.db"

    def sql(text):
        return run("sqlite3", "-bail", "-cmd", ".timeout 20000", database, text).stdout.split()

    assert sql(f"PRAGMA journal_mode={journal}; CREATE TABLE t (n INTEGER PRIMARY KEY, who TEXT, pad BLOB);")[0] == journal.lower()
    text = "".join(f"INSERT INTO t (who, pad) VALUES ('WHO', randomblob(3000));" for _ in range(40))
    writers = [subprocess.Popen(["sqlite3", "-bail", "-cmd", ".timeout 20000", str(database), text.replace("WHO", who)],
                                stderr=subprocess.PIPE, text=True) for who in "abc"]
    for writer in writers:
        _, errors = writer.communicate(timeout=harness.PATIENCE * 3)
        assert writer.returncode == 0, errors
    assert sql("SELECT who, count(*) FROM t GROUP BY who ORDER BY who") == ["a|40", "b|40", "c|40"]
    sql("DELETE FROM t WHERE n % 2; VACUUM;")
    assert sql("PRAGMA integrity_check; SELECT count(*) FROM t;") == ["ok", "60"]


def test_compiling_works(folder):
    (folder / "src").mkdir()
    for number in range(3):
        (folder / "src" / f"part{number}.c").write_text(f"int part{number}(void) {{ return {number}; }}\n")
    (folder / "src" / "main.c").write_text("#include <stdio.h>\nint part0(void), part1(void), part2(void);\n"
                                           'int main(void) { printf("%d\\n", part0() + part1() + part2()); return 0; }\n')
    (folder / "Makefile").write_text("CFLAGS = -g -pipe\nprogram: src/main.o src/part0.o src/part1.o libpart2.a\n\t$(CC) -o $@ $^\n"
                                     "libpart2.a: src/part2.o\n\tar rcs $@ $^\n")
    run("make", "-j2", "-s", cwd=folder)
    assert run(folder / "program").stdout == "3\n"
    assert "up to date" in run("make", cwd=folder).stdout
    (folder / "src" / "part2.c").write_text("int part2(void) { return 40; }\n")
    os.utime(folder / "src" / "part2.c", (2_000_000_000, 2_000_000_000))
    run("make", "-s", cwd=folder)
    assert run(folder / "program").stdout == "41\n", "a program is replaced after it ran"
    run("strip", folder / "program")
    assert run(folder / "program").stdout == "41\n"


def test_rm_rf_removes_a_deep_tree(folder):
    path = folder / "top"
    for level in range(80):
        path = path / f"level-{level}-{'x' * 40}"
    path.mkdir(parents=True)
    for parent in [path, *list(path.parents)[:80]]:
        for number in range(3):
            (parent / f"f{number}").touch()
    run("rm", "-rf", folder / "top")
    assert os.listdir(folder) == []


# --- with a trigger ---

def test_a_repository_with_an_order_in_it(mount, simulator, source):
    """Git, cp and tar run around a task: there is one order in all."""
    environment = {**os.environ, "HOME": str(source), "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b",
                   "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    folder = mount.folder("cat")
    harness.wait_state(folder, "succeeded")
    for command in (["init", "-q"], ["add", "prompt.txt"], ["commit", "-qm", "first"], ["fsck"], ["gc", "-q"]):
        run("git", "-C", folder, *command, env=environment)
    run("tar", "-cf", source / "all.tar", "-C", mount.path, "--exclude=.git", "cat")
    run("cp", "-r", folder / "prompt.txt", source / "copy.txt")
    run("mv", folder, mount.path / "moved")
    harness.wait_state(mount.path / "moved", "succeeded")
    assert simulator.creates() == 1


def test_a_trigger_written_by_each_program_orders_once(mount, simulator, tmp_path):
    (tmp_path / "shot").mkdir()
    (tmp_path / "shot" / "prompt.txt").write_text("A kitten yawning\n")
    run("cp", "-r", tmp_path / "shot", mount.path / "by-cp-r")
    run("cp", "-a", tmp_path / "shot", mount.path / "by-cp-a")
    run("rsync", "-a", f"{tmp_path}/shot", mount.path / "by-rsync")
    run("bash", "-c", 'mkdir "$2" && tar -c -C "$1" . | tar -x -C "$2"', "bash", tmp_path / "shot", mount.path / "by-tar")
    (mount.path / "by-install").mkdir()
    run("install", "-m", "0644", tmp_path / "shot" / "prompt.txt", mount.path / "by-install" / "prompt.txt")
    run("dd", f"if={tmp_path}/shot/prompt.txt", f"of={mount.path}/by-rsync/prompt.md", "conv=fsync")
    shutil.copytree(tmp_path / "shot", mount.path / "by-python")
    run("mv", tmp_path / "shot", mount.path / "by-mv")
    folders = [mount.path / f"by-{name}" for name in ("cp-r", "cp-a", "rsync/shot", "tar", "install", "rsync", "python", "mv")]
    for folder in folders:
        harness.wait_state(folder, "succeeded")
    assert simulator.creates() == len(folders)
    wait_for(lambda: all(task["state"] == "succeeded" for task in simulator.tasks()))
    assert len(simulator.requests(on="create")) == len(folders)
