"""Where a task's folder is: moved, thrown away, restored, copied, marked by two at once."""

import json
import os
import shutil
import sqlite3
import threading

import pytest

from harness import control, field, png, run, state, wait_for, wait_state

MARK = "user.seedancefs.task"


def settled(mount, simulator, creates):
    """Nothing more is sent: a later order of another folder went out, and the count is right."""
    marker = mount.folder(f"marker-{os.urandom(4).hex()}", "marker")
    wait_state(marker, "succeeded")
    assert simulator.creates() == creates + 1


# --- the trash ---

@pytest.mark.parametrize("thrown", ["film/scene", "film"])
def test_an_order_that_is_held_goes_nowhere_from_the_trash(mount, simulator, thrown):
    simulator.fault("create", {"status": 429, "headers": {"Retry-After": "2"},
                               "body": {"error": {"code": "RateLimitExceeded", "message": "slow"}}}, times=1)
    folder = mount.folder("film/scene", "A fox")
    wait_for(lambda: "asks to wait" in (field(folder, "waiting") or ""), "held")
    trash = mount.path / ".Trash-0" / "files"
    trash.mkdir(parents=True)
    os.rename(mount.path / thrown, trash / "thrown")
    there = trash / "thrown" / ("scene" if thrown == "film" else "")
    wait_for(lambda: field(there, "waiting") == "this folder is in the trash", "told")
    settled(mount, simulator, 0)
    assert state(there) == "pending"
    # Out of the trash it is an order again.
    os.rename(trash / "thrown", mount.path / "back")
    back = mount.path / "back" / ("scene" if thrown == "film" else "")
    wait_state(back, "succeeded")
    settled(mount, simulator, 2)  # with the marker of before


def test_an_ended_task_in_the_trash_stays_as_it_is(mount, simulator):
    folder = mount.folder()
    wait_state(folder, "succeeded")
    trash = mount.path / ".Trash-0" / "files"
    trash.mkdir(parents=True)
    os.rename(folder, trash / "cat")
    assert state(trash / "cat") == "succeeded"
    assert (trash / "cat" / "video.mp4").read_bytes()
    settled(mount, simulator, 1)


# --- a library that is restored, or copied ---

def restore(mount, tmp_path):
    """What a backup program does: every file comes back, with other inodes."""
    mount.end()
    shutil.move(mount.library, tmp_path / "backup")
    run("cp", "-a", tmp_path / "backup", mount.library)
    mount.expect_log("library_copied")
    mount.start()


def test_a_moved_folder_of_a_restored_library_keeps_its_task(mount, simulator, tmp_path):
    folder = mount.folder()
    wait_state(folder, "succeeded")
    video = (folder / "video.mp4").read_bytes()
    os.makedirs(mount.path / "films" / "2026")
    os.rename(folder, mount.path / "films" / "2026" / "kitten")
    restore(mount, tmp_path)
    kitten = mount.path / "films" / "2026" / "kitten"
    wait_for(lambda: "status" in os.listdir(kitten), "the task")
    assert state(kitten) == "succeeded" and (kitten / "video.mp4").read_bytes() == video
    # And the next start finds it by what it learnt now.
    mount.end()
    mount.start()
    assert state(kitten) == "succeeded"
    (kitten / "notes.txt").write_text("mine")
    settled(mount, simulator, 1)


def test_of_two_moved_folders_of_a_restored_library_one_is_the_task(mount, simulator, tmp_path):
    folder = mount.folder()
    wait_state(folder, "succeeded")
    os.rename(folder, mount.path / "kitten")
    mount.end()
    run("cp", "-a", mount.library / "tree" / "kitten", mount.library / "tree" / "double")
    mount.start()
    assert state(mount.path / "kitten") == "succeeded"  # the inode tells
    assert os.listdir(mount.path / "double") == ["prompt.txt"]
    restore(mount, tmp_path)
    both = [mount.path / "kitten", mount.path / "double"]
    wait_for(lambda: sum("status" in os.listdir(one) for one in both) == 1, "one task")
    settled(mount, simulator, 1)
    assert sum("status" in os.listdir(one) for one in both) == 1


def orphan(mount, name, number):
    """A folder that was marked, of which the ledger knows nothing: killed in between."""
    books = sqlite3.connect(mount.library / "ledger.sqlite3")
    (library_id,) = books.execute("SELECT value FROM meta WHERE key = 'library_id'").fetchone()
    books.close()
    folder = mount.library / "tree" / name
    folder.mkdir()
    (folder / "prompt.txt").write_text("A fox\n")
    os.setxattr(folder, MARK, f"{library_id} {number}".encode())
    return mount.path / name


def test_a_mark_without_a_line_in_the_ledger_is_an_order(mount, simulator):
    mount.end()
    folder = orphan(mount, "fox", 900)
    mount.start()
    wait_state(folder, "succeeded")
    settled(mount, simulator, 1)


def test_a_mark_without_a_line_in_a_copied_ledger_waits(mount, simulator, tmp_path):
    mount.end()
    folder = orphan(mount, "fox", 900)
    shutil.move(mount.library, tmp_path / "backup")
    run("cp", "-a", tmp_path / "backup", mount.library)
    mount.expect_log("library_copied")
    mount.start()
    wait_for(lambda: "copied or restored" in (field(folder, "waiting") or ""), "held")
    settled(mount, simulator, 0)
    wait_for(lambda: "event=library_at_home" in mount.log(), "at home")
    mount.end()
    mount.start()
    assert mount.log().count("event=library_copied") == 1
    settled(mount, simulator, 1)  # it still waits, also at home
    assert control(folder, "submit").returncode == 0
    wait_state(folder, "succeeded")


# --- one folder, one task ---

def test_two_writers_at_once_make_one_task(mount, simulator):
    rounds, names = 40, ["prompt.txt", "prompt.md", "prompt", "request.json"]
    for round_number in range(rounds):
        folder = mount.path / f"fox-{round_number}"
        folder.mkdir()
        (folder / "hold").touch()
        gate = threading.Barrier(len(names))

        def write(name):
            gate.wait()
            (folder / name).write_text('{"prompt": "A fox"}' if name == "request.json" else "A fox")

        writers = [threading.Thread(target=write, args=[name]) for name in names]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
    assert mount.log().count("event=new_task") == rounds


def test_a_writer_beside_the_walk_of_a_start_makes_one_task(mount, simulator):
    folders = [mount.path / f"fox-{i}" for i in range(200)]
    for folder in folders:
        folder.mkdir()
        (folder / "hold").touch()
        (folder / "prompt.txt").write_text("A fox\n")
    mount.end()
    mount.start()
    for folder in reversed(folders):
        (folder / "prompt.txt").write_text("A dog\n")
    assert mount.log().count("event=new_task") == len(folders)


# --- links ---

@pytest.mark.parametrize("target, goes", [("{mount}/stills/cat.png", True), ("../stills/cat.png", True),
                                          ("{mount}2/stills/cat.png", False), ("/etc/hostname", False)])
def test_a_link_is_followed_in_the_mounts_own_view(mount, simulator, target, goes):
    (mount.path / "stills").mkdir()
    (mount.path / "stills" / "cat.png").write_bytes(png(640, 360))
    folder = mount.path / "cat"
    folder.mkdir()
    os.symlink(target.format(mount=mount.path), folder / "first_frame.png")
    (folder / "prompt.txt").write_text("It walks away\n")
    wait_state(folder, "succeeded" if goes else "invalid")
    if goes:
        content = simulator.requests(on="create")[0]["body"]["content"]
        assert [item.get("role") for item in content] == [None, "first_frame"]
    else:
        assert "copy the file into the folder" in (folder / "error.txt").read_text()
        settled(mount, simulator, 0)


# --- task.json says what status says ---

def test_task_json_has_the_keys_of_status(mount, simulator):
    simulator.hold("running")
    folder = mount.path / "cat"
    folder.mkdir()
    (folder / "hold").touch()
    (folder / "prompt.txt").write_text("A fox\n")

    def task():
        return json.loads((folder / "task.json").read_text())

    wait_for(lambda: "hold" in (field(folder, "waiting") or ""), "held")
    wait_for(lambda: (folder / "task.json").exists(), "task.json")
    assert task()["waiting"] == field(folder, "waiting")
    (folder / "hold").unlink()
    wait_state(folder, "running")
    wait_for(lambda: "next" in task(), "the next poll's time")
    simulator.hold("")
    wait_state(folder, "succeeded")
    inode, before = (folder / "task.json").stat().st_ino, task()
    assert before["kept"] < 100 and before["link_expires"] > before["created"]
    (folder / "video.mp4").read_bytes()
    wait_for(lambda: task()["kept"] == 100, "all is kept")
    assert (folder / "task.json").stat().st_ino != inode  # another text is another file
