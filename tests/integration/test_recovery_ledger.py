"""Recovery of the ledger, and of tasks that are unknown, removed, or no longer configured."""

import os
import types

import pytest

from harness import control, field, run, settled, state, status, task_id, wait_for, wait_state
from recovery_tools import DAY_MS, busy, change_config, change_ledger, replace, rows, settled_later, sqlite, waits_for


# --- the ledger ---

def test_intent_and_id_are_in_the_ledger_before_the_next_step(mount, simulator):
    simulator.fault("create", {"delay_ms": 600_000})
    folder = mount.folder()
    wait_for(lambda: simulator.requests(on="create"))
    assert rows(mount, "SELECT state, remote_id FROM task") == [("submitting", None)]
    assert rows(mount, "SELECT state, intent_ms > 0 FROM attempt") == [("submitting", 1)]
    simulator.clear_faults()
    simulator.fault("get", {"delay_ms": 600_000})
    wait_for(lambda: simulator.requests(on="get"))
    assert rows(mount, "SELECT state, remote_id FROM task") == [("queued", simulator.tasks()[0]["id"])]
    simulator.clear_faults()
    wait_state(folder, "succeeded")


@pytest.mark.parametrize("comes_back", [False, True])
def test_nothing_is_sent_while_the_ledger_cannot_be_written(mount, simulator, comes_back):
    """This holds for a new order and for one that is due to be retried and only has its own row to write."""
    mount.expect_log("ledger_failed")
    if comes_back:
        simulator.fault("create", busy(2))
        folder = mount.folder()
        waits_for(folder, "asked for a later retry")
    sent = len(simulator.requests(on="create"))
    with sqlite(mount) as other:
        other.execute("BEGIN IMMEDIATE")
        if not comes_back:
            folder = mount.folder()
        waits_for(folder, "the ledger cannot be written")
        assert state(folder) == "pending" and len(simulator.requests(on="create")) == sent
        other.execute("ROLLBACK")
    wait_for(lambda: "ledger_recovered" in mount.log(), "the recovery")
    marker = mount.folder("marker")  # any new event makes the daemon check the waiting orders
    for each in (marker, folder):
        wait_state(each, "succeeded")
    settled(mount, simulator, 2)


def test_an_id_that_cannot_be_saved_is_kept_in_memory_until_it_can(mount, simulator):
    mount.expect_log("ledger_failed")
    simulator.hold("queued")
    simulator.fault("create", {"delay_ms": 600_000})
    folder = mount.folder()
    wait_for(lambda: simulator.requests(on="create"))
    with sqlite(mount) as other:
        other.execute("BEGIN IMMEDIATE")
        simulator.clear_faults()
        wait_for(lambda: "ledger_failed" in mount.log(), "the failure")
        other.execute("ROLLBACK")
    wait_for(lambda: "ledger_recovered" in mount.log(), "the recovery")
    mount.kill()
    mount.start()
    simulator.hold("")
    wait_state(folder, "succeeded")
    settled(mount, simulator, 1)


def test_an_order_whose_id_was_lost_is_unknown_and_never_resent(mount, simulator):
    mount.expect_log("ledger_failed")
    simulator.fault("create", {"delay_ms": 600_000})
    folder = mount.folder()
    wait_for(lambda: simulator.requests(on="create"))
    with sqlite(mount) as other:
        other.execute("BEGIN IMMEDIATE")
        simulator.clear_faults()
        wait_for(lambda: "ledger_failed" in mount.log(), "the failure")
        mount.kill()
        other.execute("ROLLBACK")
    mount.start()
    assert state(folder) == "unknown"
    settled(mount, simulator, 1)


# --- unknown, removed, or no longer configured ---

def test_touching_the_files_of_an_unknown_task_does_not_resend_it(mount, simulator):
    simulator.fault("create", {"close": "after"})
    folder = mount.folder()
    wait_state(folder, "unknown")
    prompt = folder / "prompt.txt"
    text = prompt.read_text()
    os.utime(prompt)
    prompt.chmod(0o600)
    (folder / "notes.txt").write_text("a note")
    prompt.write_text(text)
    wait_for(lambda: state(folder) == "unknown" and "adopt ID" in status(folder))
    run("mv", prompt, mount.path / "away")
    run("mv", mount.path / "away", prompt)
    replace(prompt, text)
    wait_state(folder, "unknown")
    run("mv", folder, mount.path / "moved")
    for end in (mount.end, mount.kill):
        end()
        mount.start()
        wait_state(mount.path / "moved", "unknown")
    settled(mount, simulator, 1)


@pytest.mark.parametrize("said", ["paused", "running"])
def test_an_unrecognised_status_is_not_polled_for_ever(mount, simulator, said):
    simulator.hold("running")
    folder = mount.folder()
    task = wait_for(lambda: task_id(folder))
    simulator.decree(task, raw_status=said)
    wait_for(lambda: state(folder) == "running" and (said == "running" or said in status(folder)))
    change_ledger(mount, f"intent_ms = intent_ms - {9 * DAY_MS}")
    asked = len(simulator.requests(on="get"))
    if said == "paused":
        mount.expect_log("no_final_status")
        mount.start()
        wait_state(folder, "unknown")
        text = (folder / "error.txt").read_text()
        assert "no final status for 8 days" in text and "paused" in text
        assert control(folder, f"adopt {task}").returncode == 0
    else:
        mount.start()
        wait_for(lambda: len(simulator.requests(on="get")) > asked + 12, "further polls")
        assert state(folder) == "running"
    simulator.decree(task, raw_status="")
    simulator.hold("")
    wait_state(folder, "succeeded")
    assert simulator.creates() == 1


def test_a_folder_removed_while_its_request_is_in_flight_is_cancelled(mount, simulator):
    simulator.hold("queued")
    simulator.fault("create", {"delay_ms": 600_000})
    folder = mount.folder()
    wait_state(folder, "submitting")
    wait_for(lambda: simulator.requests(on="create"))
    run("rm", "-r", folder)
    simulator.clear_faults()
    wait_for(lambda: [task["state"] for task in simulator.tasks()] == ["cancelled"], "the cancel")
    simulator.hold("")
    settled(mount, simulator, 1)


@pytest.mark.parametrize("when", ["it waits", "it is sent", "it waits, and killed"])
def test_a_folder_removed_before_it_is_accepted_is_not_sent_again(mount, simulator, when):
    is_sent = when == "it is sent"
    simulator.fault("create", busy(1, **({"delay_ms": 600_000} if is_sent else {})))
    folder = mount.folder()
    if is_sent:
        wait_for(lambda: simulator.requests(on="create"))
    else:
        waits_for(folder, "asked for a later retry")
    run("rm", "-r", folder)
    simulator.clear_faults()
    if when.endswith("killed"):
        mount.kill()
        mount.start()
    settled_later(mount, simulator, 0)
    assert len(simulator.requests(on="create")) == 3  # the refused one and the marker's two


def test_no_more_than_max_active_tasks_run(make_mount, simulator):
    mount = make_mount(simulator)
    change_config(mount, "max_active = 1000", "max_active = 2")
    simulator.hold("running")
    folders = [mount.folder(f"cat-{n}", f"cat {n}") for n in range(5)]

    def active():
        return [task["id"] for task in simulator.tasks() if task["state"] in ("queued", "running")]

    def held():
        return sum("max_active = 2" in (field(folder, "waiting") or "") for folder in folders)

    for left in (3, 2, 1):
        wait_for(lambda: held() == left and simulator.creates() == 5 - left)
        assert len(active()) == 2
        if left == 2:
            wait_for(lambda: sum(state(folder) == "running" for folder in folders) == 2)
            mount.kill()
            mount.start()
            wait_for(lambda: held() == left)
        simulator.decree(active()[0], state="failed", error={"code": "InternalServiceError", "message": "no luck"})
    simulator.hold("")
    for folder in folders:
        wait_state(folder, "succeeded", "failed")
    texts = [request["body"]["content"][0]["text"] for request in simulator.requests(on="create")]
    assert sorted(texts) == [f"cat {n}" for n in range(5)]


def test_a_task_of_a_removed_section_is_left_alone_until_the_section_is_back(mount, simulator):
    mount.expect_log("unbound")
    simulator.hold("running")
    folder = mount.folder()
    wait_state(folder, "running")
    task = task_id(folder)
    change_config(mount, "[provider ark]", "[provider other]")
    wait_for(lambda: "restore that section" in (field(folder, "note") or ""))
    assert state(folder) == "running" and task_id(folder) == task
    assert control(folder, "submit").returncode
    simulator.hold("")
    settled(mount, simulator, 1)
    change_config(mount, "[provider other]", "[provider ark]")
    wait_state(folder, "succeeded")
    assert task_id(folder) == task and (folder / "video.mp4").read_bytes()
    assert "restore that section" not in status(folder)


def test_an_output_of_a_removed_section_is_fetched_once_the_section_is_back(mount, simulator):
    mount.expect_log("unbound")
    folder = mount.finished(simulator)
    change_ledger(mount, "outputs = replace(outputs, '\"ready\":true', '\"ready\":false')")
    change_config(mount, "[provider ark]", "[provider other]")
    wait_for(lambda: "restore that section" in (field(folder, "note") or ""))
    assert control(folder, "fetch").returncode == 0
    settled(mount, simulator, 1)
    assert not (folder / "error.txt").exists() and not (folder / "video.mp4").exists()
    change_config(mount, "[provider other]", "[provider ark]")
    wait_for((folder / "video.mp4").exists, "the video")
    assert (folder / "video.mp4").read_bytes() and not (folder / "error.txt").exists()
    wait_for(lambda: field(folder, "note") is None, "the note's end")


@pytest.fixture
def orphan(make_mount, simulator):
    """A running task whose key has been renamed, with max_active = 1."""
    mount = make_mount(simulator)
    mount.expect_log("unbound")
    change_config(mount, "max_active = 1000", "max_active = 1")
    simulator.hold("running")
    folder = mount.folder()
    wait_state(folder, "running")
    key = mount.config_path.parent / "key"
    key.rename(key.with_name("new-key"))
    change_config(mount, str(key), str(key.with_name("new-key")))
    wait_for(lambda: "no longer in the configuration" in (field(folder, "note") or ""))
    assert state(folder) == "running"
    return types.SimpleNamespace(mount=mount, folder=folder, task=task_id(folder))


def test_an_unfollowed_task_does_not_count_against_max_active(orphan, simulator):
    simulator.hold("")
    wait_state(orphan.mount.folder("other"), "succeeded")
    assert state(orphan.folder) == "running" and simulator.creates() == 2


def test_an_unfollowed_task_can_be_adopted(orphan, simulator):
    simulator.hold("")
    assert control(orphan.folder, f"adopt {orphan.task}").returncode == 0
    wait_state(orphan.folder, "succeeded")
    assert task_id(orphan.folder) == orphan.task and simulator.creates() == 1


def test_an_unfollowed_task_can_be_ordered_again(orphan, simulator):
    assert control(orphan.folder, "retry").returncode == 0
    wait_for(lambda: task_id(orphan.folder) not in (None, orphan.task) and state(orphan.folder) == "running")
    note = field(orphan.folder, "note")
    assert "may be billed" in note and orphan.task in note
    for word in ("retry", f"adopt {orphan.task}"):
        assert control(orphan.folder, word).returncode
    simulator.hold("")
    wait_state(orphan.folder, "succeeded")
    assert simulator.creates() == 2
    assert rows(orphan.mount, "SELECT count(*) FROM attempt") == [(2,)]


# --- the ledger, restored or writable again ---

def test_an_order_is_sent_as_soon_as_the_ledger_can_be_written(mount, simulator):
    mount.expect_log("ledger_failed")
    with sqlite(mount) as other:
        other.execute("BEGIN IMMEDIATE")
        folder = mount.folder()
        waits_for(folder, "the ledger cannot be written")
        other.execute("ROLLBACK")
    wait_for(lambda: "ledger_recovered" in mount.log(), "the recovery")
    wait_for(lambda: state(folder) != "pending", "the order", 10)


@pytest.fixture
def restored(mount, simulator, tmp_path):
    """A library whose ledger is an old backup: the folder `cat` was ordered and paid for after it."""
    wait_state(mount.folder("first"), "succeeded")
    mount.end()
    ledger = mount.library / "ledger.sqlite3"
    (tmp_path / "backup").write_bytes(ledger.read_bytes())
    mount.start()
    wait_state(mount.folder(), "succeeded")
    mount.end()
    for part in mount.library.glob("ledger.sqlite3*"):
        part.rename(tmp_path / f"lost-{part.name}")
    ledger.write_bytes((tmp_path / "backup").read_bytes())
    mount.expect_log("library_copied", "order_failed")
    return mount.start()


def test_an_old_ledger_orders_nothing_by_itself(restored, simulator):
    folder = restored.path / "cat"
    wait_for(lambda: "copied or restored" in (field(folder, "waiting") or "") or state(folder) == "succeeded",
             "a decision about the folder")
    assert simulator.creates() == 2
    assert state(folder) == "pending"


def test_a_new_folder_beside_an_old_ledger_is_ordered(restored, simulator):
    wait_for(lambda: state(restored.path / "cat"))
    folder = restored.folder("new")
    wait_state(folder, "succeeded")
