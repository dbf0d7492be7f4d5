"""The simulator as SenseAudio: /senseaudio (providers/README.md, 5)."""

import re
import time
import urllib.parse

import pytest

from sim_program import PNG_URL, data_url, png, probe, streams
from sim_program import big_file, start  # noqa: F401
from test_sim_wires import UUID, Senseaudio, shared_sim, sim  # noqa: F401

MODEL = Senseaudio.model
BUSY = "服务繁忙，请稍后再试"


def text(value="x"):
    return {"type": "text", "text": value}


def image(role="reference", url=PNG_URL):
    return {"type": "image", "url": url, "role": role}


def audio(url="https://example.com/a.mp3"):
    return {"type": "audio", "audio_url": url}


def video(url="https://example.com/v.mp4"):
    return {"type": "video", "video_url": url}


def sample(content, **fields):
    return {"model": MODEL, "content": content, "resolution": "720p", "ratio": "16:9", "duration": 10,
            "watermark": True, "provider_specific": {"generate_audio": True}, **fields}


SAMPLES = {
    "text": sample([text("黄昏海边,海浪轻轻拍打礁石,镜头缓慢推进")]),
    "reference": sample([text("根据参考图生成一段自然运镜的商品短片"),
                         image(url="https://example.com/ref1.jpg")], watermark=False),
    "first, with a prompt": sample([text()], timeout=88200, provider_specific={
        "generate_audio": True, "camera_fixed": True}),
}


@pytest.fixture
def service(sim):
    return Senseaudio(sim)


@pytest.mark.parametrize("body", SAMPLES.values(), ids=SAMPLES.keys())
def test_the_samples_of_the_page_are_accepted(service, body):
    service.sim.control("POST", "/hold", {"state": "queued"})
    answer = service.post(body)
    assert answer.status == 200
    assert list(answer.json) == ["task_id"]
    assert re.fullmatch(UUID, answer.json["task_id"])


def test_the_sample_without_content_is_refused(service):
    answer = service.refused(sample([], timeout=88200))
    assert answer.status == 400
    assert (answer.json["code"], answer.json["ref_code"]) == ("参数错误", 400000)


def test_the_fields_of_a_completed_task(service):
    content = [text("a fox"), image()]
    task = service.create(content=content, provider_specific={"generate_audio": False})
    shown = service.wait_for(task)
    assert list(shown) == ["id", "model", "task_id", "status", "progress", "video_url", "duration", "is_new",
                           "created_at", "completed_at", "prompt", "resolution", "content", "ratio",
                           "provider_specific"]
    assert re.fullmatch(UUID, shown["id"]) and shown["id"] != task
    assert (shown["task_id"], shown["model"], shown["progress"], shown["prompt"]) == (task, MODEL, 100, "")
    assert (shown["duration"], shown["resolution"], shown["ratio"]) == (4, "480p", "16:9")
    assert shown["provider_specific"] == {"generate_audio": False}
    assert shown["content"][0] == content[0]
    assert shown["content"][1]["url"].startswith("data:image/png;base64,...")
    assert shown["created_at"] <= shown["completed_at"] <= time.time()
    path = urllib.parse.urlsplit(shown["video_url"]).path
    assert "." not in path.rpartition("/")[2]
    assert service.sim.media(shown["video_url"]).headers["Content-Type"] == "video/mp4"


def test_a_link_works_only_for_its_own_path(service, big_file):
    task = service.with_file(big_file, watermark=True)
    shown = service.shown(task)
    bare, marked = shown["video_url"], shown["provider_specific"]["watermark_url"]
    assert urllib.parse.urlsplit(marked).path.endswith(".mp4")
    assert service.sim.media(bare).body == service.sim.media(marked).body == big_file.read_bytes()
    assert service.sim.media(bare.replace("/video?", "/video.mp4?")).status == 403


@pytest.mark.parametrize("fields, marked", [
    ({"watermark": ...}, True), ({"watermark": True}, True), ({"watermark": False}, False)])
def test_the_watermark_is_on_by_default(service, big_file, fields, marked):
    shown = service.shown(service.with_file(big_file, **fields))
    assert ("watermark_url" in shown["provider_specific"]) == marked


@pytest.mark.parametrize("state, word, progress", [
    ("queued", "pending", 50), ("running", "processing", 50), ("failed", "failed", 100), ("expired", "failed", 100),
    ("cancelled", "failed", 100)])
def test_task_states(service, state, word, progress):
    shown = service.shown(service.decreed(state))
    assert (shown["status"], shown["progress"]) == (word, progress)
    assert "video_url" not in shown
    assert (shown["completed_at"] is None) == (state in ("queued", "running"))
    assert shown.get("error_message") == ("timeout" if state == "expired" else None)


def test_progress_while_pending(service):
    task = service.decreed("queued")
    service.choose(pending_progress=0)
    assert service.shown(task)["progress"] == 0


def test_the_status_of_another_task_can_be_returned(service):
    task = service.decreed("running")
    service.choose(task_id="other")
    shown = service.shown(task)
    assert shown["task_id"] != task and re.fullmatch(UUID, shown["task_id"])


@pytest.mark.parametrize("words, message", [
    ("#fail", "internal_error"), ("#moderation", "sensitive_content_blocked"), ("#expire", "timeout")])
def test_prompts_that_choose_an_ending(service, words, message):
    assert service.wait_for(service.create(text=words), "failed")["error_message"] == message


def test_answers_set_by_control(service, big_file):
    shown = service.shown(service.decreed("failed", error={"message": "sensitive_content_blocked"}))
    assert (shown["status"], shown["error_message"]) == ("failed", "sensitive_content_blocked")
    assert service.shown(service.decreed("running", raw_status="paused"))["status"] == "paused"
    task = service.with_file(big_file)
    service.sim.decree(task, omit_video_url=True)
    assert "video_url" not in service.shown(task)


def test_unknown_tasks_are_not_found(service):
    answer = service.query("task_1234567890")
    assert (answer.status, answer.json) == (404, {
        "code": "notfound", "message": "未找到资源", "ref_code": 404000, "ref_scope": "common"})


def test_a_query_without_an_id_is_refused(service):
    for path in ("/v1/video/status", "/v1/video/status?id="):
        answer = service.request("GET", path)
        assert (answer.status, answer.json["ref_code"]) == (400, 400000)


@pytest.mark.parametrize("model", ["doubao-seedance-2-0-fast-260128", "sora-2", ""])
def test_unknown_models_are_refused(service, model):
    answer = service.refused(model=model)
    assert (answer.status, answer.json) == (500, {"code": "internal", "message": BUSY, "ref_code": 500000})


WRONG = {
    "no model": {"model": ...},
    "no content": {"content": ...},
    "content is an object": {"content": text()},
    "no duration": {"duration": ...},
    "no resolution": {"resolution": ...},
    "no ratio": {"ratio": ...},
    "duration 3": {"duration": 3},
    "duration 16": {"duration": 16},
    "duration -1": {"duration": -1},
    "duration as a text": {"duration": "4"},
    "1080p": {"resolution": "1080p"},
    "21:9": {"ratio": "21:9"},
    "adaptive": {"ratio": "adaptive"},
    "timeout 3599": {"timeout": 3599},
    "timeout 172801": {"timeout": 172801},
    "watermark": {"watermark": "true"},
    "provider_specific": {"provider_specific": "{}"},
    "generate_audio": {"provider_specific": {"generate_audio": 1}},
    "Ark's image": {"content": [{"type": "image_url", "image_url": {"url": PNG_URL}, "role": "first_frame"}]},
    "two texts": {"content": [text(), text()]},
    "text without text": {"content": [{"type": "text"}]},
    "image without role": {"content": [{"type": "image", "url": PNG_URL}]},
    "Ark's role": {"content": [image("reference_image")]},
    "last frame alone": {"content": [image("last_frame")]},
    "two first frames": {"content": [image("first_frame")] * 2},
    "frame and reference": {"content": [image("first_frame"), image()]},
    "frame and audio": {"content": [image("first_frame"), audio()]},
    "audio alone": {"content": [text(), audio()]},
    "ten images": {"content": [image()] * 10},
    "four videos": {"content": [video()] * 4},
    "four audios": {"content": [image()] + [audio()] * 4},
    "video as data": {"content": [video("data:video/mp4;base64,AAAA")]},
    "audio without url": {"content": [image(), {"type": "audio", "url": "https://x/y.mp3"}]},
}


@pytest.mark.parametrize("fields", WRONG.values(), ids=WRONG.keys())
def test_invalid_requests_are_refused(service, fields):
    answer = service.refused(**fields)
    assert (answer.status, answer.json["code"], answer.json["ref_code"]) == (400, "参数错误", 400000)
    assert answer.json["message"] and "ref_scope" not in answer.json


@pytest.mark.parametrize("url", [
    "file:///x.png", "asset://x", "data:image/png;base64,AAAA", data_url(png(200, 300)), data_url(png(1000, 300))],
    ids=lambda url: url[:30])
def test_bad_images_are_refused(service, url):
    answer = service.refused(content=[image(url=url)])
    assert (answer.status, answer.json) == (400, {
        "code": "图片链接无效", "message": "图片链接无效", "ref_code": 400000})


@pytest.mark.parametrize("fields", [
    {"timeout": 3600}, {"timeout": 172800}, {"watermark": ...}, {"provider_specific": ...}, {"duration": 15},
    {"content": [image("first_frame")]}, {"content": [image("first_frame"), image("last_frame")]},
    {"content": [text()] + [image()] * 9 + [audio()] * 3 + [video()] * 3}, {"content": [video(), audio()]},
    {"content": [image(), audio("data:audio/mp3;base64,AAAA")]}, {"seed": 1, "camera_fixed": True},
    {"provider_specific": {"camera_fixed": True, "colour": "red"}}], ids=lambda fields: str(fields)[:60])
def test_valid_requests_are_accepted(service, fields):
    service.sim.control("POST", "/hold", {"state": "queued"})
    service.create(**fields)


@pytest.mark.parametrize("status, ref_code", [
    (400, 400000), (400, 400015), (400, 400001), (400, 400900), (400, 400901), (400, 400902), (429, 429000),
    (429, 429002), (500, 500000)])
def test_reference_codes_of_errors(service, status, ref_code):
    service.sim.fault("create", status=status, error={"code": "并发数已达上限", "message": "m", "ref_code": ref_code})
    answer = service.refused()
    assert (answer.status, answer.json) == (status, {
        "code": "并发数已达上限", "message": "m", "ref_code": ref_code})


def test_a_wrong_key_is_refused(start):
    service = Senseaudio(start("--key", "secret"))
    assert service.post().json == {"code": "authentication_error", "message": "incorrect API key provided"}


@pytest.mark.parametrize("fields, size, sound", [
    ({"ratio": "3:4", "provider_specific": ...}, (566, 756), True),
    ({"content": [image("first_frame")], "ratio": "1:1", "resolution": "720p"}, (960, 960), False)])
def test_the_render_matches_the_request(service, tmp_path, fields, size, sound):
    url = service.video_url(service.wait_for(service.create(**fields)))
    probed = probe(service.sim.media(url).body, tmp_path / "v.mp4")
    shown = streams(probed, "video")[0]
    assert (shown["width"], shown["height"], int(shown["nb_frames"])) == (*size, 96)
    assert bool(streams(probed, "audio")) == sound
