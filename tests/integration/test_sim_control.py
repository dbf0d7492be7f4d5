"""The simulator's faults, its control port and its life cycle."""

import contextlib
import http.client
import os
import pathlib
import re
import signal
import socket
import sqlite3
import subprocess
import threading
import time
import urllib.parse

import pytest

from sim_program import DEADLINE_S, MODEL, PROGRAM, Sim, TASKS, V20, image, request_body, wait_until
from sim_program import big_file, shared_sim, sim, start  # noqa: F401


# --- Faults --------------------------------------------------------------------------------------

def test_faults_replace_answers(sim):
    sim.fault("get", status=429, headers={"Retry-After": "2"}, body={"error": {"code": "X"}})
    sim.fault("get", status=500, body="oops")
    first = sim.get("cgt-0")
    assert (first.status, first.headers["Retry-After"]) == (429, "2")
    assert first.headers["Content-Type"] == "application/json"
    assert first.error == {"code": "X"}
    second = sim.get("cgt-0")
    assert (second.status, second.body) == (500, b"oops")
    assert sim.get("cgt-0").status == 404


def test_a_fault_applies_to_its_kind_and_task(sim):
    sim.fault("get", task="cgt-1", times=2, status=503)
    assert [sim.get(t).status for t in ("cgt-0", "cgt-1", "cgt-0", "cgt-1", "cgt-1")] == [
        404, 503, 404, 503, 404]
    sim.fault("delete", times=-1, status=503)
    assert sim.control("GET", "/faults")["faults"][0]["times"] == -1
    assert [sim.request("DELETE", f"{TASKS}/x").status for _ in range(3)] == [503] * 3
    sim.control("DELETE", "/faults")
    assert sim.request("DELETE", f"{TASKS}/x").status == 404


def test_faults_on_lists_and_last_frames(sim, big_file):
    sim.fault("list", status=500)
    assert sim.request("GET", TASKS).status == 500
    task, link = sim.with_file(big_file, return_last_frame=True)
    sim.decree(task, media={"last_frame": str(big_file)})
    frame = sim.get(task).json["content"]["last_frame_url"]
    sim.fault("media", task=task, kind="last_frame", status=404)
    assert sim.media(link).status == 200
    assert sim.media(frame).status == 404
    assert sim.media(frame).status == 200


def test_a_refused_create_makes_no_task(sim):
    sim.fault("create", status=500)
    assert sim.request("POST", TASKS, request_body()).status == 500
    assert sim.control("GET", "/stats")["creates"] == 0
    assert sim.control("GET", "/tasks")["tasks"] == []


def test_delayed_answers(sim):
    sim.fault("get", delay_ms=300)
    start_s = time.monotonic()
    assert sim.get("cgt-0").status == 404
    assert time.monotonic() - start_s >= 0.3


@pytest.mark.parametrize("when, accepted", [("before", 0), ("after", 1)])
def test_closed_connections(sim, when, accepted):
    sim.control("POST", "/hold", {"state": "queued"})
    sim.fault("create", close=when)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        sim.request("POST", TASKS, request_body())
    entry = sim.requests(on="create", done=1)[0]
    assert (entry["status"], bool(entry.get("task"))) == (0, bool(accepted))
    assert sim.control("GET", "/stats")["creates"] == accepted


@pytest.mark.parametrize("when, accepted", [("before", 0), ("after", 1)])
def test_a_hang_lasts_until_cleared(sim, when, accepted):
    sim.control("POST", "/hold", {"state": "queued"})
    sim.fault("create", hang=when)
    outcome = []

    def ask():
        try:
            outcome.append(sim.request("POST", TASKS, request_body()).status)
        except (http.client.RemoteDisconnected, ConnectionResetError):
            outcome.append("closed")

    thread = threading.Thread(target=ask)
    thread.start()
    entry = sim.requests(on="create")[0]
    assert (entry["status"], entry["done"]) == (0, False)
    wait_until(lambda: sim.control("GET", "/stats")["creates"] == accepted, "the create")
    assert not outcome
    sim.control("DELETE", "/faults")
    thread.join(DEADLINE_S)
    assert outcome == [200 if accepted else "closed"]


def test_a_hang_ends_when_the_client_disconnects(sim):
    sim.fault("get", hang="before")
    with socket.create_connection(("127.0.0.1", sim.port)) as client:
        client.sendall(f"GET {TASKS}/x HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert not sim.requests(on="get")[0]["done"]
    assert sim.requests(on="get", done=1)[0]["status"] == 0


def read_short(sim, link, **headers):
    """The bytes of a media response that ends too early."""
    with pytest.raises(http.client.IncompleteRead) as caught:
        sim.media(link, **headers)
    return caught.value.partial


def test_media_faults(sim, big_file):
    data = big_file.read_bytes()
    _, link = sim.with_file(big_file)

    sim.fault("media", ignore_range=True)
    answer = sim.media(link, Range="bytes=5-9")
    assert (answer.status, answer.body) == (200, data)

    sim.fault("media", shift_range=3)
    answer = sim.media(link, Range="bytes=5-9")
    assert (answer.status, answer.body) == (206, data[8:13])
    assert answer.headers["Content-Range"] == f"bytes 8-12/{len(data)}"

    for length in (0, 1, 70000):
        sim.fault("media", truncate_at=length)
        assert read_short(sim, link) == data[:length]
    sim.fault("media", truncate_at=10)
    assert read_short(sim, link, Range="bytes=100-") == data[100:110]

    sim.fault("media", flip_byte_at=1000)
    answer = sim.media(link)
    assert [i for i in range(2000) if answer.body[i] != data[i]] == [1000]
    assert answer.body[2000:] == data[2000:]

    sim.fault("media", etag='"other"')
    assert sim.media(link).headers["ETag"] == '"other"'

    sim.fault("media", no_content_length=True)
    answer = sim.media(link)
    assert answer.headers["Content-Length"] is None
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert answer.body == data

    sim.fault("media", status=400, body="<Code>video_not_ready</Code>")
    assert sim.media(link).status == 400
    answer = sim.media(link)
    assert (answer.status, answer.body) == (200, data)


def test_slow_media(sim, big_file):
    data = big_file.read_bytes()
    _, link = sim.with_file(big_file)
    sim.fault("media", rate=100000)
    start_s = time.monotonic()
    assert sim.media(link, Range="bytes=0-29999").body == data[:30000]
    assert time.monotonic() - start_s >= 0.2

    sim.fault("media", stall_at=10, stall_ms=200)
    start_s = time.monotonic()
    assert sim.media(link, Range="bytes=0-19").body == data[:20]
    assert time.monotonic() - start_s >= 0.2


@pytest.mark.parametrize("at", [0, 1000])
def test_a_stall_lasts_until_cleared(sim, big_file, at):
    data = big_file.read_bytes()
    _, link = sim.with_file(big_file)
    sim.fault("media", stall_at=at)
    parts = urllib.parse.urlsplit(link)
    connection = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=DEADLINE_S)
    with contextlib.closing(connection):
        connection.request("GET", f"{parts.path}?{parts.query}")
        response = connection.getresponse()
        assert response.read(at) == data[:at]
        assert sim.requests(on="media")[0]["bytes"] == at
        sim.control("DELETE", "/faults")
        assert response.read() == data[at:]


# --- The control port ----------------------------------------------------------------------------

def test_the_log_of_requests(sim):
    sim.control("POST", "/hold", {"state": "queued"})
    answer = sim.request("POST", TASKS, request_body(items=[image()]), headers={
        "Authorization": "Bearer secret", "Content-Type": "application/json",
        "User-Agent": "test", "X-Client-Request-Id": "r-1"})
    entry = sim.requests(on="create", done=1)[0]
    assert entry["task"] == answer.json["id"]
    assert (entry["method"], entry["path"], entry["status"]) == ("POST", TASKS, 200)
    assert entry["headers"] == {
        "authorization": "present", "content-type": "application/json", "user-agent": "test",
        "x-client-request-id": "r-1"}
    url = entry["body"]["content"][1]["image_url"]["url"]
    assert url.startswith("data:image/png;base64,") and len(url) < 100
    assert sim.requests(after=entry["n"], timeout_ms=0) == []
    sim.request("POST", TASKS, b"{broken")
    assert sim.requests(after=entry["n"], on="create")[0]["body"] == "{broken"


def test_a_long_poll_wakes_up(sim):
    found = []
    thread = threading.Thread(target=lambda: found.extend(sim.requests(on="delete")))
    thread.start()
    sim.request("DELETE", f"{TASKS}/cgt-0")
    thread.join(DEADLINE_S)
    assert [entry["task"] for entry in found] == ["cgt-0"]


def test_any_path_is_logged_as_json(sim):
    assert sim.request("GET", "/%ff%0a%22?x").status == 404
    assert sim.requests()[0]["path"] == "/\ufffd\n\""


def test_counters(sim, big_file):
    sim.with_file(big_file)
    sim.get("cgt-0")
    stats = sim.control("GET", "/stats")
    assert stats["creates"] == 1
    assert stats["requests"] == {"create": 1, "get": 2, "list": 0, "delete": 0, "media": 0}
    sim.control("DELETE", "/stats")
    assert sim.control("GET", "/stats")["requests"]["create"] == 0
    assert sim.requests(timeout_ms=0) == []


def test_control_lists_tasks(sim):
    sim.control("POST", "/hold", {"state": "queued"})
    task = sim.create(text="see me")
    shown = sim.control("GET", f"/tasks/{task}")
    assert (shown["id"], shown["state"], shown["model"]) == (task, "queued", MODEL)
    assert shown["body"]["content"][0]["text"] == "see me"
    assert shown["created_at"]
    assert [t["id"] for t in sim.control("GET", "/tasks")["tasks"]] == [task]


@pytest.mark.parametrize("path, order, word", [
    ("/faults", {"on": "get", "action": {"statsu": 1}}, "statsu"),
    ("/faults", {"on": "get", "acton": {}}, "acton"),
    ("/faults", {"on": "gett", "action": {"status": 500}}, "gett"),
    ("/faults", {"on": "get"}, "action"),
    ("/faults", {"on": "get", "action": {}}, "action"),
    ("/faults", {"on": "get", "action": {"status": "500"}}, "status"),
    ("/faults", {"on": "get", "action": {"truncate_at": 5}}, "truncate_at"),
    ("/faults", {"on": "get", "kind": "video", "action": {"status": 500}}, "kind"),
    ("/faults", {"on": "get", "action": {"hang": "during"}}, "during"),
    ("/faults", {"on": "get", "action": {"body": "x"}}, "status"),
    ("/faults", [], "object"),
    ("/tasks/x", {"sate": "failed"}, "sate"),
    ("/tasks/x", {"state": "done"}, "done"),
    ("/tasks/x", {"error": {"kode": "x"}}, "kode"),
    ("/tasks/x", {"media": {"video": "/no/such/file"}}, "/no/such/file"),
    ("/tasks/x", {"hold": "failed"}, "failed"),
    ("/hold", {"state": "done"}, "done"),
    ("/hold", {}, "state"),
])
def test_misspelt_commands_are_refused(sim, path, order, word):
    assert word in sim.control("POST", path, order, status=400)["error"]


def test_unknown_commands_are_refused(sim):
    sim.control("GET", "/nothing", status=404)
    sim.control("POST", "/tasks/cgt-0", {"state": "failed"}, status=404)
    assert "atfer" in sim.control("GET", "/requests?atfer=1", status=400)["error"]
    assert "x" in sim.control("GET", "/requests?on=x", status=400)["error"]


def test_releasing_a_hold(sim):
    sim.control("POST", "/hold", {"state": "running"})
    task = sim.create()
    sim.wait_for(task, "running")
    sim.control("POST", "/hold", {"state": ""})
    sim.wait_for(task)


# --- Life cycle ----------------------------------------------------------------------------------

def children(pid):
    """The ffmpeg processes that a process has started."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            fields = (entry / "stat").read_text().rpartition(")")
            if int(fields[2].split()[1]) == pid and "ffmpeg" in fields[0]:
                found.append(int(entry.name))
    return found


def is_alive(pid):
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def long_render(sim):
    """Starts a render that lasts long enough to be observed; returns its task and its ffmpeg."""
    task = sim.create(model=V20, resolution="4k", duration=15)
    return task, wait_until(lambda: children(sim.process.pid), "ffmpeg to run")


def test_tasks_survive_a_restart(start, tmp_path):
    options = ("--books", str(tmp_path / "books"), "--queue-ms", "20", "--run-ms", "20")
    sim = start(*options)
    assert (tmp_path / "books").stat().st_mode & 0o777 == 0o700
    task = sim.create(return_last_frame=True)
    link = sim.wait_for(task)["content"]["video_url"]
    data = sim.media(link).body
    etag = sim.media(link).headers["ETag"]
    sim.control("POST", "/hold", {"state": "queued"})
    held = sim.create()
    assert sim.stop()[0] == 0

    again = start(*options)
    answer = again.media(link)
    assert (answer.body, answer.headers["ETag"]) == (data, etag)
    shown = again.get(task).json
    assert shown["status"] == "succeeded"
    assert f":{again.port}/" in shown["content"]["last_frame_url"]
    assert again.get(held).json["status"] == "queued"
    again.control("POST", "/hold", {"state": ""})
    again.wait_for(held)


def test_a_render_interrupted_by_a_kill_is_repeated(start, tmp_path):
    options = ("--books", str(tmp_path / "books"), "--queue-ms", "0", "--run-ms", "0")
    sim = start(*options)
    task, processes = long_render(sim)
    sim.process.kill()
    wait_until(lambda: not any(map(is_alive, processes)), "ffmpeg to die")
    again = start(*options)
    assert again.get(task).json["status"] == "running"
    wait_until(lambda: children(again.process.pid), "the render to be done again")
    again.decree(task, state="failed")
    sim.stop()


def test_a_task_of_a_killed_simulator_succeeds_after_a_restart(start, tmp_path):
    options = ("--books", str(tmp_path / "books"), "--queue-ms", "0", "--run-ms", "0")
    sim = start(*options)
    sim.control("POST", "/hold", {"state": "running"})
    task = sim.create()
    sim.wait_for(task, "running")
    sim.stop(signal.SIGKILL)
    again = start(*options)
    again.control("POST", "/hold", {"state": ""})
    again.wait_for(task)


@pytest.mark.parametrize("state, field, age_s, status, shown", [
    ("succeeded", "created_ms", 7 * 86400 - 60, 200, "succeeded"),
    ("succeeded", "created_ms", 7 * 86400, 404, None),
    ("cancelled", "state_ms", 86400, 404, None),
    ("queued", "expires_ms", 0, 200, "expired"),
])
def test_effects_of_age_on_tasks(start, tmp_path, big_file, state, field, age_s, status, shown):
    """The test changes the times in the database while no simulator runs."""
    books = tmp_path / "books"
    sim = start("--books", str(books))
    sim.control("POST", "/hold", {"state": "queued"})
    task = sim.create()
    sim.decree(task, media={"video": str(big_file)}, state=state)
    assert sim.stop() == (0, "")
    past_ms = int((time.time() - age_s) * 1000)
    with contextlib.closing(sqlite3.connect(books / "tasks.db")) as database, database:
        database.execute("UPDATE tasks SET json=json_set(json, ?, ?)", (f"$.{field}", past_ms))
    again = start("--books", str(books))
    if shown:
        again.wait_for(task, shown)
    else:
        wait_until(lambda: not (books / "media" / task).exists(), "the media to be removed")
    assert again.get(task).status == status


def test_sigterm_ends_renders(start):
    sim = start("--queue-ms", "0")
    _, processes = long_render(sim)
    status, errors = sim.stop()
    assert (status, errors) == (0, "")
    assert not any(map(is_alive, processes))


def test_sigint_ends_waiting_clients(start):
    sim = start()
    sim.fault("get", hang="before")
    with socket.create_connection(("127.0.0.1", sim.port)) as client:
        client.sendall(f"GET {TASKS}/x HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert sim.requests(on="get")
        assert sim.stop(signal.SIGINT)[0] == 0


def test_the_simulator_ends_with_its_lifeline(start):
    ours, theirs = os.pipe()[::-1]
    sim = start("--queue-ms", "0", lifeline=theirs)
    os.close(theirs)
    _, processes = long_render(sim)
    os.close(ours)
    assert sim.process.wait(DEADLINE_S) == 0
    assert not any(map(is_alive, processes))


def test_only_one_simulator_uses_a_directory(start, tmp_path):
    books = str(tmp_path / "books")
    first = start("--books", books)
    second = subprocess.run([PROGRAM, "--books", books], capture_output=True, timeout=DEADLINE_S)
    assert second.returncode == 1
    assert b"another simulator" in second.stderr
    waiting = subprocess.Popen([PROGRAM, "--books", books], stdout=subprocess.PIPE)
    first.stop()
    assert waiting.stdout.readline().startswith(b"port=")
    waiting.terminate()
    assert waiting.wait(DEADLINE_S) == 0


def test_the_temporary_directory_is_removed(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    sim = Sim()
    sim.wait_for(sim.create())
    assert list(tmp_path.iterdir())
    assert sim.stop()[0] == 0
    assert list(tmp_path.iterdir()) == []


def test_ready_fd_reports_the_ports(tmp_path):
    ours, theirs = os.pipe()
    process = subprocess.Popen([PROGRAM, "--ready-fd", str(theirs)], pass_fds=[theirs])
    os.close(theirs)
    with os.fdopen(ours) as ready:
        assert re.fullmatch(r"port=\d+ control=\d+\n", ready.readline())
    process.terminate()
    assert process.wait(DEADLINE_S) == 0


@pytest.mark.parametrize("options, status", [
    (["--help"], 0), (["--version"], 0), (["--port", "x"], 2), (["--port", "65536"], 2),
    (["--renders", "0"], 2), (["--nonsense"], 2), (["extra"], 2), (["--lifeline", "999"], 2),
])
def test_wrong_command_lines_are_refused(options, status):
    assert subprocess.run([PROGRAM, *options], capture_output=True).returncode == status


def test_many_concurrent_connections(sim):
    sim.control("POST", "/hold", {"state": "queued"})
    task = sim.create()
    statuses = []

    def ask():
        for _ in range(10):
            statuses.append(sim.get(task).status)

    threads = [threading.Thread(target=ask) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 500
