"""Orders on their way: locks, limits, polling, and that no order is billed twice."""

import ctypes
import json
import os
import shutil
import signal

import pytest

from harness import control, field, png, run, settled, shell, state, status, task_id, wait_for, wait_state


# --- locks ---

def test_a_sent_task_is_locked_and_editors_lose_nothing(mount, simulator):
    folder = mount.folder(prompt="A cat")
    wait_state(folder, "succeeded")
    prompt = folder / "prompt.txt"
    for command in ('echo other > "$1"', 'echo other >> "$1"', 'truncate -s 0 "$1"', 'echo x > "$1.new"; mv "$1.new" "$1"',
                    'rm -f "$1.new"; cp /etc/hostname "$1"', 'ln -f /proc/version "$1"'):
        assert shell(command, prompt, check=False).returncode != 0, command
        assert prompt.read_text() == "A cat\n"
    prompt.chmod(0o600)
    os.utime(prompt)
    # vim: rename away, a refused create, rename back
    run("mv", prompt, folder / "prompt.txt~")
    assert shell('echo other > "$1"', prompt, check=False).returncode
    run("mv", folder / "prompt.txt~", prompt)
    assert prompt.read_text() == "A cat\n"
    # vim, the other way: unlink, then a refused create
    prompt.unlink()
    assert shell('echo other > "$1"', prompt, check=False).returncode
    assert prompt.read_text() == "A cat\n"
    settled(mount, simulator, 1)


def test_outputs_refuse_writes_and_an_input_with_an_output_name_stays(mount, simulator):
    folder = mount.path / "cat"
    folder.mkdir()
    (folder / "first_frame.png").write_bytes(png(640, 360))
    (folder / "last_frame.png").write_bytes(png(640, 360))
    (folder / "prompt.txt").write_text("it yawns\n")
    wait_state(folder, "succeeded")
    assert (folder / "last_frame.png").read_bytes() == png(640, 360)
    assert (folder / "last_frame.out.png").read_bytes() != png(640, 360)
    assert shell('echo x > "$1"', folder / "video.mp4", check=False).returncode
    assert shell('echo x > "$1"', folder / "first_frame.png", check=False).returncode


def test_outputs_are_copied_when_moved_out(mount, tmp_path):
    folder = mount.folder()
    wait_state(folder, "succeeded")
    data = (folder / "video.mp4").read_bytes()
    run("mv", folder / "video.mp4", tmp_path / "mine.mp4")
    assert (tmp_path / "mine.mp4").read_bytes() == data
    run("mv", folder / "last_frame.png", mount.path / "frame.png")
    assert sorted(os.listdir(folder)) == ["prompt.txt", "status", "task.json"]
    for name in ("status", "task.json"):
        assert run("mv", folder / name, tmp_path / name, check=False).returncode == 0  # mv copies and unlinks
    assert os.listdir(folder) == ["prompt.txt"]


# --- limits ---

def test_submissions_per_hour_holds_further_orders(make_mount, simulator):
    mount = make_mount(simulator, options=["submissions_per_hour=2"])
    folders = [mount.folder(f"cat-{i}") for i in range(3)]
    wait_for(lambda: sum(state(folder) == "succeeded" for folder in folders) == 2)
    waiting = wait_for(lambda: next((field(f, "waiting") for f in folders if state(f) == "pending"), None))
    wait_for(lambda: any("submissions_per_hour = 2" in (field(f, "waiting") or "") for f in folders))
    assert waiting and simulator.creates() == 2
    mount.end()
    mount.start()
    wait_for(lambda: any("submissions_per_hour = 2" in (field(f, "waiting") or "") for f in folders))
    assert simulator.creates() == 2


@pytest.mark.parametrize("is_replaced", [True, False], ids=["replaced", "rewritten"])
def test_an_edit_during_submission_never_mixes_texts(make_mount, simulator, is_replaced):
    """Either the edit or the submission wins: the locked file holds what was sent."""
    simulator.hold("queued")
    mount = make_mount(simulator, settle=0, options=["submissions_per_hour=1000"])
    folders = []
    for n in range(120):
        folder = mount.path / f"cat-{n}"
        folder.mkdir()
        folders.append(folder)
        for text in range(20):
            try:
                if is_replaced:
                    (folder / ".new").write_text(f"{n} edit {text}")
                    os.rename(folder / ".new", folder / "prompt.txt")
                else:
                    (folder / "prompt.txt").write_text(f"{n} edit {text}")
            except PermissionError:
                break
    for folder in folders:
        wait_state(folder, "queued")
    sent = [task["prompt"] for task in simulator.tasks()]
    assert sorted(sent) == sorted((folder / "prompt.txt").read_text() for folder in folders)


def test_an_impossible_task_id_is_explained(mount, simulator):
    folder = mount.path / "cat"
    folder.mkdir()
    shell('echo "{\\"task_id\\": \\"../../etc/passwd\\"}" > "$1"/request.json', folder)
    wait_state(folder, "invalid")
    assert "task_id" in (folder / "error.txt").read_text()
    (folder / "request.json").write_text('{"task_id": "cgt-1", "provider": "nobody"}')
    wait_for(lambda: "nobody" in (folder / "error.txt").read_text() if (folder / "error.txt").exists() else False)


def test_creates_at_one_service_are_limited(make_mount, simulator):
    """A service that drops connections under load leaves the outcome of creates unknown."""
    simulator.hold("queued")
    simulator.fault("create", {"hang": "after"}, times=32)
    mount = make_mount(simulator, settle=0.1, options=["submissions_per_hour=1000"])
    folders = [mount.folder(f"cat-{n}", f"Cat {n}") for n in range(45)]
    wait_for(lambda: sum("32 requests to ark are in flight" in (field(folder, "waiting") or "") for folder in folders) == 13)
    wait_for(lambda: len(simulator.requests(on="create")) == 32)
    simulator.clear_faults()
    for folder in folders:
        wait_state(folder, "queued")
    assert simulator.creates() == 45


def test_polls_at_one_service_are_limited(make_mount, simulator):
    """The daemon polls all tasks at its start, a limited number at a time."""
    simulator.hold("queued")
    mount = make_mount(simulator, settle=0.1, services=["comet"], options=["submissions_per_hour=1000"])
    folders = [mount.folder(f"cat-{n}", f"Cat {n}") for n in range(45)]
    for folder in folders:
        wait_state(folder, "queued")
    mount.end()
    simulator.fault("get", {"hang": "after"}, times=32)
    seen = len(simulator.requests(on="get"))
    mount.start()
    wait_for(lambda: len(simulator.requests(on="get")) == seen + 32)
    wait_state(mount.folder("dog", "A dog"), "queued")  # an order does not wait for the polls
    assert len(simulator.requests(on="get")) == seen + 32
    simulator.clear_faults()
    ids = {task_id(folder) for folder in folders}
    wait_for(lambda: ids <= {request["path"].rsplit("/", 1)[1] for request in simulator.requests(on="get")[seen:]})


# --- failures while sending: never billed twice ---

def test_429_is_retried_when_the_service_says(mount, simulator):
    simulator.fault("create", {"status": 429, "headers": {"Retry-After": "1"},
                               "body": {"error": {"code": "ServerOverloaded", "message": "busy"}}}, times=2)
    folder = mount.folder()
    wait_for(lambda: "asked for a later retry" in (field(folder, "waiting") or ""))
    assert state(folder) == "pending"
    wait_state(folder, "succeeded")
    assert simulator.creates() == 1


def test_429_for_money_is_not_retried(mount, simulator):
    simulator.fault("create", {"status": 429, "body": {"error": {"code": "QuotaExceeded", "message": "used up"}}})
    folder = mount.folder()
    wait_state(folder, "invalid")
    assert "Add credit" in (folder / "error.txt").read_text()
    settled(mount, simulator, 0)


@pytest.mark.parametrize("action", [{"status": 500, "body": "oops"}, {"status": 503}, {"close": "after"},
                                    {"close": "before"}, {"status": 200, "body": {}},
                                    {"status": 200, "body": {"id": "../../etc"}}, {"status": 200, "body": "<html>"}])
def test_an_ambiguous_answer_is_unknown_and_never_retried(mount, simulator, action):
    simulator.fault("create", action)
    folder = mount.folder()
    wait_state(folder, "unknown")
    accepted = simulator.creates()
    assert "may be billed" in (folder / "error.txt").read_text()
    mount.end()
    mount.start()
    assert state(folder) == "unknown"
    settled(mount, simulator, accepted)
    if accepted:  # the task exists: adopting it costs nothing
        task = simulator.tasks()[0]["id"]
        assert control(folder, f"adopt {task}").returncode == 0
        wait_state(folder, "succeeded")
        assert simulator.creates() == accepted + 1


def test_a_lost_connection_is_retried_only_when_nothing_was_sent(make_mount, simulator, tmp_path):
    mount = make_mount(simulator)
    folder = mount.folder("warm-up")
    wait_state(folder, "succeeded")
    simulator.fault("create", {"close": "after"})
    lost = mount.folder("lost")
    wait_state(lost, "unknown")
    # curl repeats a POST on a kept connection that was closed: exactly one request may arrive
    assert len(simulator.requests(on="create")) == 2


def kill_during_create(mount, simulator, when):
    simulator.fault("create", {"hang": when})
    folder = mount.folder()
    simulator.requests(on="create", after=0, timeout_ms=10000)
    wait_for(lambda: simulator.requests(on="create"))
    assert state(folder) == "submitting"
    mount.kill()
    return folder


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_while_the_request_is_in_flight_leaves_it_unknown(mount, simulator, when):
    folder = kill_during_create(mount, simulator, when)
    simulator.clear_faults()
    mount.start()
    assert state(folder) == "unknown"
    error = (folder / "error.txt").read_text()
    assert "may be billed" in error and "adopt ID" in error
    settled(mount, simulator, 1 if when == "after" else 0)


def test_ending_while_the_request_is_in_flight_waits_for_the_answer(mount, simulator):
    simulator.fault("create", {"delay_ms": 700})
    folder = mount.folder()
    wait_for(lambda: simulator.requests(on="create"))
    mount.end()
    mount.start()
    assert state(folder) != "unknown"
    wait_state(folder, "succeeded")
    assert simulator.creates() == 1


def test_a_prompt_written_right_before_a_kill_is_ordered_once(make_mount, simulator):
    mount = make_mount(simulator, settle=1)
    folder = mount.path / "cat"
    folder.mkdir()
    fd = os.open(folder / "prompt.txt", os.O_WRONLY | os.O_CREAT)
    os.write(fd, b"A cat\n")
    mount.process.send_signal(signal.SIGKILL)
    mount.kill()
    try:
        os.close(fd)
    except OSError:
        pass
    mount.start()
    wait_state(folder, "succeeded")
    settled(mount, simulator, 1)


def test_kills_at_any_time_bill_nothing_twice(make_mount, simulator):
    mount = make_mount(simulator, settle=0.05)
    folders = [mount.folder(f"cat-{i}", f"cat number {i}") for i in range(12)]
    for _ in range(6):
        mount.kill()
        mount.start()
        wait_for(lambda: state(folders[0]))
    for folder in folders:
        wait_state(folder, "succeeded", "unknown")
    texts = [request["body"]["content"][0]["text"] for request in simulator.requests(on="create")]
    assert len(texts) == len(set(texts)), "a prompt was sent twice"
    # an unknown order, too, was sent at most once and says so
    for folder in folders:
        if state(folder) == "unknown":
            assert "may be billed" in (folder / "error.txt").read_text()
    mount.expect_log("poll_failed", "media_failed")


def test_a_moved_pending_folder_is_found_after_a_kill(make_mount, simulator):
    mount = make_mount(simulator, settle=1)
    folder = mount.folder()
    (mount.path / "films").mkdir()
    run("mv", folder, mount.path / "films" / "scene")
    mount.kill()
    mount.start()
    wait_state(mount.path / "films" / "scene", "succeeded")
    settled(mount, simulator, 1)


def test_a_copied_library_orders_nothing_by_itself(make_mount, simulator, tmp_path):
    mount = make_mount(simulator, settle=30)
    folder = mount.folder()
    assert state(folder) == "pending"
    mount.end()
    shutil.move(mount.library, tmp_path / "original")
    run("cp", "-a", tmp_path / "original", mount.library)
    mount.options[0] = "settle=0.2"
    mount.start()
    mount.expect_log("library_copied")
    wait_for(lambda: "copied or restored" in (field(folder, "waiting") or ""))
    settled(mount, simulator, 0)
    assert control(folder, "submit").returncode == 0
    wait_state(folder, "succeeded")


def test_a_copied_library_shows_its_tasks_right_after_mounting(make_mount, simulator, tmp_path):
    mount = make_mount(simulator)
    folder = mount.folder()
    wait_state(folder, "succeeded")
    mount.end()
    for i in range(3000):
        (mount.library / "tree" / f"{i % 50}" / f"{i}").mkdir(parents=True)
    shutil.move(mount.library, tmp_path / "original")
    run("cp", "-a", tmp_path / "original", mount.library)
    mount.start()
    mount.expect_log("library_copied")
    assert state(folder) == "succeeded"
    settled(mount, simulator, 1)


def test_a_folder_duplicated_behind_the_mount_is_an_archive(mount, simulator):
    folder = mount.folder()
    wait_state(folder, "succeeded")
    mount.end()
    run("cp", "-a", mount.library / "tree" / "cat", mount.library / "tree" / "double")
    mount.start()
    assert state(folder) == "succeeded"
    assert os.listdir(mount.path / "double") == ["prompt.txt"]
    run("rm", "-r", mount.path / "double")
    assert state(folder) == "succeeded" and (folder / "video.mp4").read_bytes()
    settled(mount, simulator, 1)


def test_a_folder_restored_without_its_mark_is_no_new_order(mount, simulator):
    """A backup program or a synchroniser restores it behind the running mount."""
    folder, tree = mount.folder(), mount.library / "tree"
    wait_state(folder, "succeeded")
    text = (folder / "prompt.txt").read_text()
    run("cp", "-r", tree / "cat", mount.library / "away")
    shutil.rmtree(tree / "cat")
    os.rename(mount.library / "away", tree / "cat")
    wait_for(lambda: os.listdir(folder) == ["prompt.txt"], "the plain folder")
    (folder / "prompt.txt").write_text(text)
    wait_for(lambda: "submitted from this folder before" in (field(folder, "waiting") or ""), "held")
    assert "cgt-" in field(folder, "waiting")
    settled(mount, simulator, 1)
    (folder / "prompt.txt").write_text("Another cat\n")
    wait_state(folder, "succeeded")
    settled(mount, simulator, 3)  # includes the marker of the first call


def test_a_folder_restored_without_its_mark_is_ordered_by_submit(mount, simulator):
    folder, tree = mount.folder(), mount.library / "tree"
    wait_state(folder, "succeeded")
    text = (folder / "prompt.txt").read_text()
    os.rename(tree / "cat", mount.library / "away")  # removing it would let its inode number be used again
    wait_for(lambda: "cat" not in os.listdir(mount.path), "it is gone")
    folder.mkdir()
    (folder / "prompt.txt").write_text(text)
    wait_for(lambda: "submitted from this folder before" in (field(folder, "waiting") or ""), "held")
    mount.kill()
    mount.start()
    wait_for(lambda: "submitted from this folder before" in (field(folder, "waiting") or ""), "held")
    assert control(folder, "submit").returncode == 0
    wait_state(folder, "succeeded")
    assert simulator.creates() == 2


# --- exchanged folders ---

def exchange(one, other):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(-100, os.fsencode(one), -100, os.fsencode(other), 2):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@pytest.mark.parametrize("how", ["runs on", "end", "kill"])
def test_two_task_folders_that_are_exchanged_keep_their_tasks(make_mount, simulator, how):
    """One is sent and the other is not: each stays what it is, and the defaults above its new place apply."""
    mount = make_mount(simulator, settle=1)
    for name, seed in (("a", 11), ("b", 22)):
        (mount.path / name).mkdir()
        (mount.path / name / "defaults.json").write_text(json.dumps({"seed": seed}))
    sent = mount.folder("a/cat", "A cat")
    wait_state(sent, "succeeded")
    dog = mount.folder("b/dog", "A dog")
    cat_task = task_id(sent)
    exchange(sent, dog)
    sent, dog = dog, sent
    if how != "runs on":
        mount.end() if how == "end" else mount.kill()
        mount.start()
    wait_state(dog, "succeeded")
    assert state(sent) == "succeeded" and task_id(sent) == cat_task and task_id(dog) != cat_task
    assert (dog / "prompt.txt").read_text() == "A dog\n" and (sent / "prompt.txt").read_text() == "A cat\n"
    with pytest.raises(PermissionError):
        (sent / "prompt.txt").write_text("A fox\n")
    bodies = [request["body"] for request in simulator.requests(on="create")]
    assert [(body["content"][0]["text"], body["seed"]) for body in bodies] == [("A cat", 11), ("A dog", 11)]
    mount.kill()
    mount.start()
    assert task_id(sent) == cat_task and state(dog) == "succeeded"
    settled(mount, simulator, 2)


def test_exchanging_a_pending_task_with_one_in_the_trash_sends_the_latter(make_mount, simulator):
    mount = make_mount(simulator, settle=1)
    (mount.path / ".Trash-0" / "files").mkdir(parents=True)
    one, other = mount.folder("one", "A fox"), mount.folder("other", "A hen")
    thrown = mount.path / ".Trash-0" / "files" / "other"
    os.rename(other, thrown)
    exchange(one, thrown)
    wait_state(one, "succeeded")
    wait_for(lambda: field(thrown, "waiting") == "the folder is in the trash", "told")
    assert (thrown / "prompt.txt").read_text() == "A fox\n"
    settled(mount, simulator, 1)


# --- polling ---

@pytest.mark.parametrize("action", [{"status": 500}, {"status": 429, "headers": {"Retry-After": "1"}},
                                    {"status": 200, "body": "<html>"}, {"close": "before"},
                                    {"status": 404, "body": {"error": {"code": "ResourceNotFound.Task", "message": "?"}}}])
def test_a_failing_poll_is_not_a_failing_task(mount, simulator, action):
    mount.expect_log("poll_failed")
    simulator.hold("running")
    folder = mount.folder()
    wait_state(folder, "running")
    simulator.fault("get", action, times=2)
    wait_for(lambda: "the task continues" in (field(folder, "waiting") or ""))
    assert state(folder) == "running"
    simulator.hold("")
    wait_state(folder, "succeeded")
    assert field(folder, "waiting") is None


def test_an_unrecognised_status_is_shown_and_polling_goes_on(mount, simulator):
    simulator.hold("running")
    folder = mount.folder()
    task = wait_for(lambda: task_id(folder))
    simulator.decree(task, raw_status="paused")
    wait_for(lambda: '"paused"' in status(folder))
    simulator.decree(task, raw_status="")
    simulator.hold("")
    wait_state(folder, "succeeded")
    assert "paused" not in status(folder)


def test_a_task_that_the_service_no_longer_knows_is_unknown(mount, simulator):
    mount.expect_log("poll_failed")
    simulator.hold("running")
    folder = mount.folder()
    task = wait_for(lambda: task_id(folder))
    simulator.decree(task, gone=True)
    wait_state(folder, "unknown")
    assert control(folder, "cancel").returncode


@pytest.mark.parametrize("ending", ["expired", "cancelled"])
def test_expired_and_cancelled_tasks_show_no_video(mount, simulator, ending):
    simulator.hold("queued")
    folder = mount.folder()
    task = wait_for(lambda: task_id(folder))
    simulator.decree(task, state=ending)
    wait_state(folder, ending)
    settled_folder = folder / "video.mp4"
    assert not settled_folder.exists()
