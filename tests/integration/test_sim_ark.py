"""The simulator: Ark's wire format, media, control port and life cycle (backend/sim).

The tests start the program that SEEDANCE_SIM names (default: build/dev/seedance-sim). They wait for
events, never for time: by long polls of the control port, or by a helper that polls until a
deadline.
"""

import base64
import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import threading
import time
import urllib.parse

import pytest

from harness import png

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("SEEDANCE_SIM", str(ROOT / "build/dev/seedance-sim"))
TASKS = "/ark/api/v3/contents/generations/tasks"
MODEL = "doubao-seedance-2-0-fast-260128"
DEADLINE_S = 60

for tool in ("ffmpeg", "ffprobe"):
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not installed", allow_module_level=True)
if not os.access(PROGRAM, os.X_OK):
    pytest.skip(f"{PROGRAM} is not built", allow_module_level=True)


class Answer:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = response.headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json["error"]


def wait_until(check, what):
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        result = check()
        if result:
            return result
        time.sleep(0.01)  # the polling interval, not a synchronization
    raise AssertionError(f"timed out: {what}")


class Sim:
    """One simulator process, and requests to it."""

    def __init__(self, *options, lifeline=None):
        pass_fds = [lifeline] if lifeline is not None else []
        if lifeline is not None:
            options += ("--lifeline", str(lifeline))
        self.process = subprocess.Popen(
            [PROGRAM, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=pass_fds)
        self.ready = self.process.stdout.readline().decode()
        match = re.fullmatch(r"port=(\d+) control=(\d+)\n", self.ready)
        if not match:
            raise AssertionError(f"not ready: {self.ready!r} {self.process.stderr.read()!r}")
        self.port, self.control_port = map(int, match.groups())

    def request(self, method, path, body=None, headers=None, port=None, timeout=DEADLINE_S):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=timeout)
        with contextlib.closing(connection):
            if isinstance(body, (dict, list)):
                body = json.dumps(body).encode()
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response, response.read())

    def control(self, method, path, order=None, status=200):
        answer = self.request(method, path, order, port=self.control_port)
        assert answer.status == status, answer.body
        return answer.json

    def fault(self, on, times=1, task=None, kind=None, **action):
        order = {"on": on, "times": times, "action": action}
        order.update({k: v for k, v in {"task": task, "kind": kind}.items() if v})
        return self.control("POST", "/faults", order)["id"]

    def requests(self, **query):
        query.setdefault("timeout_ms", DEADLINE_S * 1000)
        return self.control("GET", "/requests?" + urllib.parse.urlencode(query))["requests"]

    def create(self, body=None, **fields):
        answer = self.request("POST", TASKS, body or request_body(**fields))
        assert answer.status == 200, answer.body
        return answer.json["id"]

    def get(self, task):
        return self.request("GET", f"{TASKS}/{task}")

    def decree(self, task, **order):
        return self.control("POST", f"/tasks/{task}", order)

    def wait_for(self, task, *states):
        states = states or ("succeeded",)

        def check():
            shown = self.get(task).json
            if shown["status"] == "failed" and "failed" not in states:
                raise AssertionError(shown)
            return shown if shown["status"] in states else None

        return wait_until(check, f"{task} to be {states}")

    def media(self, link, method="GET", **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        parts = urllib.parse.urlsplit(link)
        return self.request(method, f"{parts.path}?{parts.query}", headers=headers)

    def with_file(self, path, **fields):
        """Creates a succeeded task whose video is the given file; returns its id and its link."""
        self.control("POST", "/hold", {"state": "queued"})
        task = self.create(**fields)
        self.decree(task, media={"video": str(path)}, state="succeeded")
        return task, self.get(task).json["content"]["video_url"]

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        errors = self.process.communicate(timeout=DEADLINE_S)[1].decode()
        return self.process.returncode, errors


def request_body(text="a paper boat", items=(), **fields):
    body = {"model": MODEL, "resolution": "480p", "duration": 4}
    content = [{"type": "text", "text": text}] if text is not None else []
    body["content"] = content + list(items)
    body.update(fields)
    return {key: value for key, value in body.items() if value is not ...}


def data_url(data, kind="image/png"):
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


PNG_URL = data_url(png(400, 300))


def image(role=None, url=PNG_URL):
    item = {"type": "image_url", "image_url": {"url": url}}
    return {**item, "role": role} if role else item


def video(url="https://example.com/v.mp4", role="reference_video"):
    return {"type": "video_url", "video_url": {"url": url}, "role": role}


def audio(url="https://example.com/a.mp3", role="reference_audio"):
    return {"type": "audio_url", "audio_url": {"url": url}, "role": role}


def probe(data, path):
    path.write_bytes(data)
    output = subprocess.run(
        ["ffprobe", "-v", "error", "-of", "json", "-show_streams", "-show_format", str(path)],
        check=True, capture_output=True).stdout
    return json.loads(output)


def streams(probed, kind):
    return [s for s in probed["streams"] if s["codec_type"] == kind]


@pytest.fixture(scope="module")
def shared_sim():
    sim = Sim("--queue-ms", "20", "--run-ms", "20")
    yield sim
    status, errors = sim.stop()
    assert status == 0, errors
    assert errors == ""


@pytest.fixture
def sim(shared_sim):
    shared_sim.control("DELETE", "/stats")
    yield shared_sim
    shared_sim.control("DELETE", "/faults")
    for task in shared_sim.control("GET", "/tasks")["tasks"]:
        if task["state"] not in ("succeeded", "failed", "expired"):
            shared_sim.decree(task["id"], state="failed")
        shared_sim.request("DELETE", f"{TASKS}/{task['id']}")
    shared_sim.control("POST", "/hold", {"state": ""})


@pytest.fixture
def start():
    """Starts simulators for a test; stops those that still run."""
    started = []

    def start_one(*options, **keywords):
        started.append(Sim(*options, **keywords))
        return started[-1]

    yield start_one
    for one in started:
        if one.process.poll() is None:
            assert one.stop() == (0, "")


@pytest.fixture(scope="module")
def big_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("media") / "big.mp4"
    path.write_bytes(os.urandom(1 << 20) * 3 + b"end")
    return path


# --- Creating, following and listing tasks -------------------------------------------------------


def test_states_and_fields_of_a_task(sim):
    sim.control("POST", "/hold", {"state": "queued"})
    answer = sim.request("POST", TASKS, request_body(
        model="doubao-seedance-2-0-260128", resolution="720p", duration=5,
        return_last_frame=True, safety_identifier="user-1"))
    assert answer.status == 200
    assert answer.headers["X-Request-Id"]
    assert answer.json["safety_identifier"] == "user-1"
    task = answer.json["id"]
    assert re.fullmatch(r"cgt-\d{14}-[a-z0-9]{5}", task)

    queued = sim.get(task).json
    assert queued["status"] == "queued"
    assert queued["service_tier"] == "default"
    assert queued["execution_expires_after"] == 172800
    assert abs(queued["created_at"] - time.time()) < DEADLINE_S
    assert "content" not in queued and "usage" not in queued and "error" not in queued

    sim.decree(task, hold="running")
    assert sim.wait_for(task, "running")["updated_at"] >= queued["updated_at"]
    sim.decree(task, hold="")
    done = sim.wait_for(task)
    assert done["usage"] == {"completion_tokens": 108900, "total_tokens": 108900}
    assert (done["resolution"], done["ratio"], done["duration"]) == ("720p", "16:9", 5)
    assert done["framespersecond"] == 24
    assert done["generate_audio"] is True
    assert done["model"] == "doubao-seedance-2-0-260128"
    assert isinstance(done["seed"], int) and done["seed"] >= 0
    for name in ("video_url", "last_frame_url"):
        assert done["content"][name].startswith(f"http://127.0.0.1:{sim.port}/media/{task}/")
    assert sim.control("GET", "/stats")["creates"] == 1


def test_links_follow_the_host_header(sim, big_file):
    task, _ = sim.with_file(big_file)
    shown = sim.request("GET", f"{TASKS}/{task}", headers={"Host": "sim.test:81"}).json
    assert shown["content"]["video_url"].startswith("http://sim.test:81/media/")
    assert "last_frame_url" not in shown["content"]


@pytest.mark.parametrize("text, state, code", [
    ("now #fail please", "failed", "InternalServiceError"),
    ("#moderation", "failed", "OutputVideoSensitiveContentDetected"),
    ("x #expire", "expired", None),
])
def test_prompts_that_choose_an_ending(sim, text, state, code):
    shown = sim.wait_for(sim.create(text=text), state)
    assert (shown.get("error") or {}).get("code") == code
    if code:
        assert "Request id: " in shown["error"]["message"]
    assert "content" not in shown


@pytest.mark.parametrize("order, status, error", [
    ({"state": "failed"}, "failed", None),
    ({"state": "failed", "error": {"code": "X"}}, "failed", {"code": "X"}),
    ({"state": "failed", "error": {"code": "X", "message": "m"}}, "failed",
     {"code": "X", "message": "m"}),
    ({"state": "expired"}, "expired", None),
    ({"state": "cancelled"}, "cancelled", None),
    ({"state": "running", "raw_status": "paused"}, "paused", None),
    ({"state": "cancelled", "raw_status": "canceled"}, "canceled", None),
])
def test_states_set_by_control(sim, order, status, error):
    sim.control("POST", "/hold", {"state": "running"})
    task = sim.create()
    sim.decree(task, **order)
    shown = sim.get(task).json
    assert shown["status"] == status
    assert shown.get("error") == error


def test_answers_set_by_control(sim, big_file):
    task, link = sim.with_file(big_file)
    sim.decree(task, omit_video_url=True)
    assert sim.get(task).json["content"] == {}
    sim.decree(task, omit_video_url=False, link={"video_url": "http://elsewhere/x.mp4"})
    assert sim.get(task).json["content"]["video_url"] == "http://elsewhere/x.mp4"
    sim.decree(task, link={"video_url": ""})
    assert sim.get(task).json["content"]["video_url"] == link
    sim.decree(task, gone=True)
    assert sim.get(task).status == 404
    assert sim.request("GET", TASKS).json["total"] == 0
    assert sim.control("GET", f"/tasks/{task}")["gone"] is True
    sim.decree(task, gone=False)
    assert sim.get(task).status == 200


def test_unknown_tasks_are_not_found(sim):
    for method in ("GET", "DELETE"):
        answer = sim.request(method, f"{TASKS}/cgt-0")
        assert answer.status == 404
        assert answer.error["code"] == "ResourceNotFound.Task"
        assert answer.error["type"] == "NotFound"
        assert "Request id: " in answer.error["message"]


def test_delete_cancels_queued_tasks_and_refuses_running_ones(sim):
    sim.control("POST", "/hold", {"state": "queued"})
    task = sim.create()
    answer = sim.request("DELETE", f"{TASKS}/{task}")
    assert (answer.status, answer.json) == (200, {})
    assert sim.get(task).json["status"] == "cancelled"
    assert sim.request("DELETE", f"{TASKS}/{task}").status == 409

    task = sim.create()
    sim.decree(task, state="running", hold="running")
    answer = sim.request("DELETE", f"{TASKS}/{task}")
    assert answer.status == 409
    assert answer.error["code"] == "InvalidAction.RunningTaskDeletion"
    assert task in answer.error["message"]

    for state in ("failed", "expired"):
        sim.decree(task, state=state)
        assert sim.request("DELETE", f"{TASKS}/{task}").status == 200
        assert sim.get(task).status == 404
        task = sim.create()


def test_delete_removes_the_media(sim, big_file):
    task, link = sim.with_file(big_file)
    assert sim.request("DELETE", f"{TASKS}/{task}").status == 200
    assert sim.media(link).status == 404


def test_post_below_a_task_is_a_create(sim):
    sim.control("POST", "/hold", {"state": "queued"})
    task = sim.create()
    answer = sim.request("POST", f"{TASKS}/{task}/cancel", request_body())
    assert answer.status == 200 and answer.json["id"] != task
    assert sim.control("GET", "/stats")["creates"] == 2


def test_lists_of_tasks(sim):
    sim.control("POST", "/hold", {"state": "queued"})
    tasks = [sim.create() for _ in range(3)]
    flex = sim.create(model="doubao-seedance-1-5-pro-251215", service_tier="flex")
    sim.decree(tasks[1], state="failed", error={"code": "X", "message": "m"})

    def listed(*query):
        answer = sim.request("GET", f"{TASKS}?" + urllib.parse.urlencode(query))
        assert answer.status == 200, answer.body
        return [item["id"] for item in answer.json["items"]], answer.json["total"]

    assert listed() == (tasks[::-1], 3)
    assert listed(("page_size", 2)) == ([tasks[2], tasks[1]], 3)
    assert listed(("page_size", 2), ("page_num", 2)) == ([tasks[0]], 3)
    assert listed(("filter.status", "failed")) == ([tasks[1]], 1)
    assert listed(("filter.task_ids", tasks[0]), ("filter.task_ids", tasks[2])) == (
        [tasks[2], tasks[0]], 2)
    assert listed(("filter.model", MODEL))[1] == 3
    assert listed(("filter.model", "other"))[1] == 0
    assert listed(("filter.service_tier", "flex")) == ([flex], 1)
    for wrong in ("page_num=0", "page_size=501", "page_size=x", "filter.status=done",
                  "filter.service_tier=gold"):
        assert sim.request("GET", f"{TASKS}?{wrong}").status == 400


# --- What is refused -----------------------------------------------------------------------------

V10 = "doubao-seedance-1-0-pro-250528"
V10_FAST = "seedance-1-0-pro-fast-251015"
V15 = "doubao-seedance-1-5-pro-251215"
V20 = "doubao-seedance-2-0-260128"
V25 = "dreamina-seedance-2-5-260628"
T2V = "doubao-seedance-1-0-lite-t2v-250428"
I2V = "doubao-seedance-1-0-lite-i2v-250428"
REFERENCE = image("reference_image")

WRONG = {
    "no model": ({"model": ...}, "MissingParameter", "model"),
    "model is a number": ({"model": 5}, "InvalidParameter", "model"),
    "no content": ({"content": ...}, "MissingParameter", "content"),
    "content is an object": ({"content": {}}, "InvalidParameter", "content"),
    "content is empty": ({"content": []}, "InvalidParameter", "content"),
    "item is a text": ({"content": ["x"]}, "InvalidParameter", "content[0]"),
    "item without type": ({"items": [{"text": "x"}]}, "MissingParameter", "content.type"),
    "item of unknown type": ({"items": [{"type": "x"}]}, "InvalidParameter", "content[1]"),
    "text is a number": ({"items": [{"type": "text", "text": 5}]}, "InvalidParameter",
                         "content[1]"),
    "blank text": ({"text": " \n"}, "MissingParameter", "content.text"),
    "image_url is a text": ({"items": [{"type": "image_url", "image_url": "http://x/y"}]},
                            "InvalidParameter", "content[1].image_url"),
    "image without url": ({"items": [{"type": "image_url", "image_url": {}}]},
                          "InvalidParameter", "content[1].image_url"),
    "image from a file": ({"items": [image(url="file:///x.png")]}, "InvalidParameter",
                          "content[1].image_url"),
    "format in upper case": ({"items": [image(url=PNG_URL.replace("png", "PNG"))]},
                             "InvalidParameter", "content[1].image_url"),
    "broken base64": ({"items": [image(url="data:image/png;base64,iVBO?A==")]},
                      "InvalidParameter", "content[1].image_url"),
    "no image": ({"items": [image(url=data_url(b"hello, world"))]}, "InvalidParameter",
                 "content[1].image_url"),
    "image too small": ({"items": [image(url=data_url(png(299, 300)))]}, "InvalidParameter",
                        "content[1].image_url"),
    "image too flat": ({"items": [image(url=data_url(png(1000, 300)))]}, "InvalidParameter",
                       "content[1].image_url"),
    "unknown role": ({"items": [image("middle_frame")]}, "InvalidParameter",
                     "content[1].image_url"),
    "two images without roles": ({"items": [image(), image()]}, "InvalidParameter", "content"),
    "one of two without role": ({"items": [image("first_frame"), image()]},
                                "InvalidParameter", "content"),
    "two first frames": ({"items": [image("first_frame")] * 2}, "InvalidParameter", "content"),
    "last frame alone": ({"items": [image("last_frame")]}, "InvalidParameter", "content"),
    "frame and reference": ({"items": [image("first_frame"), REFERENCE]}, "InvalidParameter",
                            "content"),
    "ten references": ({"items": [REFERENCE] * 10}, "InvalidParameter", "content"),
    "four videos": ({"items": [video()] * 4}, "InvalidParameter", "content"),
    "video as data": ({"items": [video("data:video/mp4;base64,AAAA")]}, "InvalidParameter",
                      "content[1].video_url"),
    "video without role": ({"items": [video(role=None)]}, "InvalidParameter",
                           "content[1].video_url"),
    "audio alone": ({"items": [audio()]}, "InvalidParameter", "content"),
    "audio in upper case": ({"items": [REFERENCE, audio("data:audio/MP3;base64,AAAA")]},
                            "InvalidParameter", "content[2].audio_url"),
    "draft task and text": ({"model": V15, "items": [
        {"type": "draft_task", "draft_task": {"id": "cgt-0"}}]}, "InvalidParameter", "content"),
    "unknown draft task": ({"model": V15, "text": None, "items": [
        {"type": "draft_task", "draft_task": {"id": "cgt-0"}}]}, "InvalidParameter",
        "content[0].draft_task"),
    "image to a text model": ({"model": T2V, "items": [image()]}, "InvalidParameter", "content"),
    "no image to an image model": ({"model": I2V}, "MissingParameter", "content.image_url"),
    "last frame to 1.0 pro fast": ({"model": V10_FAST, "items": [
        image("first_frame"), image("last_frame")]}, "InvalidParameter", "content"),
    "reference to 1.5": ({"model": V15, "items": [REFERENCE]}, "InvalidParameter", "content"),
    "references in 1080p": ({"model": I2V, "items": [REFERENCE], "resolution": "1080p"},
                            "InvalidParameter", "resolution"),
    "duration is a text": ({"duration": "5"}, "InvalidParameter", "duration"),
    "duration with a fraction": ({"duration": 5.5}, "InvalidParameter", "duration"),
    "duration 3 on 2.0": ({"duration": 3}, "InvalidParameter", "duration"),
    "duration 16 on 2.0": ({"duration": 16}, "InvalidParameter", "duration"),
    "duration -1 on 1.0": ({"model": V10, "duration": -1}, "InvalidParameter", "duration"),
    "frames on 2.0": ({"frames": 29}, "InvalidParameter", "frames"),
    "frames not 25 + 4n": ({"model": V10, "frames": 30}, "InvalidParameter", "frames"),
    "frames out of range": ({"model": V10, "frames": 293}, "InvalidParameter", "frames"),
    "resolution 540p": ({"resolution": "540p"}, "InvalidParameter", "resolution"),
    "resolution 480P": ({"resolution": "480P"}, "InvalidParameter", "resolution"),
    "1080p on 2.0 fast": ({"resolution": "1080p"}, "InvalidParameter", "resolution"),
    "4k on 1.5": ({"model": V15, "resolution": "4k"}, "InvalidParameter", "resolution"),
    "ratio 2:1": ({"ratio": "2:1"}, "InvalidParameter", "ratio"),
    "ratio with a first frame on 2.5": ({"model": V25, "ratio": "16:9", "items": [image()]},
                                        "InvalidParameter", "ratio"),
    "watermark is a text": ({"watermark": "true"}, "InvalidParameter", "watermark"),
    "generate_audio is a number": ({"generate_audio": 1}, "InvalidParameter", "generate_audio"),
    "sound on 1.0": ({"model": V10, "generate_audio": True}, "InvalidParameter",
                     "generate_audio"),
    "camera_fixed on 2.0": ({"camera_fixed": True}, "InvalidParameter", "camera_fixed"),
    "camera_fixed and references": ({"model": I2V, "items": [REFERENCE], "camera_fixed": True},
                                    "InvalidParameter", "camera_fixed"),
    "draft on 2.0": ({"draft": True}, "InvalidParameter", "draft"),
    "draft in 720p": ({"model": V15, "draft": True, "resolution": "720p"}, "InvalidParameter",
                      "resolution"),
    "draft with last frame": ({"model": V15, "draft": True, "return_last_frame": True},
                              "InvalidParameter", "return_last_frame"),
    "draft with flex": ({"model": V15, "draft": True, "service_tier": "flex"},
                        "InvalidParameter", "service_tier"),
    "flex on 2.0": ({"service_tier": "flex"}, "InvalidParameter", "service_tier"),
    "tier gold": ({"service_tier": "gold"}, "InvalidParameter", "service_tier"),
    "expires too soon": ({"execution_expires_after": 3599}, "InvalidParameter",
                         "execution_expires_after"),
    "seed -2": ({"seed": -2}, "InvalidParameter", "seed"),
    "seed 2^32": ({"seed": 2**32}, "InvalidParameter", "seed"),
    "priority 10": ({"priority": 10}, "InvalidParameter", "priority"),
    "priority on 1.5": ({"model": V15, "priority": 1}, "InvalidParameter", "priority"),
    "unknown tool": ({"model": V20, "tools": [{"type": "x"}]}, "InvalidParameter", "tools"),
    "search on 2.0 fast": ({"tools": [{"type": "web_search"}]}, "InvalidParameter", "tools"),
    "long safety_identifier": ({"safety_identifier": "x" * 65}, "InvalidParameter",
                               "safety_identifier"),
    "output_format avi": ({"model": V25, "output_format": "avi"}, "InvalidParameter",
                          "output_format"),
    "output_format on 2.0": ({"output_format": "mov"}, "InvalidParameter", "output_format"),
    "edit without a video": ({"model": V25, "omni_reference_task_type": "edit"},
                             "InvalidParameter.TaskTypeConstraint", None),
    "callback_url": ({"callback_url": "<string>"}, "InvalidParameter", "callback_url"),
}


@pytest.mark.parametrize("fields, code, param", WRONG.values(), ids=WRONG.keys())
def test_invalid_requests_are_refused(sim, fields, code, param):
    answer = sim.request("POST", TASKS, request_body(**fields))
    assert answer.status == 400, answer.body
    error = answer.error
    assert (error["code"], error["param"], error["type"]) == (code, param, "BadRequest")
    assert error["message"].endswith("Request id: " + answer.headers["X-Request-Id"])
    assert sim.control("GET", "/stats")["creates"] == 0


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b'{"model":"x",}', b"{} x", b'{"a":01}', b'{"a":"\x01"}', b'{"a":"\xff"}',
    b'{"a":NaN}', b'{"a":"\\x"}', b"[" * 100 + b"]" * 100,
], ids=repr)
def test_broken_json_is_refused(sim, body):
    answer = sim.request("POST", TASKS, body)
    assert answer.status == 400
    assert answer.error["code"] == "InvalidParameter"


@pytest.mark.parametrize("model", ["doubao-seedance-2-0", "seedance", "sora-2"])
def test_unknown_models_are_refused(sim, model):
    answer = sim.request("POST", TASKS, request_body(model=model))
    assert answer.status == 404
    assert answer.error["code"] == "InvalidEndpointOrModel.NotFound"


def test_too_large_a_body_is_refused(sim):
    answer = sim.request("POST", TASKS, b" " * (64 * 1024 * 1024 + 1))
    assert answer.status == 413


GOOD = {
    "least": {"resolution": ..., "duration": ...},
    "global name": {"model": "dreamina-seedance-2-0-fast-260128"},
    "endpoint": {"model": "ep-20260101-abcde"},
    "unknown fields": {"colour": "red", "framespersecond": 999},
    "nulls": {"seed": None, "ratio": None},
    "one image without role": {"items": [image()]},
    "no text": {"text": None, "items": [image()]},
    "asset": {"items": [image(url="asset://a-1")]},
    "first and last": {"items": [image("first_frame"), image("last_frame")]},
    "nine references": {"items": [REFERENCE] * 9},
    "all references": {"items": [REFERENCE, video(), audio()]},
    "audio data": {"items": [REFERENCE, audio("data:audio/mp3;base64,AAAA")]},
    "audio alone on 2.5": {"model": V25, "items": [audio()]},
    "thirty seconds on 2.5": {"model": V25, "duration": 30},
    "auto length": {"duration": -1},
    "frames win": {"model": V10, "frames": 57, "duration": 5},
    "camera": {"model": V10, "camera_fixed": True},
    "camera not on 2.0": {"camera_fixed": False},
    "no sound on 1.0": {"model": V10, "generate_audio": False},
    "flex": {"model": V15, "service_tier": "flex"},
    "search": {"model": V20, "tools": [{"type": "web_search"}]},
    "priority": {"priority": 9},
    "edit": {"model": V25, "omni_reference_task_type": "edit", "duration": -1,
             "items": [video()]},
    "tiff": {"items": [image(url=data_url(b"II*\0\x08\0\0\0\0\0", "image/tiff"))]},
    "webp": {"items": [image(url=data_url(b"RIFF\0\0\0\0WEBP", "image/webp"))]},
    "gif": {"items": [image(url=data_url(b"GIF89a\x90\x01\x2c\x01", "image/gif"))]},
    "bmp": {"items": [image(url=data_url(b"BM" + bytes(24), "image/bmp"))]},
    "jpeg": {"items": [image(url=data_url(b"\xff\xd8\xff\xe0", "image/jpeg"))]},
}


@pytest.mark.parametrize("fields", GOOD.values(), ids=GOOD.keys())
def test_valid_requests_are_accepted(sim, fields):
    sim.control("POST", "/hold", {"state": "queued"})
    answer = sim.request("POST", TASKS, request_body(**fields))
    assert answer.status == 200, answer.body
    assert sim.get(answer.json["id"]).json["status"] == "queued"


def test_endpoint_is_shown_as_its_model(sim):
    sim.control("POST", "/hold", {"state": "queued"})
    assert sim.get(sim.create(model="ep-1")).json["model"] == V20


# --- The key -------------------------------------------------------------------------------------


def test_without_a_key_any_token_works(sim):
    for headers, status in [({}, 404), ({"Authorization": "Bearer x"}, 404),
                            ({"Authorization": "Bearer "}, 401),
                            ({"Authorization": "Basic eA=="}, 401)]:
        assert sim.request("GET", f"{TASKS}/cgt-0", headers=headers).status == status


def test_a_wrong_key_is_refused(start):
    sim = start("--key", "secret")
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "secret"}):
        for method, path in [("POST", TASKS), ("GET", TASKS), ("GET", f"{TASKS}/x"),
                             ("DELETE", f"{TASKS}/x")]:
            answer = sim.request(method, path, request_body(), headers)
            assert answer.status == 401
            assert answer.error["code"] == "AuthenticationError"
    answer = sim.request("GET", f"{TASKS}/x", headers={"Authorization": "Bearer secret"})
    assert answer.status == 404
    assert "secret" not in json.dumps(sim.requests())


# --- The render ----------------------------------------------------------------------------------


@pytest.mark.parametrize("fields, size, seconds, sound", [
    ({"resolution": "720p", "duration": 5, "return_last_frame": True}, (1280, 720), 5, True),
    ({"ratio": "9:16", "generate_audio": False, "return_last_frame": True}, (496, 864), 4, False),
    ({"model": V10, "ratio": "1:1", "duration": 2}, (644, 644), 2, False),
    ({"items": [image("first_frame", data_url(png(300, 400)))], "return_last_frame": True},
     (566, 756), 4, True),
    ({"model": V10, "frames": 29, "resolution": "480p"}, (864, 480), 29 / 24, False),
    ({"model": V25, "text": "100% 'quoted': [x], \\n; é 雪 " + "long " * 300}, (854, 480), 4,
     True),
    # no decoder accepts this picture: the background is plain
    ({"text": None, "items": [image(url=data_url(b"GIF89a\x90\x01\x2c\x01", "image/gif"))]},
     (756, 566), 4, True),
], ids=lambda value: str(value) if isinstance(value, tuple) else None)
def test_the_render_matches_the_request(sim, tmp_path, fields, size, seconds, sound):
    body = request_body(**fields)
    content = sim.wait_for(sim.create(body))["content"]
    probed = probe(sim.media(content["video_url"]).body, tmp_path / "v.mp4")
    picture = streams(probed, "video")[0]
    assert (picture["width"], picture["height"]) == size
    assert (picture["codec_name"], picture["pix_fmt"]) == ("h264", "yuv420p")
    assert picture["r_frame_rate"] == "24/1"
    assert int(picture["nb_frames"]) == round(seconds * 24)
    assert abs(float(picture["duration"]) - seconds) < 0.01
    assert [s["codec_name"] for s in streams(probed, "audio")] == (["aac"] if sound else [])
    assert ("last_frame_url" in content) == bool(body.get("return_last_frame"))
    if "last_frame_url" in content:
        frame = sim.media(content["last_frame_url"])
        assert frame.headers["Content-Type"] == "image/png"
        assert frame.body.startswith(b"\x89PNG")
        assert struct.unpack(">II", frame.body[16:24]) == size


def test_first_frame_is_the_background(sim, tmp_path):
    task = sim.create(items=[image("first_frame", data_url(png(640, 360)))])
    video_url = sim.wait_for(task)["content"]["video_url"]
    (tmp_path / "v.mp4").write_bytes(sim.media(video_url).body)
    pixel = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(tmp_path / "v.mp4"), "-frames:v", "1", "-vf",
         "crop=2:2:0:0", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
        check=True, capture_output=True).stdout[:3]
    assert all(abs(a - b) < 24 for a, b in zip(pixel, b"\x20\x80\xc0"))


def test_the_index_precedes_the_data(sim):
    body = sim.media(sim.wait_for(sim.create())["content"]["video_url"]).body
    assert body.index(b"moov") < body.index(b"mdat")


def test_a_draft_and_its_final_video(sim, tmp_path):
    draft = sim.create(model=V15, draft=True, resolution=..., ratio="1:1", seed=7,
                       generate_audio=False)
    shown = sim.wait_for(draft)
    assert (shown["resolution"], shown["draft"]) == ("480p", True)
    final = sim.create({"model": V15, "resolution": "720p",
                        "content": [{"type": "draft_task", "draft_task": {"id": draft}}]})
    shown = sim.wait_for(final)
    assert shown["draft_task_id"] == draft
    assert (shown["seed"], shown["ratio"], shown["duration"]) == (7, "1:1", 4)
    assert shown["generate_audio"] is False
    probed = probe(sim.media(shown["content"]["video_url"]).body, tmp_path / "v.mp4")
    assert streams(probed, "video")[0]["width"] == 960


# --- Media ---------------------------------------------------------------------------------------


def test_a_complete_file(sim, big_file):
    _, link = sim.with_file(big_file)
    answer = sim.media(link)
    data = big_file.read_bytes()
    assert (answer.status, answer.body) == (200, data)
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Last-Modified"].endswith(" GMT")
    assert answer.headers["Date"]
    assert re.fullmatch(r'"[^"]+"', answer.headers["ETag"])
    entry = sim.requests(on="media", done=1)[0]
    assert (entry["bytes"], entry["status"], entry["kind"]) == (len(data), 200, "video")
    assert sim.control("GET", "/stats")["media_bytes"] == len(data)


@pytest.mark.parametrize("header, first, last", [
    ("bytes=0-0", 0, 0), ("bytes=5-9", 5, 9), ("bytes=1000000-", 1000000, -1),
    ("bytes=-3", -3, -1), ("bytes=-99999999", 0, -1), ("bytes=3145720-99999999", 3145720, -1),
])
def test_valid_ranges(sim, big_file, header, first, last):
    _, link = sim.with_file(big_file)
    data = big_file.read_bytes()
    first, last = first % len(data), last % len(data)
    answer = sim.media(link, Range=header)
    assert answer.status == 206
    assert answer.body == data[first:last + 1]
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(data)}"
    assert sim.requests(on="media")[0]["range"] == header


@pytest.mark.parametrize("header", ["bytes=9-5", "bytes=x-", "lines=1-2", "bytes=0-1,4-5",
                                    "bytes=1-2x", "bytes="])
def test_ignored_ranges(sim, big_file, header):
    _, link = sim.with_file(big_file)
    answer = sim.media(link, Range=header)
    assert (answer.status, len(answer.body)) == (200, big_file.stat().st_size)


@pytest.mark.parametrize("header", ["bytes=3145731-", "bytes=99999999-999999999", "bytes=-0"])
def test_unsatisfiable_ranges(sim, big_file, header):
    _, link = sim.with_file(big_file)
    answer = sim.media(link, Range=header)
    assert answer.status == 416
    assert answer.headers["Content-Range"] == f"bytes */{big_file.stat().st_size}"


def test_conditional_requests(sim, big_file, tmp_path):
    task, link = sim.with_file(big_file)
    head = sim.media(link, Range="bytes=0-0").headers
    for value, status in [(head["ETag"], 206), (head["Last-Modified"], 206), ('"x"', 200),
                          ("Thu, 01 Jan 1970 00:00:00 GMT", 200)]:
        assert sim.media(link, Range="bytes=0-0", If_Range=value).status == status
    assert sim.media(link, If_Match='"x"').status == 412
    other = tmp_path / "other.mp4"
    other.write_bytes(b"other")
    sim.decree(task, media={"video": str(other)})
    answer = sim.media(link)
    assert answer.body == b"other" and answer.headers["ETag"] != head["ETag"]


def test_head_is_forbidden(sim, big_file):
    task, link = sim.with_file(big_file)
    assert sim.media(link, "HEAD").status == 403
    assert sim.request("HEAD", f"{TASKS}/{task}").status == 403


def test_a_key_sent_to_media_is_refused(sim, big_file):
    _, link = sim.with_file(big_file)
    assert sim.media(link, Authorization="Bearer x").status == 400
    assert sim.requests(on="media")[0]["headers"]["authorization"] == "present"


def test_forged_links(sim, big_file):
    task, link = sim.with_file(big_file)
    other, _ = sim.with_file(big_file)
    expires = urllib.parse.parse_qs(urllib.parse.urlsplit(link).query)["X-Tos-Expires"][0]
    forged = [link.replace(f"X-Tos-Expires={expires}", "X-Tos-Expires=999999"),
              link.replace(task, other), link.replace("video.mp4", "last_frame.png"),
              link.split("?")[0], re.sub(r"Signature=..", "Signature=zz", link)]
    for one in forged:
        answer = sim.media(one)
        assert answer.status == 403
        assert b"<Error>" in answer.body
    assert sim.media(link.replace(task, "cgt-0")).status == 404


def test_links_expire(sim, start, big_file):
    task, link = sim.with_file(big_file)
    sim.decree(task, expire_links=True)
    answer = sim.media(link)
    assert answer.status == 403
    assert b"Request has expired" in answer.body
    assert sim.media(sim.get(task).json["content"]["video_url"]).status == 200

    short = start("--link-seconds", "0")
    _, link = short.with_file(big_file)
    assert short.media(link).status == 403


def test_connections_are_kept_alive(sim, big_file):
    _, link = sim.with_file(big_file)
    parts = urllib.parse.urlsplit(link)
    connection = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=DEADLINE_S)
    with contextlib.closing(connection):
        for _ in range(3):
            connection.request("GET", f"{parts.path}?{parts.query}")
            socket_before = connection.sock
            assert len(connection.getresponse().read()) == big_file.stat().st_size
            assert connection.sock is socket_before


def test_an_aborted_download_counts_the_bytes_sent(sim, tmp_path):
    path = tmp_path / "huge.mp4"
    with path.open("wb") as file:
        file.truncate(256 << 20)
    _, link = sim.with_file(path)
    parts = urllib.parse.urlsplit(link)
    with socket.create_connection(("127.0.0.1", sim.port)) as client:
        client.sendall(f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert client.recv(1000)
    entry = sim.requests(on="media", done=1)[0]
    assert 0 < entry["bytes"] < 64 << 20


def test_downloads_are_fast(sim, tmp_path):
    path = tmp_path / "huge.mp4"
    with path.open("wb") as file:
        file.truncate(512 << 20)
    _, link = sim.with_file(path)
    parts = urllib.parse.urlsplit(link)
    buffer = bytearray(1 << 20)
    left = 512 << 20
    with socket.create_connection(("127.0.0.1", sim.port)) as client:
        client.sendall(f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        start_s = time.monotonic()
        while left > 0:
            left -= client.recv_into(buffer)
        elapsed = time.monotonic() - start_s
    print(f"{512 / elapsed:.0f} MB/s")
    assert elapsed < 10


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
