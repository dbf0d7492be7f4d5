"""The simulator as AceData Cloud: /acedata (providers/README.md, 1)."""

import re
import socket
import subprocess
import threading
import time

import pytest

from sim_program import DEADLINE_S, PNG_URL, audio, data_url, image, png, probe, streams, video, wait_until
from sim_program import big_file, start  # noqa: F401
from test_sim_wires import UUID, Acedata, shared_sim, sim  # noqa: F401

PRO = "doubao-seedance-1-0-pro-250528"
FAST = "doubao-seedance-1-0-pro-fast-251015"
V15 = "doubao-seedance-1-5-pro-251215"
T2V = "doubao-seedance-1-0-lite-t2v-250428"
I2V = "doubao-seedance-1-0-lite-i2v-250428"
V20 = "doubao-seedance-2-0-260128"
V25 = "doubao-seedance-2-5-260628"
FLAGS = "A kitten yawning at the camera. --rs 720p --rt 16:9 --dur 5 --fps 24 --wm true --seed 11 --cf false"


def text(value):
    return {"type": "text", "text": value}


@pytest.fixture
def ace(sim):
    return Acedata(sim)


def waiting_create(service, body):
    """A create that blocks: its thread, and a dictionary for its response."""
    outcome = []
    thread = threading.Thread(target=lambda: outcome.append(service.post(body)))
    thread.start()
    service.sim.requests(on="create")
    return thread, outcome


# --- Creating ------------------------------------------------------------------------------------


def test_the_sample_of_the_page_is_accepted(ace):
    body = {"model": PRO, "content": [text(FLAGS)], "generate_audio": False, "return_last_frame": False,
            "service_tier": "default", "execution_expires_after": 172800}
    answer = ace.post(body)
    assert answer.status == 200
    assert answer.json["data"]["status"] == "succeeded"
    body["callback_url"] = "<string>"
    answer = ace.refused(body)
    assert (answer.status, ace.error_of(answer)[0]) == (400, "bad_request")


def test_a_create_waits_for_the_video(ace, big_file):
    ace.sim.control("POST", "/hold", {"state": "queued"})
    thread, outcome = waiting_create(ace, ace.body(**{"async": ...}))
    entry = wait_until(lambda: [e for e in ace.sim.requests(on="create") if e.get("task")], "the task")[0]
    assert (entry["status"], entry["done"]) == (0, False)
    assert ace.sim.control("GET", "/stats")["creates"] == 1
    assert not outcome
    assert ace.query(entry["task"]).json == {}  # a blocking create cannot be queried
    ace.sim.decree(entry["task"], media={"video": str(big_file)}, state="succeeded")
    thread.join(DEADLINE_S)
    assert outcome[0].status == 200
    assert outcome[0].json["task_id"] == entry["task"]
    assert ace.query(entry["task"]).json == {}


def test_a_blocking_create_is_billed_after_a_disconnect(ace):
    ace.sim.control("POST", "/hold", {"state": "queued"})
    request = (f"POST /acedata/seedance/videos HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n")
    body = b'{"model":"%s","content":[{"type":"text","text":"x"}]}' % PRO.encode()
    with socket.create_connection(("127.0.0.1", ace.sim.port)) as client:
        client.sendall((request % len(body)).encode() + body)
        wait_until(lambda: ace.sim.control("GET", "/stats")["creates"], "the task")
    entry = ace.sim.requests(on="create", done=1)[0]
    assert entry["status"] == 0 and entry["task"]


def test_the_simulator_ends_while_a_create_blocks(start):
    sim = start()
    sim.control("POST", "/hold", {"state": "queued"})
    with socket.create_connection(("127.0.0.1", sim.port)) as client:
        body = b'{"model":"%s","content":[{"type":"text","text":"x"}]}' % PRO.encode()
        client.sendall(b"POST /acedata/seedance/videos HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" %
                       len(body) + body)
        wait_until(lambda: sim.control("GET", "/stats")["creates"], "the task")
        assert sim.stop() == (0, "")


@pytest.mark.parametrize("way", [{"async": True}, {"callback_url": "https://example.com/done"}])
def test_asynchronous_creates_return_at_once(ace, way):
    ace.sim.control("POST", "/hold", {"state": "queued"})
    answer = ace.post(ace.body(**{"async": ..., **way}))
    assert list(answer.json) == ["task_id"]
    assert re.fullmatch(UUID, answer.json["task_id"])


def test_async_false_blocks(ace):
    answer = ace.post(ace.body(**{"async": False}))
    assert answer.json["success"] is True and "data" in answer.json


@pytest.mark.parametrize("words, status, code", [
    ("#fail", 500, "api_error"), ("#moderation", 403, "OutputVideoSensitiveContentDetected")])
def test_blocking_creates_that_fail(ace, words, status, code):
    answer = ace.post(ace.body(text=words, **{"async": ...}))
    assert (answer.status, ace.error_of(answer)[0]) == (status, code)


def test_a_blocking_create_that_expires(ace):
    answer = ace.post(ace.body(text="#expire", **{"async": ...}))
    assert answer.json["success"] is False
    assert answer.json["data"]["status"] == "expired"


# --- The three shapes of data --------------------------------------------------------------------


def finished(ace, shape, **fields):
    ace.choose(data=shape)
    answer = ace.post(ace.body(**{"async": ..., **fields})).json
    assert answer["success"] is True
    assert re.fullmatch(UUID, answer["task_id"]) and re.fullmatch(UUID, answer["trace_id"])
    assert set(answer) == {"success", "task_id", "trace_id", "data"}
    return answer


def test_data_in_shape_a(ace):
    answer = finished(ace, "A", resolution="720p", duration=5, seed=10)
    assert isinstance(answer["data"], list)
    data = answer["data"][0]
    assert re.fullmatch(r"cgt-\d{14}-[a-z0-9]{5}", data["id"])
    assert data["content"]["video_url"].startswith("http://")
    assert data["usage"] == {"completion_tokens": 108900, "total_tokens": 108900}
    assert {key: data[key] for key in (
        "model", "status", "seed", "resolution", "ratio", "duration", "framespersecond", "service_tier",
        "execution_expires_after")} == {
            "model": PRO, "status": "succeeded", "seed": 10, "resolution": "720p", "ratio": "16:9", "duration": 5,
            "framespersecond": 24, "service_tier": "default", "execution_expires_after": 172800}
    assert isinstance(data["created_at"], int) and isinstance(data["updated_at"], int)


def test_data_in_shape_b(ace):
    data = finished(ace, "B", return_last_frame=True)["data"]
    assert data["status"] == "succeeded"
    assert ace.sim.media(data["content"]["video_url"]).status == 200
    assert ace.sim.media(data["content"]["last_frame_url"]).body.startswith(b"\x89PNG")


def test_data_in_shape_c(ace):
    answer = finished(ace, "C")
    data = answer["data"]
    assert list(data) == ["task_id", "status", "video_url", "last_frame_url", "model"]
    assert data["task_id"].startswith("cgt-") and data["task_id"] != answer["task_id"]
    assert data["last_frame_url"] is None
    data = finished(ace, "C", return_last_frame=True)["data"]
    assert ace.sim.media(data["last_frame_url"]).body.startswith(b"\x89PNG")


# --- Queries -------------------------------------------------------------------------------------


def test_unknown_tasks_are_empty(ace):
    answer = ace.query("no-such-task")
    assert (answer.status, answer.json) == (200, {})


def test_fresh_tasks_are_empty(ace):
    ace.choose(fresh_ms=600000)
    task = ace.create()
    assert ace.query(task).json == {}
    ace.choose(fresh_ms=0)
    assert ace.query(task).json["id"] == task
    ace.sim.decree(task, gone=True)
    assert ace.query(task).json == {}


def test_a_record_has_all_fields(ace):
    task = ace.create(text="a fox", return_last_frame=True)
    record = ace.wait_for(task)
    assert record["id"] == task and record["type"] == "videos"
    assert {"_id", "api_id", "application_id", "credential_id", "user_id"} <= set(record)
    assert record["request"]["content"] == [text("a fox")]
    for name in ("created_at", "started_at", "finished_at", "elapsed"):
        assert isinstance(record[name], float)
    response = record["response"]
    assert (response["success"], response["task_id"], response["trace_id"]) == (True, task, record["trace_id"])
    by_trace = ace.request("POST", ace.tasks_path, {"trace_id": record["trace_id"]}).json
    assert by_trace == ace.request("POST", ace.tasks_path, {"id": task}).json  # action is optional


@pytest.mark.parametrize("state, shape, response", [
    ("queued", "auto", ...), ("running", "auto", {"success": True}),
    ("running", "none", ...), ("running", "null", None), ("queued", "bare", {"success": True}),
    ("running", "empty", {"data": []}),
    ("queued", "word", {"success": True, "status": "queued"}),
    ("running", "word", {"success": True, "status": "processing"}),
    ("running", "word_finished", {"success": True, "status": "processing"}),
])
def test_pending_records(ace, state, shape, response):
    ace.choose(fresh_ms=0, pending=shape)
    task = ace.decreed(state)
    record = ace.shown(task)
    assert ("finished_at" in record) == (shape == "word_finished")
    if response is ...:
        assert "response" not in record
        return
    shown = record["response"]
    if shown and "success" in shown:
        assert (shown.pop("task_id"), shown.pop("trace_id")) == (task, record["trace_id"])
        data = shown.pop("data", None)
        if data:
            shown["status"] = data["status"]
            assert "video_url" not in data
    assert shown == response


@pytest.mark.parametrize("word", ["paused", "pending", "submitted", "Running"])
def test_raw_status_words(ace, word):
    ace.choose(fresh_ms=0)
    task = ace.decreed("running", raw_status=word)
    assert ace.shown(task)["response"]["data"]["status"] == word


ERROR = {"code": "bad_request", "message": "invalid input"}


@pytest.mark.parametrize("shape, failure, finished_at", [
    ("structured", {"error": ERROR}, True),
    ("detail", {"error": {"code": "bad_request", "detail": "invalid input"}}, True),
    ("string", {"error": "invalid input"}, True),
    ("string_unfinished", {"error": "invalid input"}, False),
    ("null_unfinished", {"error": None}, False),
    ("message", {"message": "invalid input"}, True),
    ("failure_reason", {"failure_reason": "invalid input"}, True),
    ("fail_reason", {"fail_reason": "invalid input"}, True),
    ("word", {"status": "failed"}, True),
])
def test_failed_records(ace, shape, failure, finished_at):
    ace.choose(fresh_ms=0, failure=shape)
    record = ace.shown(ace.decreed("failed", error=ERROR))
    assert ("finished_at" in record) == finished_at
    response = record["response"]
    assert response.pop("success") is False
    del response["task_id"], response["trace_id"]
    if shape == "word":
        response = {"status": response["data"]["status"]}
    assert response == failure


@pytest.mark.parametrize("word", ["failure", "error", "cancelled", "canceled", "rejected"])
def test_failure_words(ace, word):
    ace.choose(fresh_ms=0, failure="word")
    assert ace.shown(ace.decreed("failed", raw_status=word))["response"]["data"]["status"] == word


@pytest.mark.parametrize("words, code", [
    ("#fail", "api_error"), ("#moderation", "OutputVideoSensitiveContentDetected")])
def test_prompts_that_fail(ace, words, code):
    record = ace.wait_for(ace.create(text=words), "failed")
    assert record["response"]["error"]["code"] == code


def test_an_expired_record(ace):
    ace.choose(fresh_ms=0)
    response = ace.shown(ace.decreed("expired"))["response"]
    assert (response["success"], response["data"]["status"]) == (False, "expired")


@pytest.mark.parametrize("shape", ["A", "B", "C"])
def test_success_without_a_url(ace, shape, big_file):
    ace.choose(fresh_ms=0, data=shape)
    task = ace.with_file(big_file)
    ace.sim.decree(task, omit_video_url=True)
    response = ace.shown(task)["response"]
    assert response["success"] is True
    assert "video_url" not in str(response)


def test_batch_queries(ace):
    ace.choose(fresh_ms=0)
    ace.sim.control("POST", "/hold", {"state": "queued"})
    tasks = [ace.create() for _ in range(14)]

    def batch(**filters):
        answer = ace.request("POST", ace.tasks_path, {"action": "retrieve_batch", **filters})
        assert answer.status == 200, answer.body
        return [item["id"] for item in answer.json["items"]], answer.json["count"]

    assert batch(ids=[tasks[0], "unknown", tasks[2]]) == ([tasks[2], tasks[0]], 2)
    assert batch(ids=tasks)[0] == tasks[::-1]
    assert batch(ids=[]) == ([], 0)
    trace = ace.shown(tasks[3])["trace_id"]
    assert batch(trace_ids=[trace]) == ([tasks[3]], 1)
    assert batch()[0] == tasks[:1:-1]  # twelve by default
    assert batch(offset=1, limit=2)[0] == [tasks[12], tasks[11]]
    assert batch(type="images") == ([], 0)
    assert batch(created_at_min=int(time.time()) + 3600) == ([], 0)
    assert batch(ids=tasks, created_at_max=int(time.time()) + 3600)[1] == 14
    assert ace.sim.control("GET", "/stats")["wires"]["acedata"]["requests"]["list"] == 9


@pytest.mark.parametrize("body", [
    {}, {"id": 5}, {"id": "x", "action": "cancel"}, {"action": "retrieve"},
    {"action": "retrieve_batch", "ids": "x"}, {"action": "retrieve_batch", "limit": 0}, []], ids=str)
def test_wrong_queries(ace, body):
    answer = ace.request("POST", ace.tasks_path, body)
    assert (answer.status, ace.error_of(answer)[0]) == (400, "bad_request")


# --- What is refused, and what is accepted -------------------------------------------------------


WRONG = {
    "no model": {"model": ...},
    "unknown model": {"model": "sora-2"},
    "model without its date": {"model": "doubao-seedance-1-0-pro"},
    "no content": {"content": ...},
    "content is an object": {"content": text("x")},
    "content is empty": {"content": []},
    "blank text": {"content": [text(" ")]},
    "text over 1000": {"content": [text("é" * 1001)]},
    "text and image in one": {"content": [{**text("x"), "image_url": {"url": PNG_URL}}]},
    "unknown member": {"content": [{**text("x"), "weight": 1}]},
    "image as a text": {"content": [{"type": "image_url", "image_url": "https://x/y.png"}]},
    "image without role of two": {"content": [image(), image("last_frame")]},
    "draft task": {"model": V15, "content": [{"type": "draft_task", "draft_task": {"id": "x"}}]},
    "asset": {"content": [image(url="asset://x")]},
    "broken data": {"content": [image(url="data:image/png;base64,AAAA")]},
    "image too small": {"content": [image(url=data_url(png(200, 300)))]},
    "reference to 1.0": {"content": [image("reference_image")]},
    "last frame to fast": {"model": FAST, "content": [image("first_frame"), image("last_frame")]},
    "last frame alone": {"content": [image("last_frame")]},
    "image to t2v": {"model": T2V, "content": [image()]},
    "no image to i2v": {"model": I2V},
    "video without role": {"model": V20, "content": [video(role=None)]},
    "audio alone": {"model": V20, "content": [audio()]},
    "resolution 540p": {"resolution": "540p"},
    "4k on 1.0": {"resolution": "4k"},
    "ratio 2:1": {"ratio": "2:1"},
    "ratio is a number": {"ratio": 2},
    "duration is a text": {"duration": "5"},
    "duration 1": {"duration": 1},
    "duration 13": {"duration": 13},
    "duration 3 on 1.5": {"model": V15, "duration": 3},
    "duration -1 on 1.0": {"duration": -1},
    "frames 30": {"frames": 30},
    "frames 25": {"frames": 25},
    "frames on 1.5": {"model": V15, "duration": 5, "frames": 57},
    "seed -2": {"seed": -2},
    "seed 2^32": {"seed": 2**32},
    "camerafixed is a text": {"camerafixed": "true"},
    "camerafixed on 2.0": {"model": V20, "duration": 5, "camerafixed": True},
    "watermark is a text": {"watermark": "false"},
    "generate_audio is a text": {"generate_audio": "true"},
    "return_last_frame is a number": {"return_last_frame": 1},
    "callback_url": {"callback_url": "<string>"},
    "async is a text": {"async": "true"},
    "tier gold": {"service_tier": "gold"},
    "expires too soon": {"execution_expires_after": 3599},
    "expires too late": {"execution_expires_after": 259201},
    "priority 10": {"model": V20, "duration": 5, "priority": 10},
    "long safety_identifier": {"safety_identifier": "x" * 65},
    "output_format on 1.0": {"output_format": "mov"},
    "output_format avi": {"model": V25, "duration": 5, "output_format": "avi"},
    "omni type": {"model": V25, "duration": 5, "omni_reference_task_type": "reference"},
    "unknown tool": {"model": V20, "duration": 5, "tools": [{"type": "x"}]},
    "search limit": {"model": V20, "duration": 5, "tools": [{"type": "web_search", "limit": 51}]},
    "search source": {"model": V20, "duration": 5, "tools": [{"type": "web_search", "sources": ["x"]}]},
    "search on 1.0": {"tools": [{"type": "web_search"}]},
}


@pytest.mark.parametrize("fields", WRONG.values(), ids=WRONG.keys())
def test_invalid_requests_are_refused(ace, fields):
    answer = ace.refused(**fields)
    assert answer.status == 400, answer.body
    code, message = ace.error_of(answer)
    assert code == "bad_request" and message
    if "model" in str(message) and fields.get("model") == "sora-2":
        assert message == "model is invalid."


GOOD = {
    "least": {"resolution": ..., "duration": ...},
    "unknown fields": {"camera_fixed": True, "framespersecond": 999},
    "nulls": {"ratio": None, "callback_url": None},
    "sound on a model without": {"generate_audio": True},
    "camerafixed": {"camerafixed": True},
    "flex": {"service_tier": "flex"},
    "frames win": {"frames": 289},
    "adaptive": {"ratio": "adaptive"},
    "first and last frame alone": {"content": [image("first_frame"), image("last_frame")]},
    "text of 1000": {"content": [text("é" * 1000)]},
    "references": {"model": V20, "duration": 15, "content": [image("reference_image"), video(), audio()]},
    "2.5": {"model": V25, "duration": 30, "output_format": "mov", "omni_reference_task_type": "edit"},
    "auto length": {"model": V15, "duration": -1},
    "search": {"model": V20, "duration": 5, "tools": [
        {"type": "web_search", "limit": 50, "max_keyword": 1, "sources": ["moji", "search_engine"]}]},
    "priority": {"model": V20, "duration": 5, "priority": 9, "safety_identifier": "x"},
}


@pytest.mark.parametrize("fields", GOOD.values(), ids=GOOD.keys())
def test_valid_requests_are_accepted(ace, fields):
    ace.sim.control("POST", "/hold", {"state": "queued"})
    answer = ace.post(ace.body(**fields))
    assert answer.status == 200, answer.body


def made(ace, **fields):
    """The parameters that the simulator read from a create request."""
    ace.choose(data="B")
    return finished(ace, "B", **fields)["data"]


@pytest.mark.parametrize("words, fields, understood", [
    ("x --rs 720p --rt 1:1 --dur 3 --seed 11", {}, ("720p", "1:1", 3, 11)),
    ("x --resolution 720p --ratio 4:3 --duration 2 --seed 5", {}, ("720p", "4:3", 2, 5)),
    ("x --rs 999p --rt 2:1 --dur 99 --seed y", {"seed": 1}, ("720p", "16:9", 5, 1)),  # weak: falls back to the defaults
    ("x --rs 1080p --rt 1:1 --dur 12", {"resolution": "480p", "ratio": "9:16", "duration": 2, "seed": 2},
     ("480p", "9:16", 2, 2)),
    ("x --frames 30 --dur 2", {"seed": 3}, ("720p", "16:9", 2, 3)),
])
def test_flags_in_the_text(ace, words, fields, understood):
    data = made(ace, text=words, **{"resolution": ..., "duration": ..., **fields})
    assert (data["resolution"], data["ratio"], data["duration"], data["seed"]) == understood


def test_default_parameters(ace):
    data = made(ace, model=T2V, resolution=..., duration=...)
    assert (data["resolution"], data["ratio"], data["duration"]) == ("480p", "16:9", 5)


def test_frame_counts(ace):
    assert made(ace, text="x --frames 29", duration=...)["frames"] == 29
    assert made(ace, text="x --frames 29", duration=2)["duration"] == 2
    assert made(ace, text="x --dur 5", frames=29)["frames"] == 29


@pytest.mark.parametrize("fields, size, seconds, sound", [
    ({"ratio": "9:16"}, (480, 864), 2, False),
    ({"model": V15, "duration": 4, "generate_audio": True}, (864, 496), 4, True),
    ({"model": V15, "duration": 4}, (864, 496), 4, False),
    ({"content": [image(url=data_url(png(300, 400)))], "ratio": "adaptive"}, (558, 744), 2, False),
    ({"frames": 29}, (864, 480), 29 / 24, False),
])
def test_the_render_matches_the_request(ace, tmp_path, fields, size, seconds, sound):
    url = ace.video_url(ace.wait_for(ace.create(**fields)))
    probed = probe(ace.sim.media(url).body, tmp_path / "v.mp4")
    picture = streams(probed, "video")[0]
    assert (picture["width"], picture["height"]) == size
    assert int(picture["nb_frames"]) == round(seconds * 24)
    assert bool(streams(probed, "audio")) == sound


# --- Errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status, code", [
    (400, "token_mismatched"), (400, "api_not_implemented"), (400, "bad_request"), (400, "no_token"),
    (400, "disabled"), (401, "invalid_token"), (401, "token_expired"), (403, "used_up"), (404, "no_api"),
    (413, "request_too_large"), (429, "too_many_requests"), (500, "api_error")])
def test_error_statuses(ace, status, code):
    ace.sim.fault("create", status=status, error={"code": code})
    answer = ace.refused()
    assert (answer.status, ace.error_of(answer)[0]) == (status, code)


def test_payment_required(ace):
    ace.sim.fault("create", status=402, headers={"PAYMENT-REQUIRED": "x402"})
    answer = ace.refused()
    assert (answer.status, answer.headers["PAYMENT-REQUIRED"]) == (402, "x402")


def test_shapes_of_errors(ace):
    ace.choose(error="string")
    answer = ace.refused(model="sora-2")
    assert (answer.json["success"], answer.json["error"]) == (False, "model is invalid.")
    ace.choose(error="detail")
    assert ace.refused(model="sora-2").json == {"detail": "model is invalid."}
    ace.sim.fault("create", status=500, error={"message": "boom"})
    assert ace.refused().json == {"detail": "boom"}


def test_the_curl_sample_is_accepted(ace):
    """The sample is used as the page prints it, except for the placeholder of the callback."""
    output = subprocess.run(
        ["curl", "-sS", "--request", "POST", "--url", f"http://127.0.0.1:{ace.sim.port}/acedata/seedance/videos",
         "--header", "Authorization: Bearer <token>", "--header", "Content-Type: application/json", "--data",
         '{"model": "%s", "content": [{"type": "text", "text": "%s"}], "generate_audio": false, "callback_url": '
         '"https://example.com/", "return_last_frame": false, "service_tier": "default", '
         '"execution_expires_after": 172800}' % (PRO, FLAGS)],
        check=True, capture_output=True).stdout
    assert re.fullmatch(r'\{"task_id":"%s"\}' % UUID, output.decode())
