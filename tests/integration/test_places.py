"""The place of a task's folder: moved, in the trash, restored, copied, or created by two writers at once."""

import contextlib
import json
import os
import shutil
import sqlite3
import threading

import pytest

from harness import control, field, make_media, png, run, settled, state, task_id, wait_for, wait_state

MARK = "user.seedancefs.task"


# --- the trash ---

@pytest.mark.parametrize("thrown", ["film/scene", "film"])
def test_a_held_order_in_the_trash_is_not_sent(mount, simulator, thrown):
    simulator.fault("create", {"status": 429, "headers": {"Retry-After": "2"},
                               "body": {"error": {"code": "RateLimitExceeded", "message": "slow"}}}, times=1)
    folder = mount.folder("film/scene", "A fox")
    wait_for(lambda: "asked for a later retry" in (field(folder, "waiting") or ""), "held")
    trash = mount.path / ".Trash-0" / "files"
    trash.mkdir(parents=True)
    os.rename(mount.path / thrown, trash / "thrown")
    there = trash / "thrown" / ("scene" if thrown == "film" else "")
    wait_for(lambda: field(there, "waiting") == "the folder is in the trash", "told")
    settled(mount, simulator, 0)
    assert state(there) == "pending"
    # Moved out of the trash, it is an order again.
    os.rename(trash / "thrown", mount.path / "back")
    back = mount.path / "back" / ("scene" if thrown == "film" else "")
    wait_state(back, "succeeded")
    settled(mount, simulator, 2)  # includes the marker of the first call


def test_a_finished_task_in_the_trash_is_unchanged(mount, simulator):
    folder = mount.folder()
    wait_state(folder, "succeeded")
    trash = mount.path / ".Trash-0" / "files"
    trash.mkdir(parents=True)
    os.rename(folder, trash / "cat")
    assert state(trash / "cat") == "succeeded"
    assert (trash / "cat" / "video.mp4").read_bytes()
    settled(mount, simulator, 1)


# --- a restored or copied library ---

def restore(mount, tmp_path):
    """Restores the library as a backup program does: all files come back with other inodes."""
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
    # The next start finds it by what this one recorded.
    mount.end()
    mount.start()
    assert state(kitten) == "succeeded"
    (kitten / "notes.txt").write_text("mine")
    settled(mount, simulator, 1)


def test_one_of_two_moved_folders_of_a_restored_library_is_the_task(mount, simulator, tmp_path):
    folder = mount.folder()
    wait_state(folder, "succeeded")
    os.rename(folder, mount.path / "kitten")
    mount.end()
    run("cp", "-a", mount.library / "tree" / "kitten", mount.library / "tree" / "double")
    mount.start()
    assert state(mount.path / "kitten") == "succeeded"  # the inode decides
    assert os.listdir(mount.path / "double") == ["prompt.txt"]
    restore(mount, tmp_path)
    both = [mount.path / "kitten", mount.path / "double"]
    wait_for(lambda: sum("status" in os.listdir(one) for one in both) == 1, "one task")
    settled(mount, simulator, 1)
    assert sum("status" in os.listdir(one) for one in both) == 1


@pytest.mark.parametrize("old, new", [("z", "c"), ("old", "new"), ("k1", "k2"), ("p", "q"), ("x9", "b3")])
def test_a_copy_at_the_old_place_of_a_moved_task_is_an_archive(mount, simulator, old, new):
    folder, moved = mount.folder(old), mount.path / new
    wait_state(folder, "succeeded")
    video = (folder / "video.mp4").read_bytes()
    mount.end()  # the ledger has the old place and does not see the move
    mount.start()
    os.rename(folder, moved)
    mount.end()
    tree = mount.library / "tree"
    run("cp", "-a", tree / new, tree / old)
    assert MARK in os.listxattr(tree / old)
    mount.start()
    os.listdir(folder)  # the daemon sees the copy first
    wait_for(lambda: "status" in os.listdir(moved), "the task")
    assert os.listdir(folder) == ["prompt.txt"]
    shutil.rmtree(folder)
    assert state(moved) == "succeeded" and (moved / "video.mp4").read_bytes() == video
    settled(mount, simulator, 1)
    assert [task["state"] for task in simulator.tasks()] == ["succeeded"] * 2


def test_the_original_folder_is_the_task_even_if_it_appears_late(mount, simulator, tmp_path):
    folder, tree = mount.folder(), mount.library / "tree"
    wait_state(folder, "succeeded")
    mount.end()
    run("cp", "-a", tree / "cat", tree / "double")
    away = mount.library / "away"
    os.rename(tree / "cat", away)
    os.rename(tree / "double", tree / "cat")
    mount.start()
    wait_for(lambda: "status" in os.listdir(folder), "the copy stands for the task")
    os.rename(away, tree / "real")  # behind the mount
    assert state(mount.path / "real") == "succeeded"
    wait_for(lambda: os.listdir(folder) == ["prompt.txt"], "the copy is an archive")
    shutil.rmtree(folder)
    assert (mount.path / "real" / "video.mp4").read_bytes()
    settled(mount, simulator, 1)


def test_a_new_folder_inherits_nothing_of_one_removed_behind_the_mount(mount, simulator):
    """Filesystems reuse inode numbers at once."""
    tree = mount.library / "tree"
    inode = (tree / mount.finished(simulator, "cat").name).stat().st_ino
    shutil.rmtree(tree / "cat")
    folders = []
    while len(folders) < 100 and inode not in [(tree / folder.name).stat().st_ino for folder in folders]:
        folders.append(mount.path / f"new-{len(folders)}")
        folders[-1].mkdir()
        assert not os.listdir(folders[-1]) and not (folders[-1] / "status").exists()
    (folders[-1] / "prompt.txt").write_text("A dog\n")
    wait_state(folders[-1], "succeeded")
    assert "A dog" in [task["prompt"] for task in simulator.tasks()]
    assert simulator.creates() == 2


def test_a_copy_made_behind_the_mount_is_an_archive_while_the_task_exists(mount, simulator):
    folder, tree = mount.folder(), mount.library / "tree"
    wait_state(folder, "succeeded")
    run("cp", "-a", tree / "cat", tree / "double")
    assert os.listdir(mount.path / "double") == ["prompt.txt"]
    os.rename(tree / "cat", mount.library / "away")
    run("cp", "-a", mount.library / "away", tree / "cat")
    assert state(folder) == "succeeded"  # the folder restored at its place is the task


def test_a_restored_library_shows_its_tasks_and_orders_nothing_again(mount, simulator, tmp_path):
    """Its inodes are new: the daemon knows which folders are tasks only after a walk of the whole tree."""
    folder = mount.folder()
    wait_state(folder, "succeeded")
    mount.end()
    for i in range(3000):
        (mount.library / "tree" / f"plain-{i}").mkdir()
    shutil.move(mount.library, tmp_path / "backup")
    run("cp", "-a", tmp_path / "backup", mount.library)
    mount.expect_log("library_copied")
    mount.start()
    with contextlib.suppress(BlockingIOError, PermissionError):
        open(folder / "prompt.txt", "r+").close()
    said = set()

    def writes():
        for name in ("request.json", "status"):
            result = run("bash", "-c", f"echo x > {folder}/{name}", check=False)
            said.add(result.stderr.strip().rsplit(": ", 1)[-1])
        return "status" in os.listdir(folder)

    wait_for(writes, "the task")
    assert state(folder) == "succeeded" and (folder / "video.mp4").read_bytes()
    assert said <= {"Resource temporarily unavailable", "Permission denied", "Invalid argument"}
    assert sorted(os.listdir(mount.library / "tree" / "cat")) == ["prompt.txt"]
    assert (folder / "prompt.txt").read_text() == "A kitten yawning at the camera\n"
    (mount.path / "plain-7" / "prompt.txt").write_text("A dog\n")
    wait_for(lambda: "copied or restored" not in (field(mount.path / "plain-7", "waiting") or ""), "an order")
    wait_state(mount.path / "plain-7", "succeeded")
    assert simulator.creates() == 2 and mount.log().count("event=new_task") == 2


def chain(mount, *names):
    """Creates shots, each of which begins with the last frame of the one before."""
    folders = [mount.path / name for name in names]
    for i, folder in enumerate(folders):
        folder.mkdir()
        if i:
            os.symlink(f"../{names[i - 1]}/last_frame.png", folder / "first_frame.png")
        (folder / "request.json").write_text(json.dumps({"prompt": folder.name}))
    for folder in folders:
        wait_state(folder, "succeeded")
    return folders


def lose_marks(mount, tmp_path, lost=()):
    """Restores the library without marks, as tar or cp -r does, and without the folders in `lost`."""
    mount.end()
    for name in lost:
        shutil.rmtree(mount.library / "tree" / name)
    shutil.move(mount.library, tmp_path / "backup")
    run("cp", "-r", "--preserve=links", tmp_path / "backup", mount.library)
    assert not any(os.listxattr(path) for path in (mount.library / "tree").iterdir())
    mount.expect_log("library_copied")
    mount.start()


@pytest.mark.parametrize("names", [("shot-1", "shot-2", "shot-3"), ("c", "b", "a"), ("x", "m", "z")])
@pytest.mark.parametrize("hidden", [False, True])
def test_chained_shots_without_marks_get_their_tasks_back(mount, simulator, tmp_path, names, hidden):
    folders = chain(mount, *names)
    if hidden:
        (folders[0] / "last_frame.png").unlink()
    lose_marks(mount, tmp_path)
    for folder in folders:
        wait_for(lambda: "status" in os.listdir(folder), f"the task of {folder.name}")
        assert state(folder) == "succeeded" and (folder / "video.mp4").read_bytes()
        with pytest.raises(PermissionError):
            (folder / "prompt.txt").write_text(folder.name)
    settled(mount, simulator, 3)


def test_a_draft_and_its_final_video_without_marks_get_their_tasks_back(mount, simulator, tmp_path):
    draft, final = mount.path / "z", mount.path / "a"
    draft.mkdir()
    (draft / "request.json").write_text(json.dumps({"prompt": "One", "draft": True, "resolution": "480p",
                                                    "duration": 4}))
    wait_state(draft, "succeeded")
    final.mkdir()
    (final / "request.json").write_text(json.dumps({"resolution": "720p", "content": [
        {"type": "draft_task", "draft_task": {"id": "../z"}}]}))
    wait_state(final, "succeeded")
    lose_marks(mount, tmp_path)
    for folder in (draft, final):
        wait_for(lambda: "status" in os.listdir(folder), f"the task of {folder.name}")
        assert state(folder) == "succeeded"
    settled(mount, simulator, 2)


@pytest.mark.parametrize("when", ["at once", "after a kill"])
def test_a_folder_without_mark_that_cannot_be_identified_orders_nothing_by_itself(mount, simulator, tmp_path, when):
    one, two = chain(mount, "shot-1", "shot-2")
    text = (two / "request.json").read_text()
    lose_marks(mount, tmp_path, lost=["shot-1"])
    wait_for(lambda: "event=library_at_home" in mount.log(), "the end of the walk")
    (two / "request.json").write_text(text)
    assert "copied or restored" in field(two, "waiting") and "submit" in field(two, "waiting")
    assert "before" in field(two, "note")
    if when == "after a kill":
        mount.kill()
        mount.start()
    (two / "first_frame.png").unlink()
    (two / "first_frame.png").write_bytes(png(640, 360))
    settled(mount, simulator, 2)
    assert state(two) == "pending" and "copied or restored" in field(two, "waiting")
    assert "before" in field(two, "note")
    assert control(two, "submit").returncode == 0
    wait_state(two, "succeeded")
    assert simulator.creates() == 4 and field(two, "note") is None


def test_other_content_at_the_place_of_a_task_is_an_order(mount, simulator, tmp_path):
    folder = mount.folder()
    wait_state(folder, "succeeded")
    mount.end()
    (mount.library / "tree" / "cat" / "prompt.txt").write_text("A dog\n")
    mount.start()
    mount.end()
    lose = mount.library / "tree" / "cat"
    os.removexattr(lose, MARK)
    mount.start()
    assert os.listdir(folder) == ["prompt.txt"]

    def writes():
        with contextlib.suppress(BlockingIOError):
            (folder / "prompt.txt").write_text("A horse\n")
            return True

    wait_for(writes, "the end of the walk")
    wait_state(folder, "succeeded")
    settled(mount, simulator, 2)


def orphan(mount, name, number):
    """Creates a marked folder that the ledger does not know, as after a kill between the two writes."""
    books = sqlite3.connect(mount.library / "ledger.sqlite3")
    (library_id,) = books.execute("SELECT value FROM meta WHERE key = 'library_id'").fetchone()
    books.close()
    folder = mount.library / "tree" / name
    folder.mkdir()
    (folder / "prompt.txt").write_text("A fox\n")
    os.setxattr(folder, MARK, f"{library_id} {number}".encode())
    return mount.path / name


def test_a_mark_without_a_ledger_row_is_an_order(mount, simulator):
    mount.end()
    folder = orphan(mount, "fox", 900)
    mount.start()
    wait_state(folder, "succeeded")
    settled(mount, simulator, 1)


def test_a_mark_without_a_row_in_a_copied_ledger_waits(mount, simulator, tmp_path):
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
    settled(mount, simulator, 1)  # it still waits after another start
    assert control(folder, "submit").returncode == 0
    wait_state(folder, "succeeded")


# --- one folder, one task ---

def test_concurrent_writers_make_one_task(mount, simulator):
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


def test_a_writer_during_the_walk_at_a_start_makes_one_task(mount, simulator):
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
def test_a_link_is_resolved_within_the_mount(mount, simulator, target, goes):
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


# --- task.json agrees with status ---

def test_task_json_has_the_keys_of_status(mount, simulator, tmp_path):
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
    video = make_media(tmp_path / "video", 1 << 20)
    simulator.decree(task_id(folder), media={"video": str(video)}, state="succeeded")
    wait_state(folder, "succeeded")
    inode, before = (folder / "task.json").stat().st_ino, task()
    assert before["kept"] < 100 and before["link_expires"] > before["created"]
    (folder / "video.mp4").read_bytes()
    wait_for(lambda: task()["kept"] == 100, "all is kept")
    assert (folder / "task.json").stat().st_ino != inode  # another text is another file
