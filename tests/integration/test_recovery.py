"""Recovery from unusual events: repeated words, held orders, unreachable servers, corrected content."""

import contextlib
import json
import os
import types

import pytest

from harness import control, field, run, settled, state, status, task_id, wait_for, wait_state
from recovery_tools import (MIB, busy, change_config, deletes, failed, make_big_png, png, replace, rows,
                            settled_later, sqlite, waits_for)
from recovery_tools import gate  # noqa: F401


# --- cancel ---

@pytest.mark.parametrize("ending", ["cancelled", "running"])
def test_two_cancels_send_one_request(mount, simulator, ending):
    simulator.hold("queued")
    folder = mount.folder()
    other = mount.folder("other")
    for each in (folder, other):
        wait_state(each, "queued")
    task = task_id(folder)
    simulator.fault("delete", {"delay_ms": 600_000}, task=task)
    assert control(folder, "cancel").returncode == 0
    wait_for(lambda: deletes(simulator, task))
    assert control(folder, "cancel").returncode == 0
    # the second cancel is done by now: a later cancel of another task has succeeded
    assert control(other, "cancel").returncode == 0
    wait_state(other, "cancelled")
    assert len(deletes(simulator, task)) == 1
    assert state(folder) == "queued" and "asking" in field(folder, "note")
    if ending == "running":  # too late: the service refuses the cancel
        simulator.decree(task, state="running", hold="running")
    simulator.clear_faults()
    if ending == "running":
        wait_for(lambda: "will be billed" in status(folder))
        simulator.hold("")
        wait_state(folder, "succeeded")
    wait_state(folder, "cancelled" if ending == "cancelled" else "succeeded")
    assert len(deletes(simulator, task)) == 1


@pytest.mark.parametrize("when", ["it was finished", "its size is asked for"])
def test_a_cancel_that_comes_too_late_says_so(mount, simulator, when):
    simulator.hold("queued")
    simulator.fault("get" if when == "it was finished" else "media", {"delay_ms": 600_000})
    folder = mount.folder()
    task = wait_for(lambda: task_id(folder))
    wait_for(lambda: simulator.requests(on="get"))
    simulator.decree(task, state="succeeded")
    if when == "its size is asked for":
        waits_for(folder, "the size of the video")
    assert control(folder, "cancel").returncode == 0
    simulator.clear_faults()
    wait_state(folder, "succeeded")
    wait_for(lambda: field(folder, "note") == "the task ended before it could be cancelled", "the note")
    wait_for(lambda: rows(mount, "SELECT flags FROM task") == [(0,)], "the ledger's knowing")
    assert not deletes(simulator, task)


@pytest.mark.parametrize("ends", [False, True])
def test_a_cancelled_order_is_never_sent(mount, simulator, ends):
    simulator.fault("create", busy(1))
    folder = mount.folder()
    waits_for(folder, "asked for a later retry")
    assert control(folder, "cancel").returncode == 0
    assert state(folder) == "cancelled"
    (folder / "first_frame.png").write_bytes(png())
    (folder / "first_frame.png").unlink()
    for end in (mount.end, mount.kill) if ends else ():
        end()
        mount.start()
        assert state(folder) == "cancelled"
    settled_later(mount, simulator, 0)
    assert state(folder) == "cancelled"


# --- retry ---

@pytest.mark.parametrize("disturbance", ["nothing", "rewritten", "ended", "killed"])
def test_a_retry_held_by_max_active_is_sent_once(make_mount, simulator, disturbance):
    mount = make_mount(simulator)
    folder = failed(mount, simulator)
    change_config(mount, "max_active = 1000", "max_active = 1")
    simulator.hold("running")
    blocker = mount.folder("blocker")
    wait_state(blocker, "running")
    assert control(folder, "retry").returncode == 0
    waits_for(folder, "max_active = 1")
    if disturbance == "rewritten":
        (folder / "prompt.txt").write_text((folder / "prompt.txt").read_text())
    elif disturbance != "nothing":
        (mount.end if disturbance == "ended" else mount.kill)()
        mount.start()
    waits_for(folder, "max_active = 1")
    assert state(folder) == "pending" and simulator.creates() == 2
    simulator.hold("")
    wait_state(folder, "succeeded")
    settled(mount, simulator, 3)


def test_a_retry_held_by_submissions_per_hour_is_sent_once(make_mount, simulator):
    mount = make_mount(simulator, options=["submissions_per_hour=1"])
    folder = failed(mount, simulator)
    assert control(folder, "retry").returncode == 0
    waits_for(folder, "submissions_per_hour = 1")
    (folder / "prompt.txt").write_text((folder / "prompt.txt").read_text())
    waits_for(folder, "submissions_per_hour = 1")
    mount.end()
    assert simulator.creates() == 1
    mount.options.remove("submissions_per_hour=1")
    mount.start()
    wait_state(folder, "succeeded")
    settled(mount, simulator, 2)


def test_words_written_concurrently_order_once(mount, simulator):
    """Two shells write to one status: the later write fails, or repeats a command that is already
    in progress."""
    folder = failed(mount, simulator)
    simulator.hold("queued")
    run("bash", "-c", 'for i in 1 2 3 4 5 6; do { echo retry > "$1"/status; } 2>/dev/null & done; wait', "bash", folder)
    wait_state(folder, "queued")
    for word in ("retry", "submit"):
        assert control(folder, word).returncode
    simulator.hold("")
    wait_state(folder, "succeeded")
    for word in ("retry", "submit"):
        assert control(folder, word).returncode
    settled(mount, simulator, 2)


# --- inputs in other folders ---

@pytest.mark.parametrize("before", ["missing", "half", "open", "linked"])
def test_an_input_in_another_folder_that_becomes_complete_releases_the_order(mount, simulator, before):
    other = mount.path / "other"
    other.mkdir()
    picture = other / "picture.png"
    folder = mount.path / "cat"
    folder.mkdir()
    if before == "half":
        picture.write_bytes(png()[:-20])
    if before == "linked":
        (folder / "first_frame.png").symlink_to("../other/picture.png")
    with contextlib.ExitStack() as stack:
        if before == "open":
            file = stack.enter_context(open(picture, "wb"))
            file.write(png())
            file.flush()
        (folder / "request.json").write_text(json.dumps({"content": [
            {"type": "text", "text": "it yawns"},
            {"type": "image_url", "role": "first_frame", "image_url": {
                "url": "first_frame.png" if before == "linked" else "../other/picture.png"}}]}))
        waits_for(folder, {"half": "incomplete", "open": "open for writing"}.get(before, "does not exist yet"))
        assert state(folder) == "pending" and not simulator.requests(on="create")
    if before != "open":
        picture.write_bytes(png())
    wait_for(simulator.creates, "the order", 15)
    wait_state(folder, "succeeded")
    settled(mount, simulator, 1)


# --- content that is corrected while it is checked ---

def test_an_error_in_content_that_was_corrected_meanwhile_is_dropped(make_mount, simulator):
    mount = make_mount(simulator, settle=0)
    folder = mount.path / "cat"
    folder.mkdir()
    make_big_png(folder / "big.png", 200 * MIB)
    (folder / "wrong.png").write_text("this is no picture")

    def copies():
        """The daemon's private copies of the inputs that it is reading."""
        names = []
        for fd in os.listdir(f"/proc/{mount.pid}/fd"):
            with contextlib.suppress(OSError):
                names.append(os.readlink(f"/proc/{mount.pid}/fd/{fd}"))
        return [name for name in names if name.startswith(str(mount.library)) and name.endswith("(deleted)")]

    replace(folder / "request.json", json.dumps({"content": [{"type": "text", "text": "wrong"}] + [
        {"type": "image_url", "role": "reference_image", "image_url": {"url": name}} for name in ("big.png", "wrong.png")]}))
    wait_for(copies, "the reading of the wrong request")
    replace(folder / "request.json", '{"prompt": "right"}')
    wait_state(folder, "succeeded", "invalid")
    assert state(folder) == "succeeded"
    assert simulator.requests(on="create")[0]["body"]["content"][0]["text"] == "right"
    settled(mount, simulator, 1)


def test_content_that_changes_often_is_ordered_in_its_last_version(make_mount, simulator):
    mount = make_mount(simulator, settle=0)
    folders = [mount.path / f"cat-{n}" for n in range(20)]
    for folder in folders:
        folder.mkdir()
        for turn in range(15):
            replace(folder / "request.json", f'{{"prompt": "x", "durration": {turn}}}')
            if turn < 14:
                replace(folder / "request.json", '{"prompt": ""}')
        replace(folder / "request.json", f'{{"prompt": "{folder.name}"}}')
    for folder in folders:
        wait_state(folder, "succeeded")
    sent = [request["body"]["content"][0]["text"] for request in simulator.requests(on="create")]
    assert sorted(sent) == sorted(folder.name for folder in folders)


# --- refused, or not sent ---

def test_an_order_told_to_wait_is_sent_once_after_a_kill(mount, simulator):
    simulator.fault("create", busy(600))
    folder = mount.folder()
    waits_for(folder, "asked for a later retry")
    mount.kill()
    mount.start()
    wait_state(folder, "succeeded")
    settled(mount, simulator, 1)
    assert len(simulator.requests(on="create")) == 3


def test_an_order_that_reached_no_server_is_sent_once_after_a_kill(make_mount, simulator, gate):
    mount = make_mount(types.SimpleNamespace(key=simulator.key,
                                             address=lambda _: f"http://127.0.0.1:{gate.port}/ark/api/v3"))
    folder = mount.folder()
    waits_for(folder, "cannot be reached")
    assert state(folder) == "pending"
    mount.kill()
    mount.start()
    waits_for(folder, "cannot be reached")
    gate.open()
    wait_state(folder, "succeeded")
    settled(mount, simulator, 1)
    assert len(simulator.requests(on="create")) == 2


@pytest.mark.parametrize("code", [301, 302, 307, 308])
def test_a_create_follows_no_redirect(mount, simulator, code):
    simulator.fault("create", {"status": code, "body": "elsewhere", "headers": {
        "Location": f"{simulator.base_url}/contents/generations/tasks"}})
    folder = mount.folder()
    wait_state(folder, "unknown", "invalid")
    settled(mount, simulator, 0)
    assert len(simulator.requests(on="create")) == 2


# --- a cancel that fails at first ---

@pytest.mark.parametrize("how", ["removed", "asked"])
@pytest.mark.parametrize("end", ["end", "kill"])
def test_a_cancel_is_completed_after_a_restart(mount, simulator, how, end):
    mount.expect_log("poll_failed")
    simulator.hold("queued")
    folder = mount.folder()
    wait_state(folder, "queued")
    simulator.fault("get", {"status": 503}, times=-1)
    wait_for(lambda: "poll_failed" in mount.log())
    if how == "removed":
        run("rm", "-r", folder)
    else:
        assert control(folder, "cancel").returncode == 0
    with sqlite(mount) as books:  # the request is on disk a moment later
        wait_for(lambda: books.execute("SELECT count(*) FROM task WHERE flags & 8").fetchone()[0] == 1)
    getattr(mount, end)()
    simulator.clear_faults()
    mount.start()
    wait_for(lambda: [task["state"] for task in simulator.tasks()] == ["cancelled"], "the cancel", 10)


def test_a_removed_task_is_cancelled_although_the_service_fails_once(mount, simulator):
    mount.expect_log("poll_failed")
    simulator.hold("queued")
    folder = mount.folder()
    wait_state(folder, "queued")
    simulator.fault("delete", {"status": 503})
    run("rm", "-r", folder)
    wait_for(lambda: simulator.requests(on="delete"))
    wait_for(lambda: [task["state"] for task in simulator.tasks()] == ["cancelled"], "the cancel", 10)
