"""The simulator's program and its Ark wire format, for the tests of the simulator.

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
import subprocess
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


V10 = "doubao-seedance-1-0-pro-250528"

V15 = "doubao-seedance-1-5-pro-251215"
V20 = "doubao-seedance-2-0-260128"
V25 = "dreamina-seedance-2-5-260628"
