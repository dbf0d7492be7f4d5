"""Looking at a folder fetches nothing and waits for nobody; a copy of a video has every byte."""

import os
import shutil
import subprocess
import time

import pytest

from harness import PATIENCE, field, is_root, make_media, run, wait_for

MIB = 1 << 20
SIZE = 24 * MIB + 4321


@pytest.fixture
def video(tmp_path):
    return make_media(tmp_path / "video.bin", SIZE)


@pytest.fixture
def folder(make_mount, simulator, video):
    """A finished task of which only the video's head is on disk, without read-ahead."""
    mount = make_mount(simulator, options=["keep=lazy"])
    folder = mount.finished(simulator, video=video)
    simulator.control("DELETE", "/stats")
    return folder


def fetched(simulator):
    return simulator.stats()["media_bytes"]


def drop_caches():
    """Drops the page cache, on which the tests cannot rely."""
    if is_root():
        with open("/proc/sys/vm/drop_caches", "w") as file:
            file.write("1")


# --- listing and completion ---

LOOKS = {
    "ls": 'ls -la "$1" && ls -laR --color=always "$1"/.. && ls -lsi --time=atime "$1"/..',
    "find": 'find "$1"/.. -ls && find "$1"/.. -size +1M -newermt 2020-01-01 -name "*.mp4" -printf "%k %s %p\\n" && find "$1"/.. -empty',
    "du": 'du -a "$1"/.. && du -sh --apparent-size "$1" && df "$1"',
    "stat": 'stat "$1"/* && stat -f "$1" && test -r "$1"/video.mp4 -a -s "$1"/video.mp4',
    "completion": 'cd "$1" && compgen -f vi && compgen -G "*" && compgen -A file "$1"/la && echo *.mp4 ../*/video*',
    "getfattr": 'getfattr --absolute-names -d -m - -R "$1"/.. && getfacl -pR "$1"/..',
    "realpath": 'realpath "$1"/video.mp4 && readlink -f "$1"/last_frame.png',
    "tree by python": 'python3 -c "import os,sys; [print(e.path, e.stat(), e.is_dir()) for r,d,f in os.walk(sys.argv[1]) for e in os.scandir(r)]" "$1"/..',
    "gio list": 'gio list -l -a "standard::*,time::*,unix::*,access::*,thumbnail::*" "$1" && gio info "$1"/status',
    "rsync that compares": 'rsync -an --itemize-changes "$1"/ "$2"/copy/',
    "tar that lists": 'tar -cvf /dev/null -C "$1" .',
    "open": 'exec 3< "$1"/video.mp4 && readlink /proc/self/fd/3 && exec 3<&-',
}
# Runs the program's own completion, as Tab does after `PROGRAM v`.
COMPLETE = """
. /usr/share/bash-completion/bash_completion && cd "$1" && _completion_loader "$2"
COMP_WORDS=("$2" v) COMP_CWORD=1 COMP_LINE="$2 v" COMP_POINT=$((${#2} + 2))
how=$(complete -p "$2") && function=${how##*-F } && "${function%% *}" "$2" v "$2" && printf "%s\\n" "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize("look", LOOKS)
def test_listing_fetches_nothing_and_does_not_wait(simulator, folder, tmp_path, look):
    """The media host hangs meanwhile, so that any request to it would wait."""
    simulator.fault("media", {"hang": "before"}, times=1000)
    (tmp_path / "copy").mkdir()
    start = time.monotonic()
    said = run("bash", "-c", LOOKS[look], "bash", folder, tmp_path, timeout=PATIENCE)
    assert time.monotonic() - start < PATIENCE / 2
    assert "video.mp4" in said.stdout and not said.stderr
    assert simulator.stats()["requests"]["media"] == 0
    simulator.clear_faults()


@pytest.mark.parametrize("command", ["rsync", "file", "mpv", "ffplay"])
def test_completions_of_programs_read_nothing(simulator, folder, command):
    """These are bash-completion's own completions, which know the file types of each program."""
    simulator.fault("media", {"hang": "before"}, times=1000)
    said = run("bash", "-c", COMPLETE, "bash", folder, command)
    assert "video.mp4" in said.stdout.split()
    assert simulator.stats()["requests"]["media"] == 0
    simulator.clear_faults()


def test_an_interactive_shell_completes_without_reading(simulator, folder):
    """Tab is pressed twice, as a person does, to list all names."""
    import pty
    simulator.fault("media", {"hang": "before"}, times=1000)
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
    os.write(terminal, b"bind 'set bell-style none'; ls -l \t\t")
    seen = b""

    def shows_all():
        nonlocal seen
        import select
        if select.select([terminal], [], [], 0)[0]:
            seen += os.read(terminal, 65536)
        return seen.count(b"video.mp4") and seen.count(b"task.json")

    wait_for(shows_all, "the names")
    os.write(terminal, b"\x15exit\n")
    os.close(terminal)
    os.waitpid(pid, 0)
    assert simulator.stats()["requests"]["media"] == 0
    simulator.clear_faults()


@pytest.mark.skipif(not shutil.which("updatedb"), reason="plocate is not installed")
def test_updatedb_reads_no_file(simulator, folder, tmp_path):
    """updatedb enters the mount (its list of pruned filesystems does not include ours) and reads
    names only."""
    simulator.fault("media", {"hang": "before"}, times=1000)
    base = tmp_path / "names.db"
    run("updatedb", "-U", folder.parent, "-o", base, "--prunepaths", "", "--require-visibility", "no")
    found = run("plocate", "-d", base, "video.mp4").stdout
    assert f"{folder}/video.mp4" in found
    assert simulator.stats()["requests"]["media"] == 0
    simulator.clear_faults()


# --- sniffing and searching ---

def test_type_detection_needs_only_the_head(simulator, folder):
    """GIO and shared-mime-info read at most the first 16 KiB of a file."""
    simulator.fault("media", {"hang": "before"}, times=1000)
    said = run("gio", "info", "-a", "standard::content-type", folder / "video.mp4").stdout
    assert "content-type: video/mp4" in said
    with open(folder / "video.mp4", "rb", buffering=0) as file:
        assert len(os.pread(file.fileno(), 16384, 0)) == 16384
    assert simulator.stats()["requests"]["media"] == 0
    simulator.clear_faults()


def test_file_reads_what_it_needs(make_mount, simulator, tmp_path):
    """file(1) reads up to 7 MiB from the start and, for some formats, as much from the end, just as
    a copier starts. This and its read-ahead are fetched, but never all of a large video. A limit
    would have to return wrong data."""
    video = make_media(tmp_path / "long.bin", 96 * MIB)
    folder = make_mount(simulator, options=["keep=lazy"]).finished(simulator, video=video)
    simulator.control("DELETE", "/stats")
    assert run("file", "--brief", "--mime-type", folder / "video.mp4").stdout == "video/mp4\n"
    wait_for(lambda: all(request["done"] for request in simulator.requests(on="media")), "the end of what goes ahead")
    assert fetched(simulator) <= 40 * MIB


def test_grep_without_binary_files_reads_little(simulator, folder):
    """grep's first read of 96 KiB looks like cat's (the kernel requests 256 KiB for both). Its
    read-ahead is at most 2 MiB and ends when grep closes the file."""
    simulator.fault("media", {"rate": 8_000_000}, times=10)
    found = run("grep", "-rIl", "kitten", folder.parent).stdout.splitlines()
    assert sorted(found) == [f"{folder}/prompt.txt", f"{folder}/task.json", f"{folder.parent}/gallery.html"]
    wait_for(lambda: all(request["done"] for request in simulator.requests(on="media")), "the end of what goes ahead")
    assert fetched(simulator) <= 4 * MIB


def test_grep_fetches_each_byte_once(simulator, folder, video):
    """To find that a word is not in a file, grep must read all of it. Each byte is fetched once and kept."""
    assert run("grep", "-rl", "no such word in it", folder.parent, check=False).returncode == 1
    first = fetched(simulator)
    assert SIZE - 131072 <= first <= SIZE * 1.01
    drop_caches()
    run("grep", "-rl", "no such word in it", folder.parent, check=False)
    assert fetched(simulator) == first


# --- backups ---

# The second time, the repository exists, which is an error of the first command only.
BACKUPS = {
    "borg": ('borg init -e none "$2"/repo; cd "$1" && borg create "$2"/repo::{name} . && mkdir "$2"/out{name} &&'
             ' cd "$2"/out{name} && borg extract "$2"/repo::{name}'),
    "restic": ('export RESTIC_PASSWORD=x; restic -q init -r "$2"/repo; cd "$1" && restic -q -r "$2"/repo backup . &&'
               ' restic -q -r "$2"/repo restore latest --target "$2"/out{name}'),
}


@pytest.mark.parametrize("tool", BACKUPS)
def test_a_backup_has_every_byte_and_the_next_one_fetches_nothing(simulator, folder, video, tmp_path, tool):
    environment = {**os.environ, "HOME": str(tmp_path), "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes"}
    run("bash", "-c", BACKUPS[tool].format(name="1"), "bash", folder, tmp_path, env=environment)
    restored = next((tmp_path / "out1").rglob("video.mp4"))
    assert restored.read_bytes() == video.read_bytes() and restored.stat().st_mtime == (folder / "video.mp4").stat().st_mtime
    assert (restored.parent / "prompt.txt").read_text() == (folder / "prompt.txt").read_text()
    assert (restored.parent / "status").read_text().startswith("succeeded\n")
    once = fetched(simulator)
    assert once <= SIZE * 1.01, "each byte is fetched once"
    drop_caches()
    run("bash", "-c", BACKUPS[tool].format(name="2"), "bash", folder, tmp_path, env=environment)
    assert next((tmp_path / "out2").rglob("video.mp4")).read_bytes() == video.read_bytes()
    assert fetched(simulator) == once
    assert simulator.creates() == 0, "stats began anew: nothing was ordered since"


# --- sizes and contents ---

@pytest.fixture(params=["none of it is here", "a part of it is here", "all of it is here"])
def kept(request, simulator, folder, video):
    """The same video with different parts on disk."""
    data = video.read_bytes()
    if request.param == "a part of it is here":
        with open(folder / "video.mp4", "rb", buffering=0) as file:
            assert os.pread(file.fileno(), 3 * MIB, 10 * MIB) == data[10 * MIB:13 * MIB]
    elif request.param == "all of it is here":
        assert (folder / "video.mp4").read_bytes() == data
        wait_for(lambda: field(folder, "kept") == "100%", "all of it on disk")
    return folder / "video.mp4"


def test_apparent_and_disk_sizes_are_right(simulator, kept):
    before = simulator.stats()["requests"]["media"]
    wait_for(lambda: all(request["done"] for request in simulator.requests(on="media")), "the end of what goes ahead")
    wait_for(lambda: kept.stat().st_blocks == int(run("stat", "-c", "%b", kept).stdout), "the writer's end")
    size, on_disk = kept.stat().st_size, kept.stat().st_blocks * 512
    assert run("ls", "-l", kept).stdout.split()[4] == str(size) == str(SIZE)
    assert int(run("du", "-B1", "--apparent-size", kept).stdout.split()[0]) == SIZE
    assert int(run("du", "-B1", kept).stdout.split()[0]) == on_disk
    assert run("stat", "-c", "%b %s", kept).stdout.split() == [str(on_disk // 512), str(SIZE)]
    assert 4096 <= on_disk <= SIZE + 511
    wait_for(lambda: abs(on_disk * 100 / SIZE - int(field(kept.parent, "kept").rstrip("%"))) <= 1.01, "the next status")
    for other in kept.parent.iterdir():
        if other.name not in ("prompt.txt", "request.json"):
            assert other.stat().st_blocks >= 8, f"{other.name} would be archived as zeros"
    assert simulator.stats()["requests"]["media"] == before


def test_no_holes_are_reported(kept):
    with open(kept, "rb") as file:
        assert os.lseek(file.fileno(), 0, os.SEEK_DATA) == 0 and os.lseek(file.fileno(), 0, os.SEEK_HOLE) == SIZE
        assert os.lseek(file.fileno(), 11 * MIB, os.SEEK_DATA) == 11 * MIB
        assert os.lseek(file.fileno(), 11 * MIB, os.SEEK_HOLE) == SIZE


COPIERS = {
    "cp": 'cp "$1"/video.mp4 "$2"/',
    "cp --sparse=always": 'cp --sparse=always "$1"/video.mp4 "$2"/',
    "cp --sparse=auto": 'cp --sparse=auto --reflink=auto -a "$1"/video.mp4 "$2"/',
    "tar -cS": 'tar -C "$1" -cS . | tar -C "$2" -x',
    "tar --hole-detection=seek": 'tar -C "$1" --hole-detection=seek -cS . | tar -C "$2" -x',
    "rsync -S": 'rsync -aS "$1"/ "$2"/',
    "rsync": 'rsync -a "$1"/ "$2"/',
    "dd conv=sparse": 'dd if="$1"/video.mp4 of="$2"/video.mp4 bs=64K conv=sparse status=none',
    "gio": 'gio copy "$1"/video.mp4 "$2"/',
    "python": 'python3 -c "import shutil,sys; shutil.copy2(sys.argv[1], sys.argv[2])" "$1"/video.mp4 "$2"',
}


@pytest.mark.parametrize("copier", COPIERS)
def test_a_copy_has_every_byte(request, simulator, kept, video, tmp_path, copier):
    out = tmp_path / "out"
    out.mkdir()
    run("bash", "-ec", COPIERS[copier], "bash", kept.parent, out)
    assert (out / "video.mp4").read_bytes() == video.read_bytes()
    if request.node.callspec.params["kept"] != "a part of it is here":  # otherwise a request ends where that part begins
        assert fetched(simulator) <= SIZE * 1.01, "each byte is fetched once at most"
