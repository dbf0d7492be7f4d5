"""The simulator as the createTask backend: /createtask (providers/README.md, 2)."""

import re
import time

import pytest

from sim_program import PNG_URL, audio, data_url, image, png, probe, streams, video
from sim_program import big_file, start  # noqa: F401
from test_sim_wires import Createtask, shared_sim, sim  # noqa: F401

MODEL = Createtask.model
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"


def text(value):
    return {"type": "text", "text": value}


def picture(url, role):
    return {"type": "image_url", "image_url": {"url": url}, "role": role}


CAT = "https://example.com/cat_sleeping.jpg"
SAMPLES = {
    "text": {"model": MODEL, "content": [text("一只可爱的小猫在阳光下打哈欠,画面温馨自然")], "resolution": "720p",
             "ratio": "16:9", "duration": 5, "seed": 12345, "generate_audio": True, "watermark": False},
    "first frame": {"model": MODEL, "content": [text("小猫慢慢睁开眼睛,伸了个懒腰"), picture(CAT, "first_frame")],
                    "resolution": "1080p", "ratio": "adaptive", "duration": 8, "generate_audio": True,
                    "return_last_frame": True},
    "first and last": {"model": MODEL, "content": [
        text("小猫从睡觉状态慢慢醒来并站起身"), picture(CAT, "first_frame"),
        picture("https://example.com/cat_standing.jpg", "last_frame")], "resolution": "720p", "ratio": "16:9",
        "duration": 6, "camera_fixed": False, "watermark": False},
    "draft": {"model": MODEL, "content": [text("一个人在海边看日落,画面唯美浪漫")], "resolution": "480p", "draft": True,
              "duration": 4, "service_tier": "flex"},
}


@pytest.fixture
def service(sim):
    return Createtask(sim)


@pytest.mark.parametrize("body", SAMPLES.values(), ids=SAMPLES.keys())
def test_the_samples_of_the_page_are_accepted(service, body):
    service.sim.control("POST", "/hold", {"state": "queued"})
    answer = service.post(body)
    assert answer.status == 200
    created = answer.json
    assert set(created) == {"success", "data"} and created["success"] is True
    assert re.fullmatch(r"seedance_\d{10}_[a-z0-9]{6}", created["data"]["id"])
    assert created["data"]["status"] == "queued"
    assert service.shown(created["data"]["id"])["data"]["status"] == "queued"


def test_the_final_video_of_a_draft(service):
    body = {"model": MODEL, "content": [{"type": "draft_task", "draft_task": {"id": "draft_task_id_from_step_4"}}],
            "resolution": "1080p", "watermark": False}
    answer = service.refused(body)
    assert answer.status == 400 and "draft_task" in service.error_of(answer)[1]
    draft = service.create(**{**SAMPLES["draft"], "content": [text("a draft")]})
    service.wait_for(draft)
    body["content"][0]["draft_task"]["id"] = draft
    task = service.id_of(service.post(body).json)
    assert service.sim.control("GET", f"/tasks/{task}")["prompt"] == "a draft"
    plain = service.create()
    service.wait_for(plain)
    body["content"][0]["draft_task"]["id"] = plain
    assert service.refused(body).status == 400


@pytest.mark.parametrize("where", ["data.id", "data.task_id", "id", "task_id"])
def test_the_place_of_the_id(service, where):
    service.choose(id=where)
    shown = service.post().json
    assert ("id" in shown or "task_id" in shown) == ("data" not in where)
    for key in where.split("."):
        shown = shown[key]
    assert shown.startswith("seedance_")


def test_the_fields_of_an_answer(service):
    task = service.create(return_last_frame=True)
    answer = service.wait_for(task)
    assert list(answer) == ["success", "data"]
    data = answer["data"]
    assert list(data) == ["id", "status", "result_url", "last_frame_url", "error_message", "created_at", "started_at",
                          "completed_at"]
    assert (data["id"], data["error_message"]) == (task, None)
    assert all(re.fullmatch(TIME, data[name]) for name in ("created_at", "started_at", "completed_at"))
    assert data["created_at"] <= data["started_at"] <= data["completed_at"]
    assert data["created_at"].startswith(time.strftime("%Y-%m-", time.gmtime()))
    assert service.sim.media(data["last_frame_url"]).body.startswith(b"\x89PNG")
    assert service.wait_for(service.create())["data"]["last_frame_url"] is None


@pytest.mark.parametrize("state, started, completed", [
    ("queued", False, False), ("running", True, False), ("failed", False, True), ("expired", False, True)])
def test_task_states(service, state, started, completed):
    data = service.shown(service.decreed(state))["data"]
    assert data["status"] == state
    assert (data["result_url"], data["last_frame_url"], data["error_message"]) == (None, None, None)
    assert (data["started_at"] is not None, data["completed_at"] is not None) == (started, completed)


def test_answers_set_by_control(service, big_file):
    assert service.shown(service.decreed("failed", error={"message": "boom"}))["data"]["error_message"] == "boom"
    assert service.shown(service.decreed("running", raw_status="paused"))["data"]["status"] == "paused"
    task = service.with_file(big_file)
    service.sim.decree(task, omit_video_url=True)
    assert service.shown(task)["data"]["result_url"] is None
    service.sim.decree(task, gone=True)
    assert service.query(task).status == 404


@pytest.mark.parametrize("words, state, message", [
    ("#fail", "failed", "Internal service error."), ("#moderation", "failed", "sensitive"),
    ("#expire", "expired", None)])
def test_prompts_that_choose_an_ending(service, words, state, message):
    data = service.wait_for(service.create(text=words), state)["data"]
    assert message is None and data["error_message"] is None or message in data["error_message"]


def test_unknown_tasks_are_not_found(service):
    answer = service.query("seedance_1710071234_abc123")
    assert (answer.status, answer.json) == (404, {"success": False, "message": "Task not found."})
    service.choose(error="ok")
    answer = service.query("seedance_1710071234_abc123")
    assert (answer.status, answer.json["success"]) == (200, False)


def test_shapes_of_errors(service):
    answer = service.refused(duration=99)
    assert answer.status == 400 and "duration" in service.error_of(answer)[1]
    service.choose(error="ok")
    answer = service.refused(duration=99)
    assert answer.status == 200 and "duration" in service.error_of(answer)[1]
    service.choose(error="laravel")
    answer = service.refused(duration=99)
    assert answer.status == 422
    assert answer.json["errors"] == {"duration": [answer.json["message"]]}
    service.sim.fault("create", status=429)
    answer = service.refused()
    assert answer.status == 429 and list(answer.json) == ["message"]


def test_without_a_key_any_scheme_works(service):
    for headers in ({}, {"Authorization": "secret"}, {"Authorization": "Basic eA=="}):
        assert service.post(headers=headers).status == 200


WRONG = {
    "no model": {"model": ...},
    "2.0": {"model": "doubao-seedance-2-0-260128"},
    "no content": {"content": ...},
    "empty content": {"content": []},
    "blank": {"content": [text("")]},
    "image as a text": {"content": [{"type": "image_url", "image_url": PNG_URL}]},
    "reference": {"content": [picture(CAT, "reference_image")]},
    "video": {"content": [video()]},
    "audio": {"content": [audio()]},
    "last frame alone": {"content": [picture(CAT, "last_frame")]},
    "image too wide": {"content": [image(url=data_url(png(1000, 300)))]},
    "resolution": {"resolution": "4k"},
    "ratio": {"ratio": "5:4"},
    "duration 3": {"duration": 3},
    "duration 13": {"duration": 13},
    "duration as a text": {"duration": "5"},
    "frames": {"frames": 29},
    "seed": {"seed": "1"},
    "generate_audio": {"generate_audio": "true"},
    "watermark": {"watermark": "false"},
    "camera_fixed": {"camera_fixed": 1},
    "draft in 720p": {"draft": True, "resolution": "720p"},
    "draft with last frame": {"draft": True, "return_last_frame": True},
    "tier": {"service_tier": "gold"},
}


@pytest.mark.parametrize("fields", WRONG.values(), ids=WRONG.keys())
def test_invalid_requests_are_refused(service, fields):
    answer = service.refused(**fields)
    assert answer.status == 400
    assert service.error_of(answer)[1]


@pytest.mark.parametrize("fields", [
    {"duration": -1}, {"duration": 12, "resolution": "1080p"}, {"content": [image()]}, {"camera_fixed": True},
    {"service_tier": "flex"}, {"colour": "red"}], ids=str)
def test_valid_requests_are_accepted(service, fields):
    service.sim.control("POST", "/hold", {"state": "queued"})
    service.create(**fields)


@pytest.mark.parametrize("fields, size, sound", [
    ({"ratio": "9:16", "generate_audio": False}, (496, 864), False), ({"ratio": "1:1"}, (654, 654), True)])
def test_the_render_matches_the_request(service, tmp_path, fields, size, sound):
    url = service.video_url(service.wait_for(service.create(**fields)))
    probed = probe(service.sim.media(url).body, tmp_path / "v.mp4")
    shown = streams(probed, "video")[0]
    assert (shown["width"], shown["height"], int(shown["nb_frames"])) == (*size, 96)
    assert bool(streams(probed, "audio")) == sound
