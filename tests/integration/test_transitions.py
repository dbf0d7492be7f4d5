"""A service that contradicts itself: backend/tasks/transitions.h. Nothing is lost by it, and `status` is never false."""
import json

import pytest

from harness import PNG, control, field, state, status, task_id, wait_for, wait_state

VIDEO = bytes(range(256)) * 4096


def task_json(folder):
    return json.loads((folder / "task.json").read_text())


def transitions(mount):
    """The transitions that were not allowed: (from, by, to)."""
    found = []
    for line in mount.log().splitlines():
        if "event=transition " in line:
            values = dict(word.split("=", 1) for word in line.split() if "=" in word)
            assert values["allowed"] == "no"
            found.append((values["from"], values["by"], values["to"]))
    return found


@pytest.fixture
def media(mount):
    """Outputs for decree(): the files that the service will hand out."""
    directory = mount.library.parent
    (directory / "video.mp4").write_bytes(VIDEO)
    (directory / "frame.png").write_bytes(PNG)
    return {"video": str(directory / "video.mp4"), "last_frame": str(directory / "frame.png")}


def finished_out_of_reach(mount, simulator, media):
    """A task that the service finished, and whose media host refuses each link: `running` to people."""
    simulator.hold("queued")
    folder = mount.folder()
    task = wait_for(lambda: task_id(folder))
    simulator.fault("media", {"status": 403, "body": "no"}, times=-1)
    simulator.decree(task, media=media, state="succeeded")
    wait_for(lambda: "media host" in (field(folder, "waiting") or ""))
    assert state(folder) == "running"
    return folder, task


@pytest.mark.parametrize("end", ["failed", "cancelled", "expired"])
def test_succeeded_after_another_end(mount, simulator, media, end):
    mount.expect_log("event=transition ")
    folder, task = finished_out_of_reach(mount, simulator, media)
    url = task_json(folder)["video"]["url"]

    simulator.decree(task, state=end)
    wait_state(folder, "unknown")
    assert f'"{end}" after "succeeded"' in status(folder)
    assert "may be billed" in (folder / "error.txt").read_text()
    assert field(folder, "task") == task
    assert not (folder / "video.mp4").exists()
    known = task_json(folder)
    assert known["task"] == task and known["state"] == "unknown"
    assert known["video"]["url"] == url  # it may come to life again
    assert known["answer"]["status"] == end
    assert transitions(mount)[0] == ("succeeded", end, "unknown")

    simulator.clear_faults()
    simulator.decree(task, state="succeeded")
    wait_state(folder, "succeeded")
    assert (folder / "video.mp4").read_bytes() == VIDEO
    assert not (folder / "error.txt").exists()
    assert "after" not in status(folder)
    assert task_json(folder)["usage"]
    assert simulator.creates() == 1


def test_a_contradiction_is_known_after_a_restart(mount, simulator, media):
    """What was told before the program was killed counts: a failure after it is no plain one."""
    mount.expect_log("event=transition ")
    folder, task = finished_out_of_reach(mount, simulator, media)
    mount.kill()
    mount.unmount_leftover()
    simulator.decree(task, state="failed")
    mount.start()
    wait_state(folder, "unknown")
    assert transitions(mount)[0] == ("succeeded", "failed", "unknown")
    assert task_json(folder)["video"]["url"]

    simulator.clear_faults()
    simulator.decree(task, state="succeeded")
    assert control(folder, f"adopt {task}").returncode == 0
    wait_state(folder, "succeeded")
    assert (folder / "video.mp4").read_bytes() == VIDEO
    assert simulator.creates() == 1


def test_another_task_is_adopted_after_a_contradiction(mount, simulator, media):
    """What is still tried for the task before does not hold up the one that takes its place."""
    mount.expect_log("event=transition ")
    folder, task = finished_out_of_reach(mount, simulator, media)
    dog = mount.folder("dog", "A dog")
    other = wait_for(lambda: task_id(dog))
    simulator.decree(task, state="failed")
    wait_state(folder, "unknown")
    assert control(folder, f"adopt {other}").returncode == 0
    wait_state(folder, "queued")
    simulator.decree(other, state="running")
    wait_state(folder, "running")
    simulator.clear_faults()
    simulator.decree(other, media=media, state="succeeded")
    wait_state(folder, "succeeded")
    assert field(folder, "task") == other
    assert (folder / "video.mp4").read_bytes() == VIDEO


def test_running_after_failed(make_mount, simulator):
    """The create's answer says that it failed, and the first poll that it runs."""
    mount = make_mount(simulator, services=("acedata",))
    mount.expect_log("event=transition ")
    simulator.hold("running")
    first = mount.folder("first")
    task = wait_for(lambda: task_id(first))
    simulator.fault("create", {"status": 200, "body": {
        "success": True, "task_id": task, "trace_id": "t",
        "data": [{"task_id": task, "status": "failed", "error": "no"}]}}, times=1)
    folder = mount.folder("second", "A dog")
    wait_for(lambda: transitions(mount))
    assert transitions(mount)[0] == ("failed", "running", "unknown")
    wait_state(folder, "unknown")
    assert field(folder, "task") == task
    assert '"running" after "failed"' in status(folder)
    assert "adopt" in (folder / "error.txt").read_text()
    assert task_json(folder)["task"] == task

    assert control(folder, f"adopt {task}").returncode == 0
    wait_state(folder, "running")
    simulator.decree(task, state="succeeded")
    wait_state(folder, "succeeded")
    assert (folder / "video.mp4").stat().st_size > 0


def test_a_link_that_is_asked_for_later_leaves_a_success_alone(mount, simulator, media):
    """`failed` after a success that was shown: the video that was shown stays."""
    mount.expect_log("event=transition ", "media_failed", "not_kept")
    simulator.hold("queued")
    folder = mount.folder()
    task = wait_for(lambda: task_id(folder))
    simulator.decree(task, media=media, state="succeeded")
    wait_state(folder, "succeeded")
    simulator.decree(task, state="failed", expire_links=True)
    with pytest.raises(OSError):
        with open(folder / "video.mp4", "rb") as file:
            file.seek(len(VIDEO) - 4096)
            file.read()
    assert transitions(mount)[0] == ("succeeded", "failed", "succeeded")
    assert state(folder) == "succeeded"
    assert (folder / "video.mp4").stat().st_size == len(VIDEO)
    assert task_json(folder)["video"]["url"]
