"""Files copied over a task's own folder: nothing paid for is lost, and nothing is ordered."""

import contextlib
import os
import sqlite3
import subprocess
import sys
import time

import pytest

from harness import (PATIENCE, control, field, make_media, run, settled, shell, state, status, task_id, wait_for,
                     wait_state)

MIB = 1 << 20
NAMES = ["last_frame.png", "prompt.txt", "status", "task.json", "video.mp4"]


def media_requests(simulator):
    return [one for one in simulator.requests(on="media") if one["kind"] == "video"]


def bytes_on_disk(mount):
    return sum(path.stat().st_blocks for path in (mount.library / "media").rglob("video.*"))


# --- onto a finished task ---

OVERWRITERS = {
    "tar": 'tar -C "$1" -c . | tar -C "$2" -x',
    "tar --overwrite": 'tar -C "$1" -c . | tar -C "$2" -x --overwrite',
    "tar --unlink-first": 'tar -C "$1" -c . | tar -C "$2" -x --unlink-first',
    "unzip -o": '(cd "$1" && zip -qr - .) > "$3"/a.zip; unzip -qo "$3"/a.zip -d "$2"',
    "cp -r": 'cp -r "$1"/. "$2"',
    "cp --remove-destination": 'cp -r --remove-destination "$1"/. "$2"',
    "rsync": 'rsync -a "$1"/ "$2"/',
    "rsync --inplace": 'rsync -a --inplace "$1"/ "$2"/',
    "mv -f": 'cp -r "$1" "$3"/copy; mv -f "$3"/copy/* "$2"',
    "install": 'install "$1"/* "$2"',
    "by a name with part": 'for f in "$1"/*; do n=${f##*/}; cp "$f" "$2/$n.part" && rm -f "$2/$n" && mv "$2/$n.part" "$2/$n"; done',
    "by another name": 'for f in "$1"/*; do n=${f##*/}; cp "$f" "$2/$n.new" && rm -f "$2/$n" && mv "$2/$n.new" "$2/$n"; done',
}


def finish(mount, simulator, tmp_path, name):
    """Creates a finished task whose bytes are on disk, and a copy of its folder elsewhere in which
    every file differs."""
    video = make_media(tmp_path / "video.bin", 1 * MIB + 5)
    folder = mount.finished(simulator, name, video=video)
    assert control(folder, "fetch").returncode == 0
    wait_for(lambda: field(folder, "kept") == "100%")
    backup = tmp_path / f"backup of {name}"
    run("cp", "-r", folder, backup)
    (backup / "prompt.txt").write_text("A dog that is no cat\n")
    (backup / "video.mp4").write_bytes(b"another video")
    return folder, backup, video.read_bytes()


@pytest.fixture
def finished(mount, simulator, tmp_path):
    return finish(mount, simulator, tmp_path, "cat")


def test_a_finished_task_cannot_be_overwritten(mount, simulator, tmp_path):
    before = {}
    for writer, command in OVERWRITERS.items():
        folder, backup, video = finish(mount, simulator, tmp_path, writer)
        before[folder] = set(os.listdir(folder)), (folder / "prompt.txt").read_bytes(), video
        (scratch := tmp_path / f"scratch of {writer}").mkdir()
        shell(command, backup, folder, scratch, check=False)
    asked = len(media_requests(simulator))
    for _ in "now", "after a kill":
        for folder, (names, prompt, video) in before.items():
            assert state(folder) == "succeeded" and field(folder, "kept") == "100%", folder
            assert names <= set(os.listdir(folder)), folder
            assert (folder / "video.mp4").read_bytes() == video, folder
            assert (folder / "prompt.txt").read_bytes() == prompt, folder
        mount.kill()
        mount.start()
    assert len(media_requests(simulator)) == asked, "fetched again"
    settled(mount, simulator, len(before))


def test_the_bytes_of_a_removed_video_are_deleted_after_a_while(mount, simulator, finished):
    folder, _, video = finished
    (folder / "video.mp4").unlink()
    assert "video.mp4" not in os.listdir(folder)
    with pytest.raises(FileNotFoundError):
        (folder / "video.mp4").read_bytes()
    wait_for(lambda: bytes_on_disk(mount) == 0, "the bytes are gone", 30)
    assert "video.mp4" not in os.listdir(folder)
    with pytest.raises(PermissionError):
        (folder / "video.mp4").write_bytes(b"mine")
    assert "video.mp4" not in os.listdir(folder), "only a fetch brings it back now"
    assert control(folder, "fetch").returncode == 0
    wait_for(lambda: "video.mp4" in os.listdir(folder))
    assert (folder / "video.mp4").read_bytes() == video


def test_a_removed_video_stays_removed_after_a_kill(mount, finished):
    folder, _, video = finished
    (folder / "video.mp4").unlink()
    with contextlib.closing(sqlite3.connect(mount.library / "ledger.sqlite3")) as ledger:
        wait_for(lambda: '"removed":true' in str(ledger.execute("SELECT outputs FROM task").fetchall()), "in the ledger")
    mount.kill()
    mount.start()
    assert "video.mp4" not in os.listdir(folder) and state(folder) == "succeeded"
    wait_for(lambda: bytes_on_disk(mount) == 0, "the bytes are gone")
    assert control(folder, "fetch").returncode == 0
    wait_for(lambda: "video.mp4" in os.listdir(folder))
    assert (folder / "video.mp4").read_bytes() == video


def test_a_removed_video_that_is_fetched_at_once_needs_no_download(mount, simulator, finished):
    folder, _, video = finished
    asked = len(media_requests(simulator))
    (folder / "video.mp4").unlink()
    assert control(folder, "fetch").returncode == 0
    assert (folder / "video.mp4").read_bytes() == video
    assert len(media_requests(simulator)) == asked


def test_a_removed_status_can_be_written_again(mount, finished):
    folder = finished[0]
    (folder / "status").unlink()
    assert "status" not in os.listdir(folder)
    assert control(folder, "fetch").returncode == 0, "the shell makes the file that it does not find"
    assert state(folder) == "succeeded"


# --- onto a task that ended without success ---

def failed(mount, simulator, folder):
    simulator.decree(task_id(folder), state="failed")


def expired(mount, simulator, folder):
    simulator.decree(task_id(folder), state="expired")


def cancelled(mount, simulator, folder):
    assert control(folder, "cancel").returncode == 0


ENDS = {"failed": failed, "expired": expired, "cancelled": cancelled}


def ended(mount, simulator, end, name):
    folder = mount.path / name
    if end == "invalid":
        simulator.fault("create", {"status": 400, "body": {"error": {"code": "InvalidParameter", "message": "no"}}},
                        times=1)
        mount.folder(name, "A dog")
    elif end == "unknown":
        simulator.fault("create", {"close": "after"}, times=1)
        mount.folder(name, "A dog")
    else:
        simulator.hold("queued")
        mount.folder(name, "A dog")
        wait_for(lambda: task_id(folder))
        wait_state(folder, "queued")
        ENDS[end](mount, simulator, folder)
        wait_state(folder, end)
        simulator.hold("")
    wait_state(folder, end)
    return folder


@pytest.mark.parametrize("end", ["failed", "expired", "cancelled", "invalid", "unknown"])
def test_a_copy_onto_an_unsuccessful_task_is_no_order(mount, simulator, tmp_path, end):
    source = mount.folder("good", "A fox")
    wait_state(source, "succeeded")
    folders = [ended(mount, simulator, end, writer) for writer in OVERWRITERS]
    creates = simulator.creates()
    for folder in folders:
        (scratch := tmp_path / f"scratch of {folder.name}").mkdir()
        shell(OVERWRITERS[folder.name], source, folder, scratch, check=False)
    settled(mount, simulator, creates)
    held = [folder for folder in folders if "another task's files" in (field(folder, "waiting") or "")]
    assert mount.path / "cp -r" in held and mount.path / "tar" in held
    for name in set(os.listdir(held[0])) - {"prompt.txt", "status", "task.json"}:
        (held[0] / name).unlink()
    (held[0] / "prompt.txt").write_text("A fox at last\n")
    assert control(held[0], "submit").returncode == 0
    wait_state(held[0], "succeeded")
    assert simulator.creates() == creates + 2


# --- onto nothing, by programs that check for existing names ---

@pytest.mark.parametrize("answer, end", [("A", "succeeded"), ("N", "pending")], ids=["replace all", "skip all"])
def test_a_copier_that_asks_before_overwriting_makes_no_order(make_mount, simulator, tmp_path, answer, end):
    mount = make_mount(simulator, settle=0.7)
    source = mount.folder("good", "A fox")
    wait_state(source, "succeeded")
    saved = tmp_path / "saved"
    run("cp", "-r", source, saved)
    run("zip", "-q", "../saved.zip", "prompt.txt", "status", "task.json", cwd=saved)
    unzip = subprocess.Popen(["unzip", "-q", tmp_path / "saved.zip", "-d", mount.path / "copy"], stdin=subprocess.PIPE,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
    wait_for(lambda: (mount.path / "copy" / "status").exists())
    wait_for(lambda: "another task's files" in (field(mount.path / "copy", "waiting") or ""), "it waits")
    unzip.communicate(answer + "\n", timeout=PATIENCE)
    assert state(mount.path / "copy") == end
    settled(mount, simulator, 1)
    if end == "pending":
        assert control(mount.path / "copy", "submit").returncode == 0
        wait_state(mount.path / "copy", "succeeded")
        assert simulator.creates() == 3


GLIB = """
import ctypes, os, pathlib, sys
ctypes.CDLL(None).prctl(15, sys.argv[3].encode())
folder = pathlib.Path(sys.argv[1])
folder.mkdir()
(folder / "prompt.txt").write_text("A cat")
os.utime(folder / "prompt.txt")
print("made", flush=True)
sys.stdin.readline()
if sys.argv[2] == "its own times":
    os.utime(folder)
elif sys.argv[2] == "its own list":
    os.listdir(folder)
elif sys.argv[2] == "a subfolder":
    (folder / "refs").mkdir()
    os.utime(folder / "refs")
elif sys.argv[2] == "a name elsewhere":
    os.path.exists(folder.parent / "elsewhere")
found = os.path.exists(folder / "status")
if not found:
    with open(folder / "status", "x") as status:
        status.write("succeeded")
print("found" if found else "copied", flush=True)
sys.stdin.read()
"""


def copy_as(mount, turn, thread):
    """Copies a prompt and then a status on a thread of that name; returns what the thread found of
    the status."""
    folder = mount.path / "far" / "cat"
    folder.parent.mkdir()
    copier = subprocess.Popen([sys.executable, "-c", GLIB, folder, turn, thread], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True)
    assert copier.stdout.readline() == "made\n"
    if turn == "somebody's list":
        os.listdir(folder)
    # Longer than the kernel caches the path.
    wait_for(lambda: time.time() - (folder / "prompt.txt").stat().st_mtime > 1.2)
    copier.stdin.write("\n")
    copier.stdin.flush()
    told = copier.stdout.readline().strip()
    return folder, copier, told


@pytest.mark.parametrize("turn", ["nothing", "a subfolder", "a name elsewhere"])
def test_a_copying_glib_thread_does_not_find_the_status(make_mount, simulator, turn):
    """On a busy machine, the time between two files does not identify a copier."""
    mount = make_mount(simulator, settle=2)
    folder, copier, told = copy_as(mount, turn, "pool-manager")
    assert told == "copied" and status(folder) == "succeeded"
    settled(mount, simulator, 0)
    copier.communicate("", timeout=PATIENCE)


@pytest.mark.parametrize("turn", ["its own times", "its own list", "somebody's list", "of Java"])
def test_a_thread_that_checks_its_own_files_finds_the_status(make_mount, simulator, turn):
    """GIO programs check files on the threads that copied them."""
    mount = make_mount(simulator, settle=2)
    folder, copier, told = copy_as(mount, turn, "pool-1-thread-1" if turn == "of Java" else "pool-manager")
    assert told == "found"
    if turn == "of Java":  # a script could as well be a copier that asks before overwriting
        wait_for(lambda: "another task's files" in (field(folder, "waiting") or ""), "it waits")
    else:
        wait_state(folder, "succeeded")
    copier.communicate("", timeout=PATIENCE)


def test_an_edit_ends_the_suspicion_of_a_copy(make_mount, simulator):
    """The script checked for a status earlier and now rewrites its prompt."""
    mount = make_mount(simulator, settle=0.5)
    folder = mount.path / "cat"
    code = """
import os, pathlib, sys
folder = pathlib.Path(sys.argv[1])
folder.mkdir()
(folder / "hold").touch()
(folder / "prompt.txt").write_text("A cat")
os.path.exists(folder / "status")
sys.stdin.readline()
(folder / "prompt.txt").write_text("Another cat")
sys.stdin.read()
"""
    script = subprocess.Popen([sys.executable, "-c", code, folder], stdin=subprocess.PIPE, text=True)
    wait_for(lambda: "held by" in (field(folder, "waiting") or "") if (folder / "status").exists() else False)
    script.stdin.write("\n")
    script.stdin.flush()
    wait_for(lambda: (folder / "prompt.txt").read_text() == "Another cat")
    (folder / "hold").unlink()
    wait_state(folder, "succeeded")
    script.communicate("", timeout=PATIENCE)


def test_a_script_that_reads_the_status_it_finds_is_an_order(make_mount, simulator):
    mount = make_mount(simulator, settle=0.7)
    folder = mount.path / "cat"
    code = """
import os, pathlib, sys
folder = pathlib.Path(sys.argv[1])
folder.mkdir()
(folder / "prompt.txt").write_text("A cat")
while not os.path.exists(folder / "status"): pass
(folder / "status").read_text()
sys.stdin.read()
"""
    script = subprocess.Popen([sys.executable, "-c", code, folder], stdin=subprocess.PIPE)
    wait_for(lambda: (folder / "video.mp4").exists(), "the video")
    script.communicate(b"", timeout=PATIENCE)
    assert script.returncode == 0


# --- the locked text is restored ---

def test_the_prompt_of_an_earlier_attempt_never_comes_back(mount, simulator):
    simulator.hold("queued")
    folder = mount.folder("cat", "The first")
    task = wait_for(lambda: task_id(folder))
    (folder / "prompt.txt").unlink()
    simulator.decree(task, state="failed")
    wait_state(folder, "failed")
    (folder / "prompt.txt").write_text("The second\n")
    wait_for(lambda: task_id(folder) not in (None, task) and state(folder) == "queued")
    (folder / "prompt.txt").rename(folder / "old.txt")
    with pytest.raises(PermissionError):
        (folder / "prompt.txt").write_text("The third\n")
    assert (folder / "prompt.txt").read_text() == "The second\n"


def test_opening_a_locked_file_for_reading_cannot_truncate_it(mount, simulator):
    simulator.hold("queued")
    folder = mount.folder("cat", "A cat")
    wait_for(lambda: task_id(folder))
    with pytest.raises(PermissionError):
        os.open(folder / "prompt.txt", os.O_RDONLY | os.O_TRUNC)
    assert (folder / "prompt.txt").read_text() == "A cat\n"
    simulator.hold("")
    wait_state(folder, "succeeded")
    size = (folder / "video.mp4").stat().st_size
    with pytest.raises(PermissionError):
        os.open(folder / "video.mp4", os.O_RDONLY | os.O_TRUNC)
    assert (folder / "video.mp4").stat().st_size == size == len((folder / "video.mp4").read_bytes())


def test_truncating_by_a_read_only_open_is_an_edit(make_mount, simulator):
    mount = make_mount(simulator, settle=1.5)
    folder = mount.folder("cat", "A cat")
    os.close(os.open(folder / "prompt.txt", os.O_RDONLY | os.O_TRUNC))
    settled(mount, simulator, 0)
    assert state(folder) == "pending"


def test_a_trigger_renamed_while_empty_and_open_is_sent_with_its_text(mount, simulator):
    folder = mount.path / "cat"
    folder.mkdir()
    with open(folder / "prompt.txt.part", "wb", buffering=0) as file:
        file.write(b"A dog")
        file.truncate(0)
        os.rename(folder / "prompt.txt.part", folder / "prompt.txt")
        file.seek(0)
        file.write(b"A fox")
    wait_state(folder, "succeeded")
    assert simulator.requests(on="create")[0]["body"]["content"][0]["text"].startswith("A fox")
