"""The simulator's Ark wire format."""

import json
import re
import time
import urllib.parse

import pytest

from harness import png
from sim_program import (DEADLINE_S, MODEL, PNG_URL, TASKS, V10, V15, V20, V25, audio, data_url, image, request_body,
                         video)
from sim_program import big_file, shared_sim, sim, start  # noqa: F401


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

V10_FAST = "seedance-1-0-pro-fast-251015"

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
