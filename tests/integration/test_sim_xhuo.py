"""The simulator as xhuoapi: /xhuo (providers/README.md, 4). What it shares with AceData is tested there."""

import re

import pytest

from sim_program import PNG_URL, image
from sim_program import big_file, start  # noqa: F401
from test_sim_wires import UUID, Xhuo, shared_sim, sim  # noqa: F401

PRO = "doubao-seedance-1-0-pro-250528"
V15 = "doubao-seedance-1-5-pro-251215"


def text(value):
    return {"type": "text", "text": value}


def picture(url, role=None):
    return {"type": "image_url", "image_url": {"url": url}, **({"role": role} if role else {})}


HOST = "https://ark-project.tos-cn-beijing.volces.com/doc_image/"
SAMPLES = {
    "text": {"content": [{"text": "A kitten yawning at the camera. --rs 720p --rt 16:9 --dur 5 --fps 24 --wm true "
                                  "--seed 11 --cf false", "type": "text"}], "model": PRO},
    "sound": {"model": V15, "content": [text("A girl holds a fox, the wind blows her hair, you can hear the sound of "
                                             "the wind")], "generate_audio": True, "ratio": "16:9", "duration": 5},
    "first frame": {"content": [picture(HOST + "i2v_foxrgirl.png"),
                                text("一位女孩怀抱着一只狐狸。她睁开眼睛,温柔地凝视着镜头 --ratio adaptive --dur 5")],
                    "model": PRO},
    "first and last": {"model": PRO, "content": [
        text("360度拍摄"), picture(HOST + "seepro_first_frame.jpeg", "first_frame"),
        picture(HOST + "seepro_last_frame.jpeg", "last_frame")]},
}


@pytest.fixture
def xhuo(sim):
    return Xhuo(sim)


@pytest.mark.parametrize("body", SAMPLES.values(), ids=SAMPLES.keys())
def test_the_samples_of_the_page_are_accepted(xhuo, body):
    answer = xhuo.post(body, {"Authorization": "Bearer ${bearer_token}"})
    assert answer.status == 200
    shown = answer.json
    assert list(shown) == ["success", "task_id", "trace_id", "data"]
    assert shown["success"] is True
    assert re.fullmatch(UUID, shown["task_id"]) and re.fullmatch(UUID, shown["trace_id"])
    assert list(shown["data"]) == ["task_id", "status", "video_url", "model"]
    assert re.fullmatch(r"cgt-\d{14}-[a-z0-9]{5}", shown["data"]["task_id"])
    assert (shown["data"]["status"], shown["data"]["model"]) == ("succeeded", body["model"])
    assert xhuo.sim.media(shown["data"]["video_url"]).status == 200
    assert xhuo.query(shown["task_id"]).json == {}  # the create blocked, so the task is not recorded


def test_a_callback_makes_the_create_asynchronous(xhuo):
    xhuo.sim.control("POST", "/hold", {"state": "queued"})
    answer = xhuo.post(xhuo.body(callback_url="https://example.com/done"))
    assert list(answer.json) == ["task_id"]
    xhuo.choose(fresh_ms=0)
    assert xhuo.query(answer.json["task_id"]).json["id"] == answer.json["task_id"]


def test_async_blocks_unless_honoured(xhuo):
    body = xhuo.body(**{"callback_url": ..., "async": True})
    assert xhuo.post(body).json["data"]["status"] == "succeeded"
    xhuo.choose(**{"async": "honoured"})
    assert list(xhuo.post(body).json) == ["task_id"]


def test_the_last_frame_is_returned(xhuo):
    answer = xhuo.post(xhuo.body(return_last_frame=True, callback_url=...))
    assert xhuo.sim.media(answer.json["data"]["last_frame_url"]).body.startswith(b"\x89PNG")


@pytest.mark.parametrize("shape, kind", [("A", list), ("B", dict), ("C", dict)])
def test_shapes_of_data(xhuo, shape, kind):
    xhuo.choose(data=shape)
    data = xhuo.post(xhuo.body(callback_url=...)).json["data"]
    assert isinstance(data, kind)
    assert ("content" in str(data)) == (shape != "C")


WRONG = {
    "2.0": {"model": "doubao-seedance-2-0-260128", "duration": 5},
    "no content": {"content": ...},
    "image as a text": {"content": [{"type": "image_url", "image_url": PNG_URL}]},
    "video": {"content": [{"type": "video_url", "video_url": {"url": "https://x/y.mp4"}, "role": "reference_video"}]},
    "first and last without text": {"content": [image("first_frame"), image("last_frame")]},
    "4k": {"resolution": "4k"},
    "ratio": {"ratio": "16x9"},
    "duration 13": {"duration": 13},
    "frames": {"frames": 28},
    "frame rate": {"framespersecond": 25},
    "seed": {"seed": 2**32},
    "camerafixed": {"camerafixed": "false"},
    "watermark": {"watermark": 0},
    "tier": {"service_tier": "fast"},
    "expires": {"execution_expires_after": 1},
    "callback": {"callback_url": "done"},
}


@pytest.mark.parametrize("fields", WRONG.values(), ids=WRONG.keys())
def test_invalid_requests_are_refused(xhuo, fields):
    answer = xhuo.refused(**fields)
    assert (answer.status, xhuo.error_of(answer)[0]) == (400, "token_mismatched")


@pytest.mark.parametrize("fields", [
    {"content": [image("first_frame")]}, {"content": [image()]}, {"framespersecond": 24},
    {"content": [text("x" * 1001)]}, {"priority": 99}, {"service_tier": "flex"}], ids=str)
def test_valid_requests_are_accepted(xhuo, fields):
    xhuo.sim.control("POST", "/hold", {"state": "queued"})
    xhuo.create(**fields)


@pytest.mark.parametrize("status, code", [
    (400, "token_mismatched"), (400, "api_not_implemented"), (401, "invalid_token"), (429, "too_many_requests"),
    (500, "api_error")])
def test_error_statuses(xhuo, status, code):
    xhuo.sim.fault("create", status=status, error={"code": code, "message": "获取失败"})
    answer = xhuo.refused()
    assert (answer.status, xhuo.error_of(answer)) == (status, (code, "获取失败"))


def test_batch_and_failure(xhuo):
    xhuo.choose(fresh_ms=0)
    task = xhuo.decreed("failed", error={"code": "api_error", "message": "获取失败"})
    answer = xhuo.request("POST", xhuo.tasks_path, {"ids": [task], "action": "retrieve_batch"}).json
    assert answer["count"] == 1
    assert answer["items"][0]["response"]["error"] == {"code": "api_error", "message": "获取失败"}
