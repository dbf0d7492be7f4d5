"""Every service, one request language: a user changes one word, and the same folder works on another."""

import errno
import json

import pytest

from harness import ROOT, SERVICES, control, field, png, run, state, status, task_id, wait_for, wait_state

SAMPLES = ROOT / "tests" / "fixtures" / "samples"
GIVES_LAST_FRAME = {"ark", "acedata", "xhuo", "createtask"}


@pytest.fixture
def mount(make_mount, simulator):
    return make_mount(simulator, services=SERVICES)


def order(mount, name, request):
    folder = mount.path / name
    folder.mkdir(parents=True)
    write(folder / "request.json", json.dumps(request))
    return folder


def write(path, text):
    """As `cat > FILE` does: what is wrong in itself is told at its close, and kept."""
    try:
        path.write_text(text)
    except OSError as error:
        assert error.errno == errno.EINVAL


def last_create(simulator, service):
    """What the service was sent, exactly: its JSON, or the parts of its form."""
    return simulator.control("GET", f"/creates/{service}")


def probe(video):
    return json.loads(run("ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", video).stdout)


# --- the main job, on each of them ---

@pytest.mark.parametrize("service", SERVICES)
def test_a_prompt_alone_suffices(mount, simulator, service):
    folder = order(mount, "cat", {"provider": service, "prompt": "A kitten yawning at the camera"})
    wait_state(folder, "succeeded")
    assert field(folder, "provider") == service
    assert simulator.creates() == 1
    streams = probe(folder / "video.mp4")["streams"]
    if service != "comet":  # its models sing by themselves, and nothing can be said about it
        assert [stream["codec_type"] for stream in streams] == ["video"], "no sound unless it is asked for"
    assert abs(float(streams[0]["duration"]) - 5) < 0.2
    assert (folder / "last_frame.png").exists() == (service in GIVES_LAST_FRAME)
    task = json.loads((folder / "task.json").read_text())
    assert task["task"] == task_id(folder) and task["provider"] == service


@pytest.mark.parametrize("service", SERVICES)
def test_one_word_changes_the_service(mount, simulator, service):
    """The model is kept, under the name that it has there; what is asked for is sent by each one's own keys."""
    model = "doubao-seedance-2-0-260128" if service in ("comet", "senseaudio") else "doubao-seedance-1-5-pro-251215"
    folder = order(mount, "cat", {"provider": service, "model": model, "prompt": "A fox", "duration": 6,
                                  "resolution": "480p", "ratio": "1:1"})
    wait_state(folder, "succeeded")
    video = probe(folder / "video.mp4")["streams"][0]
    assert video["width"] == video["height"] and abs(float(video["duration"]) - 6) < 0.2
    if service == "xhuo":
        assert last_create(simulator, service)["body"]["model"] == "doubao-seedance-1-5-pro-251215"


@pytest.mark.parametrize("service", sorted(set(SERVICES) - {"comet"}))
def test_a_first_frame_goes_along(mount, simulator, service):
    folder = mount.path / "cat"
    folder.mkdir()
    (folder / "first_frame.png").write_bytes(png(640, 360))
    (folder / "request.json").write_text(json.dumps({"provider": service, "prompt": "It walks away"}))
    wait_state(folder, "succeeded")
    content = last_create(simulator, service)["body"]["content"]
    image = [item for item in content if item["type"] != "text"][0]
    assert image["role"] == "first_frame"
    url = image["url"] if service == "senseaudio" else image["image_url"]["url"]
    assert url.startswith("data:image/png;base64,")


def test_a_first_frame_is_a_file_of_cometapi(mount, simulator):
    folder = mount.path / "cat"
    folder.mkdir()
    (folder / "first_frame.png").write_bytes(png(640, 360))
    (folder / "request.json").write_text(json.dumps({"provider": "comet", "model": "doubao-seedance-2-0",
                                                     "prompt": "It walks \"away\""}))
    wait_state(folder, "succeeded")
    parts = {part["name"]: part for part in last_create(simulator, "comet")["parts"]}
    assert parts["prompt"]["value"] == 'It walks "away"'
    assert parts["input_reference"]["content_type"] == "image/png"
    assert parts["input_reference"]["bytes"] == len(png(640, 360))


def test_an_address_is_fetched_for_cometapi_and_without_a_key(mount, simulator):
    """A service that takes only files: what an https:// input names is read first."""
    still = mount.finished(simulator, "still")
    url = json.loads((still / "task.json").read_text())["last_frame"]["url"]
    frame = mount.library.parent / "frame.png"
    frame.write_bytes(png(640, 360))
    simulator.decree(task_id(still), media={"last_frame": str(frame)})
    folder = order(mount, "cat", {"provider": "comet", "model": "doubao-seedance-2-0", "prompt": "It walks away",
                                  "content": [{"type": "image_url", "image_url": {"url": url}, "role": "first_frame"}]})
    wait_state(folder, "succeeded")
    parts = {part["name"]: part for part in last_create(simulator, "comet")["parts"]}
    assert parts["input_reference"]["bytes"] == len(png(640, 360))


@pytest.mark.parametrize("path, words", [("/media/none.png", "cannot be read"), ("", "allowed: an image")])
def test_an_address_that_will_not_do_is_told_without_its_signature(mount, simulator, path, words):
    url = simulator.address("ark").replace("/ark/api/v3", path) + "?X-Tos-Signature=SECRET"
    if not path:  # something, but no picture
        still = mount.finished(simulator, "still")
        url = json.loads((still / "task.json").read_text())["video"]["url"]
    folder = order(mount, "cat", {"provider": "comet", "model": "doubao-seedance-2-0", "prompt": "It walks away",
                                  "content": [{"type": "image_url", "image_url": {"url": url}, "role": "first_frame"}]})
    wait_state(folder, "invalid")
    text = (folder / "error.txt").read_text() + status(folder)
    assert words in text
    assert "SECRET" not in text and "X-Tos" not in text and "Signature" not in text
    assert simulator.stats()["wires"]["comet"]["creates"] == 0


# --- what a service cannot do ---

@pytest.mark.parametrize("service, request_, words", [
    ("comet", {"seed": 7}, ["seed", "7", "Ark", "AceData"]),
    ("comet", {"generate_audio": True}, ["generate_audio"]),
    ("senseaudio", {"ratio": "21:9"}, ["ratio", "21:9", "16:9"]),
    ("senseaudio", {"camera_fixed": "maybe"}, ["camera_fixed", "maybe"]),
    ("xhuo", {"draft": True}, ["draft", "createTask"]),
    ("createtask", {"model": "doubao-seedance-2-0-260128"}, ["model", "doubao-seedance-1-5-pro-251215"]),
    ("acedata", {"duration": 40}, ["duration", "40"]),
    ("ark", {"durration": 5}, ["durration", "duration"]),
])
def test_what_a_service_cannot_do_is_told_before_anything_is_sent(mount, simulator, service, request_, words):
    folder = order(mount, "cat", {"provider": service, "prompt": "A fox", **request_})
    wait_state(folder, "invalid")
    text = (folder / "error.txt").read_text()
    for word in ["request.json", *words]:
        assert word in text, text
    assert simulator.creates() == 0


@pytest.mark.parametrize("service", SERVICES)
def test_what_changes_nothing_is_left_out_and_told(mount, simulator, service):
    folder = order(mount, "cat", {"provider": service, "prompt": "A fox", "camera_fixed": False, "seed": -1,
                                  "framespersecond": 24, "service_tier": "default"})
    wait_state(folder, "succeeded")
    if service == "comet":
        assert "camera_fixed" in status(folder) and "seed" in status(folder)


# --- what only this service does ---

@pytest.mark.parametrize("service", ["acedata", "xhuo"])
def test_a_create_does_not_block(mount, simulator, service):
    simulator.hold("running")
    folder = order(mount, "cat", {"provider": service, "prompt": "A fox"})
    if service == "acedata":
        wait_state(folder, "running")
    body = wait_for(lambda: simulator.stats()["wires"][service]["creates"] and last_create(simulator, service))["body"]
    assert body["async"] is True and "callback_url" not in body
    simulator.hold("")
    wait_state(folder, "succeeded")


@pytest.mark.parametrize("service", ["acedata", "xhuo"])
@pytest.mark.parametrize("shape", ["A", "B", "C"])
def test_a_finished_answer_is_taken_in_each_of_its_shapes(mount, simulator, service, shape):
    simulator.control("POST", f"/variants/{service}", {"data": shape, "async": "ignored"})
    folder = order(mount, "cat", {"provider": service, "prompt": "A fox"})
    wait_state(folder, "succeeded")
    assert probe(folder / "video.mp4")["streams"]
    assert simulator.creates() == 1


@pytest.mark.parametrize("service, at_once", [("ark", True), ("acedata", True), ("comet", False)])
def test_tasks_are_asked_about_together(make_mount, simulator, service, at_once):
    simulator.hold("running")
    mount = make_mount(simulator, services=SERVICES)
    folders = [order(mount, f"cat-{i}", {"provider": service, "prompt": f"Cat {i}"}) for i in range(12)]
    for folder in folders:
        wait_state(folder, "running")
    before = simulator.stats()["wires"][service]["requests"]
    wait_for(lambda: simulator.stats()["wires"][service]["requests"].get("list", 0) > before.get("list", 0)
             or simulator.stats()["wires"][service]["requests"]["get"] > before["get"] + 24)
    asked = simulator.requests(on="list", wire=service)
    assert bool(asked) == at_once
    simulator.hold("")
    for folder in folders:
        wait_state(folder, "succeeded")


def test_another_tasks_status_is_not_ours(mount, simulator):
    """SenseAudio's status may be about another task: its id decides."""
    mount.expect_log("poll_failed")
    simulator.hold("running")
    folder = order(mount, "cat", {"provider": "senseaudio", "prompt": "A fox"})
    wait_for(lambda: task_id(folder))
    simulator.control("POST", "/variants/senseaudio", {"task_id": "other"})
    simulator.hold("")
    wait_for(lambda: "another task" in (field(folder, "waiting") or ""))
    assert state(folder) in ("queued", "running")
    simulator.control("DELETE", "/variants")
    wait_state(folder, "succeeded")


@pytest.mark.parametrize("service", SERVICES)
def test_each_services_own_words_of_a_failure_are_kept(mount, simulator, service):
    folder = order(mount, "cat", {"provider": service, "prompt": "A fox #moderation"})
    wait_state(folder, "failed", "invalid")
    assert (folder / "error.txt").read_text().strip()
    assert json.loads((folder / "task.json").read_text())["error"]["message"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_wrong_key_is_told(make_mount, simulator, service):
    mount = make_mount(simulator, services=SERVICES)
    mount.end()
    (mount.config_path.parent / "key").write_text("wrong")
    mount.start()
    folder = order(mount, "cat", {"provider": service, "prompt": "A fox"})
    wait_state(folder, "invalid")
    assert json.loads((folder / "task.json").read_text())["error"]["class"] == "auth"
    assert simulator.creates() == 0


@pytest.mark.parametrize("service", SERVICES)
def test_a_lost_answer_is_never_sent_again(mount, simulator, service):
    simulator.fault("create", {"close": "after"}, times=1)
    folder = order(mount, "cat", {"provider": service, "prompt": "A fox"})
    wait_state(folder, "unknown")
    if service == "ark":
        wait_for(lambda: "adopt" in status(folder))
        made = simulator.tasks()[0]["id"]
        assert made in status(folder)
        assert control(folder, f"adopt {made}").returncode == 0
        wait_state(folder, "succeeded")
    assert simulator.creates() == 1


def test_a_lost_answer_is_looked_for_in_its_own_tier(mount, simulator):
    simulator.fault("create", {"close": "after"}, times=1)
    folder = order(mount, "cat", {"provider": "ark", "prompt": "A fox", "service_tier": "flex"})
    wait_for(lambda: simulator.tasks() and simulator.tasks()[0]["id"] in status(folder), "the candidate")
    assert state(folder) == "unknown" and simulator.creates() == 1


def test_a_list_that_lags_is_no_proof(mount, simulator):
    """An empty list is asked for again, and never said to prove that nothing will be billed."""
    simulator.fault("list", {"status": 200, "body": {"items": [], "total": 0}}, times=1)
    simulator.fault("create", {"close": "after"}, times=1)
    folder = order(mount, "cat", {"provider": "ark", "prompt": "A fox"})
    wait_for(lambda: "does not list" in status(folder), "the first look")
    assert "may be billed" in status(folder) and "retry" not in field(folder, "note")
    wait_for(lambda: simulator.tasks()[0]["id"] in status(folder), "the second look")


@pytest.mark.parametrize("service", SERVICES)
def test_an_unknown_order_says_what_it_costs_to_retry(mount, simulator, service):
    simulator.fault("create", {"status": 500}, times=1)
    folder = order(mount, "cat", {"provider": service, "prompt": "A fox"})
    wait_state(folder, "unknown")
    text = (folder / "error.txt").read_text()
    assert "adopt ID" in text and "bills the request again" in text, text
    assert simulator.creates() == 0


def test_an_unknown_order_is_not_sent_again_by_a_typo_and_its_undo(mount, simulator):
    simulator.fault("create", {"close": "after"}, times=1)
    request = {"provider": "comet", "prompt": "A fox"}
    folder = order(mount, "cat", request)
    wait_state(folder, "unknown")
    write(folder / "request.json", json.dumps({**request, "duratoin": 5}))
    wait_state(folder, "invalid")
    write(folder / "request.json", json.dumps(request))
    wait_state(folder, "unknown")
    assert "sent before" in (folder / "error.txt").read_text()
    mount.end()
    mount.start()
    write(folder / "request.json", json.dumps({**request, "duratoin": 5}))
    wait_state(folder, "invalid")
    write(folder / "request.json", json.dumps(request))
    wait_state(folder, "unknown")
    assert simulator.creates() == 1
    assert control(folder, "retry").returncode == 0  # a person decides
    wait_state(folder, "succeeded")
    assert simulator.creates() == 2


def test_a_retry_of_an_unknown_order_outlives_a_kill(mount, simulator):
    simulator.fault("create", {"close": "after"}, times=1)
    folder = order(mount, "cat", {"provider": "comet", "prompt": "A fox"})
    wait_state(folder, "unknown")
    (folder / "hold").touch()
    assert control(folder, "retry").returncode == 0
    wait_for(lambda: "hold" in (field(folder, "waiting") or ""))
    mount.end()
    mount.start()
    (folder / "hold").unlink()
    wait_state(folder, "succeeded")
    assert simulator.creates() == 2


def test_an_earlier_attempt_is_no_candidate(mount, simulator):
    first = order(mount, "first", {"provider": "ark", "prompt": "A fox #fail"})
    wait_state(first, "failed")
    old = task_id(first)
    write(first / "request.json", json.dumps({"provider": "ark", "prompt": "A fox"}))
    wait_state(first, "succeeded")
    simulator.fault("create", {"close": "after"}, times=1)
    folder = order(mount, "cat", {"provider": "ark", "prompt": "A cat"})
    wait_for(lambda: "adopt ID" in status(folder))
    assert old not in status(folder) and task_id(first) not in status(folder)


@pytest.mark.parametrize("service", ["ark", "senseaudio"])
def test_a_service_that_is_busy_is_quoted(mount, simulator, service):
    body = {"error": {"code": "ServerOverloaded", "message": "come back later"}}
    if service == "senseaudio":
        body = {"code": "busy", "message": "come back later", "ref_code": 400015}
    simulator.fault("create", {"status": 429 if service == "ark" else 400, "headers": {"Retry-After": "1"},
                               "body": body}, times=1)
    folder = order(mount, "cat", {"provider": service, "prompt": "A fox"})
    wait_for(lambda: "come back later" in (field(folder, "waiting") or ""))
    wait_state(folder, "succeeded")


def test_an_unknown_provider_of_a_task_is_refused(mount, simulator):
    folder = order(mount, "cat", {"task_id": "cgt-1", "provider": "none"})
    wait_state(folder, "invalid")
    text = (folder / "error.txt").read_text()
    assert '"provider" is "none"' in text and "allowed: ark, acedata" in text


@pytest.mark.parametrize("service", SERVICES)
def test_a_task_made_elsewhere_is_adopted(mount, simulator, service):
    simulator.control("POST", "/variants/xhuo", {"async": "honoured"})  # what was waited for is not listed there
    first = order(mount, "first", {"provider": service, "prompt": "A fox"})
    wait_state(first, "succeeded")
    made = task_id(first)
    second = order(mount, "second", {"task_id": made, "provider": service})
    wait_state(second, "succeeded")
    assert (second / "video.mp4").read_bytes() == (first / "video.mp4").read_bytes()
    assert simulator.creates() == 1


@pytest.mark.parametrize("service", SERVICES)
def test_a_task_stays_with_what_made_it(make_mount, simulator, service):
    """Another address under the same name is another account: its tasks are not asked for there."""
    simulator.control("POST", "/variants/xhuo", {"async": "honoured"})
    mount = make_mount(simulator, services=SERVICES)
    mount.expect_log("unbound")
    simulator.hold("running")
    folder = order(mount, "cat", {"provider": service, "prompt": "A fox"})
    wait_for(lambda: task_id(folder))
    mount.end()
    before = mount.config_path.read_text()
    mount.config_path.write_text(before.replace(f"/{service}", f"/elsewhere/{service}"))
    asked = len(simulator.requests(wire=service))
    mount.start()
    wait_for(lambda: "put that section back" in status(folder))
    assert len(simulator.requests(wire=service)) == asked
    mount.end()
    mount.config_path.write_text(before)
    mount.start()
    simulator.hold("")
    wait_state(folder, "succeeded")
    assert simulator.creates() == 1


# --- the sample requests of the services' own pages ---

def samples():
    return sorted(SAMPLES.glob("*.json"))


@pytest.mark.parametrize("sample", samples(), ids=lambda path: path.stem)
def test_each_page_sample_is_accepted_by_its_own_service(mount, simulator, sample):
    """As it is printed. What cannot be sent so is refused by name, before anything is sent."""
    case = json.loads(sample.read_text())
    folder = mount.path / "sample"
    folder.mkdir()
    for name in case.get("files", []):
        (folder / name).write_bytes(png(640, 360))
    if case.get("prompt"):
        (folder / "prompt.txt").write_text(case["prompt"])
    (folder / "defaults.json").write_text(json.dumps({"provider": case["service"]}))
    write(folder / "request.json", json.dumps(case["request"]))
    if case.get("refused"):
        wait_state(folder, "invalid", "pending")
        wait_for(lambda: all(word in status(folder) for word in case["refused"]), f"{case['refused']} in status")
        assert simulator.creates() == 0
        return
    wait_state(folder, "succeeded")
    assert simulator.stats()["wires"][case["service"]]["creates"] == 1
