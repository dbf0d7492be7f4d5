"""The simulator as CometAPI: /comet (providers/README.md, 3)."""

import hashlib
import json
import re
import subprocess
import time

import pytest

from sim_program import png, probe, streams
from sim_program import big_file, start  # noqa: F401
from test_sim_wires import Comet, shared_sim, sim  # noqa: F401

V20, FAST = "doubao-seedance-2-0", "doubao-seedance-2-0-fast"
V15, V10 = "doubao-seedance-1-5-pro", "doubao-seedance-1-0-pro"
PNG = ("reference.png", "image/png", png(400, 300))


@pytest.fixture
def service(sim):
    return Comet(sim)


def curl(service, *forms):
    """Arguments of curl for the page's samples; curl strips their quotes."""
    arguments = [argument for form in forms for argument in ("-F", form)]
    output = subprocess.run(
        ["curl", "-sS", f"http://127.0.0.1:{service.sim.port}/comet/v1/videos", "-H",
         "Authorization: Bearer <COMETAPI_KEY>", *arguments], check=True, capture_output=True).stdout
    return json.loads(output)


SAMPLE = ['prompt="A slow cinematic camera push across a coastal landscape at sunrise"', 'seconds="5"', 'size="16:9"',
          'resolution="720p"']


def test_the_sample_of_the_page_is_accepted(service):
    service.sim.control("POST", "/hold", {"state": "queued"})
    created = curl(service, *SAMPLE, f'model="{FAST}"')
    assert list(created) == ["id", "task_id", "object", "model", "status", "progress", "created_at"]
    assert re.fullmatch(r"task_[a-z0-9]+", created["id"]) and created["task_id"] == created["id"]
    assert (created["object"], created["model"], created["status"], created["progress"]) == (
        "video", FAST, "SUBMITTED", 0)
    assert abs(created["created_at"] - time.time()) < 60
    values = {part["name"]: part["value"] for part in service.last_create()["parts"]}
    assert values == {"prompt": "A slow cinematic camera push across a coastal landscape at sunrise", "model": FAST,
                      "seconds": "5", "size": "16:9", "resolution": "720p"}


def test_the_sample_with_a_file_is_accepted(service, tmp_path):
    service.sim.control("POST", "/hold", {"state": "queued"})
    path = tmp_path / "reference.png"
    path.write_bytes(PNG[2])
    assert curl(service, *SAMPLE, f'model="{V20}"', f"input_reference=@{path}")["status"] == "SUBMITTED"
    part = service.last_create()["parts"][-1]
    assert part == {"name": "input_reference", "filename": "reference.png", "content_type": "image/png",
                    "bytes": len(PNG[2]), "sha256": hashlib.sha256(PNG[2]).hexdigest()}
    assert service.sim.requests(on="create")[0]["body"] == {"parts": service.last_create()["parts"]}


@pytest.mark.parametrize("name", ["model", "seconds", "size", "resolution"])
def test_quotes_are_part_of_a_value(service, name):
    value = {"model": FAST, "seconds": "5", "size": "16:9", "resolution": "720p"}[name]
    assert service.refused(**{name: f'"{value}"'}).status == 400


def test_control_shows_the_last_multipart_create(service):
    service.sim.control("POST", "/hold", {"state": "queued"})
    service.create(text='say "é"', model=V20, input_reference=PNG)
    shown = service.last_create()
    body = service.encode(service.body(text='say "é"', model=V20, input_reference=PNG))
    assert (shown["bytes"], shown["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
    assert [part["name"] for part in shown["parts"]] == ["prompt", "model", "seconds", "resolution", "input_reference"]
    assert shown["parts"][0] == {
        "name": "prompt", "bytes": 8, "sha256": hashlib.sha256('say "é"'.encode()).hexdigest(), "value": 'say "é"'}
    headers = {name.lower(): value for name, value in shown["headers"]}
    assert headers["content-type"].startswith("multipart/form-data; boundary=")


# --- Answers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("words, names", [
    ("upper", {"queued": "SUBMITTED", "running": "IN_PROGRESS", "succeeded": "SUCCESS", "failed": "FAILED"}),
    ("lower", {"queued": "queued", "running": "in_progress", "succeeded": "completed", "failed": "failed"})])
def test_status_words(service, big_file, words, names):
    service.choose(words=words)
    assert service.post().json["status"] == names["queued"]
    for state, progress in [("queued", 0), ("running", 45), ("failed", 100)]:
        shown = service.shown(service.decreed(state))
        assert list(shown) == ["id", "model", "object", "status", "progress", "created_at", "completed_at"]
        assert (shown["status"], shown["progress"], shown["object"]) == (names[state], progress, "video")
        assert (shown["completed_at"] is None) == (state != "failed")
    shown = service.shown(service.with_file(big_file))
    assert (shown["status"], shown["progress"]) == (names["succeeded"], 100)
    assert shown["completed_at"] >= shown["created_at"]


@pytest.mark.parametrize("word", ["ERROR", "error", "NOT_START", "paused"])
def test_raw_status_words(service, word):
    assert service.shown(service.decreed("failed", raw_status=word))["status"] == word


def test_other_forms_of_success(service, big_file):
    task = service.with_file(big_file)
    service.choose(completed_at="null")
    shown = service.shown(task)
    assert shown["completed_at"] is None and shown["status"] == "SUCCESS" and shown["video_url"]
    service.choose(video_url="metadata.url")
    shown = service.shown(task)
    assert "video_url" not in shown and service.sim.media(shown["metadata"]["url"]).status == 200
    service.choose(video_url="url")
    shown = service.shown(task)
    assert "video_url" not in shown and service.sim.media(shown["url"]).status == 200
    service.sim.decree(task, omit_video_url=True)
    assert "http" not in str(service.shown(task))


@pytest.mark.parametrize("words, code", [
    ("#fail", "InternalServiceError"), ("#moderation", "OutputVideoSensitiveContentDetected")])
def test_prompts_that_fail(service, words, code):
    shown = service.wait_for(service.create(text=words), "FAILED")
    assert shown["error"]["code"] == code and shown["error"]["message"]
    assert "video_url" not in shown


def test_failed_tasks(service):
    assert service.shown(service.decreed("failed", error={"code": "x", "message": "m"}))["error"] == {
        "message": "m", "code": "x"}
    assert "error" not in service.shown(service.decreed("expired"))


def test_there_is_no_content_route(service, big_file):
    task = service.with_file(big_file)
    assert service.request("GET", f"/v1/videos/{task}/content").status == 404


def test_unknown_tasks_are_not_found(service):
    answer = service.query("task_abc123")
    assert (answer.status, answer.json) == (400, {"code": "task_not_exist", "message": "task_not_exist", "data": None})


# --- What is refused, and what is accepted -------------------------------------------------------


WRONG = {
    "no prompt": {"prompt": ...},
    "blank prompt": {"prompt": " "},
    "no model": {"model": ...},
    "Ark's model": {"model": "doubao-seedance-2-0-260128"},
    "two models": {"model": [FAST, V20]},
    "prompt as a file": {"prompt": ("p.txt", "text/plain", b"x")},
    "prompt in Latin 1": {"prompt": b"\xe9"},
    "size 5:4": {"size": "5:4"},
    "size adaptive": {"size": "adaptive"},
    "size in pixels": {"size": "1280x720"},
    "resolution 540p": {"resolution": "540p"},
    "1080p on 2.0": {"model": V20, "resolution": "1080p"},
    "4k on 1.5": {"model": V15, "resolution": "4k"},
    "reference as a text": {"input_reference": "https://example.com/x.png"},
    "reference is a GIF": {"input_reference": ("x.gif", "image/gif", b"GIF89a\x90\x01\x2c\x01")},
    "reference is a GIF after all": {"input_reference": ("x.png", "image/png", b"GIF89a\x90\x01\x2c\x01")},
    "reference is no image": {"input_reference": ("x.png", "image/png", b"hello, world")},
    "reference of no type": {"input_reference": ("x.png", "application/octet-stream", PNG[2])},
    "reference too small": {"input_reference": ("x.png", "image/png", png(200, 300))},
    "ten references": {"input_reference": [PNG] * 10},
}


@pytest.mark.parametrize("fields", WRONG.values(), ids=WRONG.keys())
def test_invalid_requests_are_refused(service, fields):
    answer = service.refused(**fields)
    assert (answer.status, service.error_of(answer)[0]) == (400, "InvalidParameter")
    assert list(answer.json) == ["code", "message", "data"]


@pytest.mark.parametrize("model, seconds", [
    (V20, "3"), (FAST, "16"), (V15, "3"), (V15, "13"), (V10, "1"), (V10, "11"), (FAST, "5.0"), (FAST, "five"),
    (FAST, "-1"), (FAST, " 5"), (FAST, "")])
def test_invalid_durations_are_refused(service, model, seconds):
    answer = service.refused(model=model, seconds=seconds)
    assert answer.status == 400
    assert answer.json["code"] == "InvalidParameter" and "duration" in answer.json["message"]


@pytest.mark.parametrize("model, inside", [(V15, "seedance-1-5-pro"), (V10, "seedance-1-0-pro")])
def test_text_models_take_no_references(service, model, inside):
    answer = service.refused(model=model, input_reference=PNG)
    assert answer.status == 400
    assert answer.json["message"] == f"the specified task_type r2v does not support model {inside}"


@pytest.mark.parametrize("fields", [
    {"seconds": ..., "resolution": ...}, {"model": V20, "seconds": "15"}, {"model": V15, "resolution": "1080p"},
    {"model": V10, "seconds": "2"}, {"model": V10, "seconds": "10"}, {"size": "21:9"}, {"size": "9:16"},
    {"input_reference": PNG}, {"input_reference": [PNG, PNG]}, {"prompt": '"quoted"'}, {"unknown": "field"},
    {"input_reference": ("x.jpg", "image/jpeg", b"\xff\xd8\xff\xe0")},
    {"input_reference": ("x.webp", "image/webp", b"RIFF\0\0\0\0WEBP")}], ids=lambda fields: str(fields)[:50])
def test_valid_requests_are_accepted(service, fields):
    service.sim.control("POST", "/hold", {"state": "queued"})
    service.create(**fields)


PART = b'--%s\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nx' % Comet.boundary.encode()


@pytest.mark.parametrize("body", [
    b"", PART, PART + b"\r\n", PART + b"\r\n--%s\r\n" % Comet.boundary.encode(), PART.replace(b"\r", b""),
    PART.replace(b"name=", b"nome=") + b"\r\n--%s--\r\n" % Comet.boundary.encode(),
    PART + b"\r\n--%s--\r\ntail" % Comet.boundary.encode(), b"--other--\r\n",
    PART.replace(b"form-data", b"attachment") + b"\r\n--%s--\r\n" % Comet.boundary.encode()], ids=repr)
def test_broken_multipart_is_refused(service, body):
    answer = service.request("POST", service.create_path, body)
    assert (answer.status, answer.json["code"]) == (400, "InvalidParameter")
    assert "multipart/form-data" in answer.json["message"]


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data", "multipart/form-data; boundary=",
                                  "multipart/mixed; boundary=x", "multipart/form-data; boundary=" + "x" * 71])
def test_wrong_content_types_are_refused(service, kind):
    answer = service.post(service.encode(service.body()), {"Content-Type": kind})
    assert (answer.status, answer.json["code"]) == (400, "InvalidParameter")


def test_an_empty_value_and_a_quoted_boundary_are_accepted(service):
    body = service.encode(service.body(empty=""))
    answer = service.post(body, {"Content-Type": f'multipart/form-data; boundary="{service.boundary}"'})
    assert answer.status == 200
    assert service.last_create()["parts"][-1]["value"] == ""


# --- Errors --------------------------------------------------------------------------------------


def test_shapes_of_errors(service):
    service.choose(error="B")
    answer = service.refused(model="x")
    assert answer.status == 400 and answer.json["error"]["type"] == "new_api_error"
    assert service.error_of(answer)[0] == "InvalidParameter"
    assert service.error_of(service.query("x")) == ("task_not_exist", "task_not_exist")
    service.choose(error="A")
    service.sim.fault("create", status=500, error={"code": "boom", "message": "m"})
    answer = service.refused()
    assert (answer.status, answer.json) == (500, {"code": "boom", "message": "m", "data": None})


def test_a_wrong_key_is_refused(start):
    service = Comet(start("--key", "secret"))
    answer = service.post()
    assert answer.status == 401
    assert re.fullmatch(r".+ \(request id: \w+\)", answer.json["error"]["message"])
    assert (answer.json["error"]["type"], answer.json["error"]["code"]) == ("new_api_error", "")


@pytest.mark.parametrize("fields, size, seconds, sound", [
    ({"size": "9:16"}, (496, 864), 4, True), ({"model": V10, "seconds": "2", "size": "1:1"}, (644, 644), 2, False),
    ({"input_reference": PNG}, (864, 496), 4, True)])
def test_the_render_matches_the_request(service, tmp_path, fields, size, seconds, sound):
    url = service.video_url(service.wait_for(service.create(**fields)))
    probed = probe(service.sim.media(url).body, tmp_path / "v.mp4")
    shown = streams(probed, "video")[0]
    assert (shown["width"], shown["height"], int(shown["nb_frames"])) == (*size, seconds * 24)
    assert bool(streams(probed, "audio")) == sound


def test_the_reference_is_the_first_frame(service, tmp_path):
    url = service.video_url(service.wait_for(service.create(input_reference=("x.png", "image/png", png(640, 360)))))
    (tmp_path / "v.mp4").write_bytes(service.sim.media(url).body)
    pixel = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(tmp_path / "v.mp4"), "-frames:v", "1", "-vf", "crop=2:2:0:0", "-f",
         "rawvideo", "-pix_fmt", "rgb24", "-"], check=True, capture_output=True).stdout[:3]
    assert all(abs(a - b) < 24 for a, b in zip(pixel, b"\x20\x80\xc0"))
