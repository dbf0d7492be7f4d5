"""What holds for every wire format of the simulator except Ark's (test_sim_ark.py).

The classes here define how a test talks to each service; tests of a single service are in
test_sim_<service>.py.
"""

import contextlib
import hashlib
import http.client
import json
import re
import threading
import time

import pytest

from sim_program import DEADLINE_S, big_file, probe, shared_sim, start, streams, wait_until  # noqa: F401

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"


class Service:
    """One simulator, used as one of its services."""

    json_headers = {"Content-Type": "application/json", "Accept": "application/json"}

    def __init__(self, sim):
        self.sim = sim

    def body(self, text="a paper boat", **fields):
        """A valid create request; a field with the value ... is left out."""
        body = {**self.fields(text), **fields}
        return {key: value for key, value in body.items() if value is not ...}

    def request(self, method, path, body=None, headers=None, **keywords):
        return self.sim.request(method, self.prefix + path, body,
                                {**self.json_headers, **(headers or {})}, **keywords)

    def post(self, body=None, headers=None, **keywords):
        return self.request("POST", self.create_path, body or self.body(), headers, **keywords)

    def create(self, **fields):
        answer = self.post(self.body(**fields))
        assert answer.status == 200, answer.body
        return self.id_of(answer.json)

    def shown(self, task):
        answer = self.query(task)
        assert answer.status == 200, answer.body
        return answer.json

    def wait_for(self, task, *states):
        states = states or (self.done,)

        def check():
            shown = self.shown(task)
            state = self.state_of(shown)
            if state == self.failed and self.failed not in states:
                raise AssertionError(shown)
            return shown if state in states else None

        return wait_until(check, f"{task} to be {states}")

    def refused(self, body=None, **fields):
        """The response to a create request that must be refused."""
        before = self.sim.control("GET", "/stats")["creates"]
        answer = self.post(body or self.body(**fields))
        assert self.sim.control("GET", "/stats")["creates"] == before, answer.body
        return answer

    def choose(self, **variants):
        self.sim.control("POST", f"/variants/{self.name}", variants)

    def last_create(self):
        return self.sim.control("GET", f"/creates/{self.name}")

    def with_file(self, path, **fields):
        """Creates a succeeded task whose video is the given file."""
        self.sim.control("POST", "/hold", {"state": "queued"})
        task = self.create(**fields)
        self.sim.decree(task, media={"video": str(path)}, state="succeeded")
        return task

    def decreed(self, state, **decree):
        """Creates a task in the given state; returns its id."""
        self.sim.control("POST", "/hold", {"state": "queued"})
        task = self.create()
        self.sim.decree(task, state=state, hold="running" if state == "running" else "queued",
                        **decree)
        return task


class Acedata(Service):
    name, prefix = "acedata", "/acedata"
    create_path, tasks_path = "/seedance/videos", "/seedance/tasks"
    done, failed = "succeeded", "failed"
    model = "doubao-seedance-1-0-pro-250528"
    way = {"async": True}
    too_large = 413

    def fields(self, text):
        return {"model": self.model, "content": [{"type": "text", "text": text}],
                "resolution": "480p", "duration": 2, **self.way}

    def id_of(self, created):
        return created["task_id"]

    def query(self, task):
        return self.request("POST", self.tasks_path, {"id": task, "action": "retrieve"})

    def state_of(self, record):
        response = record.get("response") or {}
        if not response.get("success", True):
            return "failed"
        data = response.get("data") or {}
        return (data[0] if isinstance(data, list) else data).get("status", "pending")

    def video_url(self, record):
        return record["response"]["data"]["video_url"]

    def error_of(self, answer):
        assert answer.json["success"] is False
        assert re.fullmatch(UUID, answer.json["trace_id"])
        assert set(answer.json) == {"success", "error", "trace_id"}
        return answer.json["error"]["code"], answer.json["error"]["message"]

    no_key = (401, "invalid_token")
    no_path = (404, "no_api")
    errors = {400: "bad_request", 401: "invalid_token", 403: "used_up", 404: "no_api",
              413: "request_too_large", 429: "too_many_requests", 500: "api_error"}


class Xhuo(Acedata):
    name, prefix = "xhuo", "/xhuo"
    create_path, tasks_path = "/v1/seedance/videos", "/v1/seedance/tasks"
    way = {"callback_url": "http://127.0.0.1:1/done"}
    no_path = (400, "api_not_implemented")
    errors = {400: "token_mismatched", 401: "invalid_token", 403: "used_up", 413: "request_too_large",
              429: "too_many_requests", 500: "api_error", 503: "api_error"}


class Createtask(Service):
    name, prefix = "createtask", "/createtask"
    root = "/api/AIGeneration/video/seedance"
    create_path = root + "/createTask"
    done, failed = "succeeded", "failed"
    model = "doubao-seedance-1-5-pro-251215"
    too_large = 413

    def fields(self, text):
        return {"model": self.model, "content": [{"type": "text", "text": text}], "resolution": "480p", "duration": 4}

    def id_of(self, created):
        assert created["success"] is True
        return created["data"]["id"]

    def query(self, task):
        return self.request("GET", f"{self.root}/taskStatus/{task}")

    def state_of(self, shown):
        assert shown["success"] is True
        return shown["data"]["status"]

    def video_url(self, shown):
        return shown["data"]["result_url"]

    def error_of(self, answer):
        assert answer.json["success"] is False
        assert set(answer.json) <= {"success", "message", "code"}
        return answer.json.get("code"), answer.json["message"]

    no_key = (401, None)
    no_path = (404, None)
    errors = {status: None for status in (400, 401, 403, 404, 413, 422, 429, 500)}


class Senseaudio(Service):
    name, prefix = "senseaudio", "/senseaudio"
    create_path = "/v1/video/create"
    done, failed = "completed", "failed"
    model = "doubao-seedance-2-0-260128"
    too_large = 413

    def fields(self, text):
        return {"model": self.model, "content": [{"type": "text", "text": text}], "duration": 4,
                "resolution": "480p", "ratio": "16:9", "watermark": False,
                "provider_specific": {"generate_audio": False}}

    def id_of(self, created):
        assert list(created) == ["task_id"]
        return created["task_id"]

    def query(self, task):
        return self.request("GET", f"/v1/video/status?id={task}")

    def state_of(self, shown):
        return shown["status"]

    def video_url(self, shown):
        return shown["video_url"]

    def error_of(self, answer):
        assert set(answer.json) <= {"code", "message", "ref_code", "ref_scope"}
        assert answer.json.get("ref_code") or answer.status == 401
        return answer.json["code"], answer.json["message"]

    no_key = (401, "authentication_error")
    no_path = (404, "notfound")
    errors = {400: "参数错误", 401: "authentication_error", 404: "notfound", 429: "rate_limit", 500: "internal"}


class Comet(Service):
    name, prefix = "comet", "/comet"
    create_path = "/v1/videos"
    done, failed = "SUCCESS", "FAILED"
    model = "doubao-seedance-2-0-fast"
    too_large = 413
    boundary = "----a-boundary"
    json_headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}

    def fields(self, text):
        return {"prompt": text, "model": self.model, "seconds": "4", "resolution": "480p"}

    def post(self, body=None, headers=None, **keywords):
        """A dict is sent as multipart: each value is a text, or (file name, content type, bytes),
        or a list of those."""
        body = self.body() if body is None else body
        return super().post(self.encode(body) if isinstance(body, dict) else body, headers, **keywords)

    def encode(self, fields):
        out = b""
        for name, values in fields.items():
            for value in values if isinstance(values, list) else [values]:
                head = f'--{self.boundary}\r\nContent-Disposition: form-data; name="{name}"'
                if isinstance(value, tuple):
                    head += f'; filename="{value[0]}"\r\nContent-Type: {value[1]}'
                    value = value[2]
                out += head.encode() + b"\r\n\r\n" + (value if isinstance(value, bytes) else value.encode()) + b"\r\n"
        return out + f"--{self.boundary}--\r\n".encode()

    def id_of(self, created):
        assert created["id"] == created["task_id"]
        return created["id"]

    def query(self, task):
        return self.request("GET", f"{self.create_path}/{task}")

    def state_of(self, shown):
        return shown["status"]

    def video_url(self, shown):
        return shown["video_url"]

    def error_of(self, answer):
        if "error" in answer.json:
            assert set(answer.json["error"]) == {"message", "type", "code"}
            assert answer.json["error"]["type"] == "new_api_error"
            message, _, request_id = answer.json["error"]["message"].rpartition(" (request id: ")
            assert request_id == answer.headers["X-Request-Id"] + ")"
            return answer.json["error"]["code"], message
        assert set(answer.json) == {"code", "message", "data"} and answer.json["data"] is None
        return answer.json["code"], answer.json["message"]

    no_key = (401, "")
    no_path = (404, "")
    errors = {400: "InvalidParameter", 401: "", 403: "", 413: "", 429: "", 500: ""}


SERVICES = [Acedata, Xhuo, Createtask, Senseaudio, Comet]


@pytest.fixture
def sim(shared_sim):
    shared_sim.control("DELETE", "/stats")
    yield shared_sim
    shared_sim.control("DELETE", "/faults")
    shared_sim.control("DELETE", "/variants")
    for task in shared_sim.control("GET", "/tasks")["tasks"]:
        if task["state"] in ("queued", "running"):
            shared_sim.decree(task["id"], state="failed")
    shared_sim.control("POST", "/hold", {"state": ""})


@pytest.fixture(params=SERVICES, ids=lambda service: service.name)
def service(request, sim):
    return request.param(sim)


def test_a_task_succeeds(service, tmp_path):
    task = service.create()
    url = service.video_url(service.wait_for(task))
    assert url.startswith(f"http://127.0.0.1:{service.sim.port}/media/{task}/")
    probed = probe(service.sim.media(url).body, tmp_path / "v.mp4")
    assert streams(probed, "video")[0]["codec_name"] == "h264"


def test_links_are_signed_and_expire(service, big_file):
    task = service.with_file(big_file)
    url = service.video_url(service.wait_for(task))
    assert service.sim.media(url).body == big_file.read_bytes()
    assert service.sim.media(url.split("?")[0]).status == 403
    assert service.sim.media(url, Authorization="Bearer x").status == 400
    assert service.sim.media(url, "HEAD").status == 403
    service.sim.decree(task, expire_links=True)
    assert service.sim.media(url).status == 403
    assert service.sim.media(service.video_url(service.shown(task))).status == 200


def test_a_wrong_key_is_refused(service, start):
    keyed = type(service)(start("--key", "secret"))
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "secret"}):
        for answer in (keyed.post(headers=headers), keyed.query("x")):
            assert answer.status == keyed.no_key[0]
            assert keyed.error_of(answer)[0] == keyed.no_key[1]
    keyed.json_headers = {**keyed.json_headers, "Authorization": "Bearer secret"}
    keyed.create()
    assert "secret" not in json.dumps(keyed.sim.requests()) + json.dumps(keyed.last_create())


@pytest.mark.parametrize("method, path", [
    ("GET", "/"), ("POST", "/"), ("POST", "/nothing"), ("PUT", None), ("DELETE", None)])
def test_unknown_paths_are_not_found(service, method, path):
    answer = service.request(method, service.create_path if path is None else path)
    assert answer.status == service.no_path[0]
    assert service.error_of(answer)[0] == service.no_path[1]


def test_there_is_no_cancel(service):
    task = service.decreed("queued")
    for method, path in [("DELETE", f"{service.create_path}/{task}"),
                         ("POST", f"{service.create_path}/{task}/cancel"),
                         ("DELETE", f"/ark/{task}")]:
        assert service.request(method, path).status == service.no_path[0]
    assert service.sim.request(
        "DELETE", f"/ark/api/v3/contents/generations/tasks/{task}").status == 404
    counts = service.sim.control("GET", "/stats")["wires"][service.name]
    assert counts["requests"]["delete"] == 0 and counts["requests"]["other"] == 3


def test_faults_use_the_words_of_the_service(service):
    for status, code in service.errors.items():
        service.sim.fault("create", status=status)
        answer = service.refused()
        assert (answer.status, service.error_of(answer)[0]) == (status, code)
    service.sim.fault("create", status=403, error={"code": "a_code", "message": "a message"})
    answer = service.refused()
    assert service.error_of(answer) == ("a_code", "a message")
    service.sim.fault("get", status=429, headers={"Retry-After": "2"})
    answer = service.query("x")
    assert (answer.status, answer.headers["Retry-After"]) == (429, "2")
    assert service.error_of(answer)[0] == service.errors[429]
    service.sim.fault("get", status=500, body="")
    assert service.query("x").body == b""


def test_a_fault_applies_to_one_wire(service):
    order = {"on": "create", "wire": "ark", "action": {"status": 500}}
    service.sim.control("POST", "/faults", order)
    service.create()
    service.sim.control("DELETE", "/faults")
    order["wire"] = service.name
    service.sim.control("POST", "/faults", order)
    service.sim.create()
    assert service.post().status == 500
    order["wire"] = "nobody"
    assert "nobody" in service.sim.control("POST", "/faults", order, status=400)["error"]


@pytest.mark.parametrize("when, accepted", [("before", 0), ("after", 1)])
def test_closed_connections(service, when, accepted):
    service.sim.fault("create", close=when)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        service.post()
    entry = service.sim.requests(on="create", wire=service.name, done=1)[0]
    assert (entry["status"], bool(entry.get("task"))) == (0, bool(accepted))
    assert service.sim.control("GET", "/stats")["wires"][service.name]["creates"] == accepted


def test_delayed_and_hanging_answers(service):
    service.sim.fault("get", delay_ms=200)
    start_s = time.monotonic()
    service.query("x")
    assert time.monotonic() - start_s >= 0.2
    service.sim.fault("create", hang="before")
    outcome = []

    def ask():
        with contextlib.suppress(http.client.RemoteDisconnected, ConnectionResetError):
            outcome.append(service.post())

    thread = threading.Thread(target=ask)
    thread.start()
    assert not service.sim.requests(on="create")[0]["done"]
    service.sim.control("DELETE", "/faults")
    thread.join(DEADLINE_S)
    assert not outcome
    assert service.sim.control("GET", "/stats")["creates"] == 0


def test_too_large_a_body_is_refused(service):
    answer = service.post(b" " * (64 * 1024 * 1024 + 1))
    assert answer.status == service.too_large
    service.error_of(answer)


def test_tasks_of_other_services_are_unknown(service):
    answers = [service.query(service.sim.create()), service.query("x")]
    assert answers[0].status == answers[1].status
    if service.name in ("acedata", "xhuo"):
        assert answers[0].json == answers[1].json == {}
    else:
        assert service.error_of(answers[0]) == service.error_of(answers[1])


def test_counters_and_the_log(service):
    task = service.decreed("queued")
    service.query(task)
    stats = service.sim.control("GET", "/stats")
    assert stats["wires"][service.name] == {
        "creates": 1, "requests": {"create": 1, "get": 1, "list": 0, "delete": 0, "other": 0}}
    assert stats["wires"]["ark"]["creates"] == 0
    assert stats["creates"] == 1
    assert [entry["on"] for entry in service.sim.requests(wire=service.name)] == ["create", "get"]
    assert {entry["task"] for entry in service.sim.requests()} == {task}
    assert service.sim.requests(wire="ark", timeout_ms=0) == []
    assert "x" in service.sim.control("GET", "/requests?wire=x", status=400)["error"]
    service.sim.control("DELETE", "/stats")
    service.sim.control("GET", f"/creates/{service.name}", status=404)


def test_unknown_variants_are_refused(service):
    for order in ({"datum": "A"}, {"error": "loud"}, {"error": 5}, []):
        service.sim.control("POST", f"/variants/{service.name}", order, status=400)
    service.sim.control("POST", "/variants/nobody", {}, status=404)
    variants = service.sim.control("GET", "/variants")
    assert set(variants) >= {"ark", service.name}
    service.sim.control("POST", f"/variants/{service.name}", variants[service.name])
    assert service.sim.control("GET", "/variants") == variants


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b'{"model":"x",}', b'{"a":"\xff"}', b'{"a":NaN}'], ids=repr)
def test_broken_json_is_refused(service, body):
    answer = service.request("POST", service.create_path, body)
    assert answer.status in (400, 422)
    service.error_of(answer)


@pytest.mark.parametrize("kind", [service for service in SERVICES if service is not Comet],
                         ids=lambda kind: kind.name)
def test_control_shows_the_last_create_unchanged(sim, kind):
    service = kind(sim)
    body = json.dumps(service.body(text="exactly this"), indent=1).encode()
    service.sim.control("POST", "/hold", {"state": "queued"})
    answer = service.request("POST", service.create_path, body, {
        "Authorization": "Bearer secret", "X-One": "1"})
    assert answer.status == 200
    shown = service.last_create()
    assert (shown["method"], shown["path"]) == ("POST", service.prefix + service.create_path)
    assert shown["body"] == json.loads(body)
    assert (shown["bytes"], shown["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
    headers = {name.lower(): value for name, value in shown["headers"]}
    assert headers["authorization"] == "present"
    assert (headers["x-one"], headers["content-type"]) == ("1", "application/json")
    assert headers["content-length"] == str(len(body))


def test_tasks_survive_a_restart(service, start, tmp_path):
    options = ("--books", str(tmp_path / "books"), "--queue-ms", "20", "--run-ms", "20")
    before = type(service)(start(*options))
    task = before.create()
    data = before.sim.media(before.video_url(before.wait_for(task))).body
    assert before.sim.stop() == (0, "")
    after = type(service)(start(*options))
    assert after.sim.media(after.video_url(after.shown(task))).body == data
