"""All services share one request language: a user changes one word, and the same folder works with
another service."""

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
    """Writes as `cat > FILE` does: an error in the content is reported at the close, and the text is kept."""
    try:
        path.write_text(text)
    except OSError as error:
        assert error.errno == errno.EINVAL


def last_create(simulator, service):
    """The last create request that the service received: its JSON, or the parts of its form."""
    return simulator.control("GET", f"/creates/{service}")


def probe(video):
    return json.loads(run("ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", video).stdout)


# --- the main job, on each service ---

@pytest.mark.parametrize("service", SERVICES)
def test_a_prompt_alone_is_enough(mount, simulator, service):
    folder = order(mount, "cat", {"provider": service, "prompt": "A kitten yawning at the camera"})
    wait_state(folder, "succeeded")
    assert field(folder, "provider") == service
    assert simulator.creates() == 1
    streams = probe(folder / "video.mp4")["streams"]
    if service != "comet":  # its models produce sound, and no parameter turns that off
        assert [stream["codec_type"] for stream in streams] == ["video"], "no sound unless it is asked for"
    assert abs(float(streams[0]["duration"]) - 5) < 0.2
    assert (folder / "last_frame.png").exists() == (service in GIVES_LAST_FRAME)
    task = json.loads((folder / "task.json").read_text())
    assert task["task"] == task_id(folder) and task["provider"] == service


@pytest.mark.parametrize("service", SERVICES)
def test_one_word_changes_the_service(mount, simulator, service):
    """The model stays the same under its name at that service; parameters are sent with that
    service's keys."""
    model = "doubao-seedance-2-0-260128" if service in ("comet", "senseaudio") else "doubao-seedance-1-5-pro-251215"
    folder = order(mount, "cat", {"provider": service, "model": model, "prompt": "A fox", "duration": 6,
                                  "resolution": "480p", "ratio": "1:1"})
    wait_state(folder, "succeeded")
    video = probe(folder / "video.mp4")["streams"][0]
    assert video["width"] == video["height"] and abs(float(video["duration"]) - 6) < 0.2
    if service == "xhuo":
        assert last_create(simulator, service)["body"]["model"] == "doubao-seedance-1-5-pro-251215"


@pytest.mark.parametrize("service", sorted(set(SERVICES) - {"comet"}))
def test_a_first_frame_is_sent(mount, simulator, service):
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


def test_a_first_frame_is_sent_to_cometapi_as_a_file(mount, simulator):
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


def test_a_url_is_downloaded_for_cometapi_without_a_key(mount, simulator):
    """The service takes only files, so the daemon downloads what an https:// input names."""
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


@pytest.mark.parametrize("path, words", [("/media/none.png", "cannot be downloaded"), ("", "allowed: an image")])
def test_an_unusable_url_is_explained_without_its_signature(mount, simulator, path, words):
    url = simulator.address("ark").replace("/ark/api/v3", path) + "?X-Tos-Signature=SECRET"
    if not path:  # a file that is no picture
        still = mount.finished(simulator, "still")
        url = json.loads((still / "task.json").read_text())["video"]["url"]
    folder = order(mount, "cat", {"provider": "comet", "model": "doubao-seedance-2-0", "prompt": "It walks away",
                                  "content": [{"type": "image_url", "image_url": {"url": url}, "role": "first_frame"}]})
    wait_state(folder, "invalid")
    text = (folder / "error.txt").read_text() + status(folder)
    assert words in text
    assert "SECRET" not in text and "X-Tos" not in text and "Signature" not in text
    assert simulator.stats()["wires"]["comet"]["creates"] == 0


# --- limits of a service ---

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
def test_what_a_service_does_not_support_is_refused_before_sending(mount, simulator, service, request_, words):
    folder = order(mount, "cat", {"provider": service, "prompt": "A fox", **request_})
    wait_state(folder, "invalid")
    text = (folder / "error.txt").read_text()
    for word in ["request.json", *words]:
        assert word in text, text
    assert simulator.creates() == 0


@pytest.mark.parametrize("service", SERVICES)
def test_parameters_without_effect_are_left_out_with_a_note(mount, simulator, service):
    folder = order(mount, "cat", {"provider": service, "prompt": "A fox", "camera_fixed": False, "seed": -1,
                                  "framespersecond": 24, "service_tier": "default"})
    wait_state(folder, "succeeded")
    if service == "comet":
        assert "camera_fixed" in status(folder) and "seed" in status(folder)


# --- particular services ---

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
def test_a_finished_response_is_accepted_in_each_shape(mount, simulator, service, shape):
    simulator.control("POST", f"/variants/{service}", {"data": shape, "async": "ignored"})
    folder = order(mount, "cat", {"provider": service, "prompt": "A fox"})
    wait_state(folder, "succeeded")
    assert probe(folder / "video.mp4")["streams"]
    assert simulator.creates() == 1


@pytest.mark.parametrize("service, at_once", [("ark", True), ("acedata", True), ("comet", False)])
def test_tasks_are_polled_in_batches(make_mount, simulator, service, at_once):
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


def test_the_status_of_another_task_is_ignored(mount, simulator):
    """SenseAudio may return the status of another task: the id decides."""
    mount.expect_log("poll_failed")
    simulator.hold("running")
    folder = order(mount, "cat", {"provider": "senseaudio", "prompt": "A fox"})
    wait_for(lambda: task_id(folder))
    simulator.control("POST", "/variants/senseaudio", {"task_id": "other"})
    simulator.hold("")
    wait_for(lambda: "a different task" in (field(folder, "waiting") or ""))
    assert state(folder) in ("queued", "running")
    simulator.control("DELETE", "/variants")
    wait_state(folder, "succeeded")


@pytest.mark.parametrize("service", SERVICES)
def test_a_failure_is_shown_in_the_words_of_the_service(mount, simulator, service):
    folder = order(mount, "cat", {"provider": service, "prompt": "A fox #moderation"})
    wait_state(folder, "failed", "invalid")
    assert (folder / "error.txt").read_text().strip()
    assert json.loads((folder / "task.json").read_text())["error"]["message"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_wrong_key_is_explained(make_mount, simulator, service):
    mount = make_mount(simulator, services=SERVICES)
    mount.end()
    (mount.config_path.parent / "key").write_text("wrong")
    mount.start()
    folder = order(mount, "cat", {"provider": service, "prompt": "A fox"})
    wait_state(folder, "invalid")
    assert json.loads((folder / "task.json").read_text())["error"]["class"] == "auth"
    assert simulator.creates() == 0


@pytest.mark.parametrize("service", SERVICES)
def test_an_order_whose_answer_was_lost_is_never_resent(mount, simulator, service):
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


def test_a_lost_answer_is_searched_in_its_own_service_tier(mount, simulator):
    simulator.fault("create", {"close": "after"}, times=1)
    folder = order(mount, "cat", {"provider": "ark", "prompt": "A fox", "service_tier": "flex"})
    wait_for(lambda: simulator.tasks() and simulator.tasks()[0]["id"] in status(folder), "the candidate")
    assert state(folder) == "unknown" and simulator.creates() == 1


def test_an_empty_list_proves_nothing_while_it_lags(mount, simulator):
    """The daemon repeats the query of an empty list, and never says that it proves that nothing
    will be billed."""
    simulator.fault("list", {"status": 200, "body": {"items": [], "total": 0}}, times=1)
    simulator.fault("create", {"close": "after"}, times=1)
    folder = order(mount, "cat", {"provider": "ark", "prompt": "A fox"})
    wait_for(lambda: "lists no matching task" in status(folder), "the first look")
    assert "may still be billed" in status(folder) and "retry" not in field(folder, "note")
    wait_for(lambda: simulator.tasks()[0]["id"] in status(folder), "the second look")


@pytest.mark.parametrize("service", SERVICES)
def test_an_unknown_order_says_what_a_retry_costs(mount, simulator, service):
    simulator.fault("create", {"status": 500}, times=1)
    folder = order(mount, "cat", {"provider": service, "prompt": "A fox"})
    wait_state(folder, "unknown")
    text = (folder / "error.txt").read_text()
    assert "adopt ID" in text and "bills the request again" in text, text
    assert simulator.creates() == 0


def test_an_edit_that_is_undone_does_not_resend_an_unknown_order(mount, simulator):
    simulator.fault("create", {"close": "after"}, times=1)
    request = {"provider": "comet", "prompt": "A fox"}
    folder = order(mount, "cat", request)
    wait_state(folder, "unknown")
    write(folder / "request.json", json.dumps({**request, "duratoin": 5}))
    wait_state(folder, "invalid")
    write(folder / "request.json", json.dumps(request))
    wait_state(folder, "unknown")
    assert "sent earlier" in (folder / "error.txt").read_text()
    mount.end()
    mount.start()
    write(folder / "request.json", json.dumps({**request, "duratoin": 5}))
    wait_state(folder, "invalid")
    write(folder / "request.json", json.dumps(request))
    wait_state(folder, "unknown")
    assert simulator.creates() == 1
    assert control(folder, "retry").returncode == 0  # the user decides
    wait_state(folder, "succeeded")
    assert simulator.creates() == 2


def test_a_retry_of_an_unknown_order_survives_a_kill(mount, simulator):
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


def test_an_earlier_attempt_is_no_candidate_for_a_lost_answer(mount, simulator):
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
def test_the_message_of_a_busy_service_is_quoted(mount, simulator, service):
    body = {"error": {"code": "ServerOverloaded", "message": "come back later"}}
    if service == "senseaudio":
        body = {"code": "busy", "message": "come back later", "ref_code": 400015}
    simulator.fault("create", {"status": 429 if service == "ark" else 400, "headers": {"Retry-After": "1"},
                               "body": body}, times=1)
    folder = order(mount, "cat", {"provider": service, "prompt": "A fox"})
    wait_for(lambda: "come back later" in (field(folder, "waiting") or ""))
    wait_state(folder, "succeeded")


def test_adopting_from_an_unknown_provider_is_refused(mount, simulator):
    folder = order(mount, "cat", {"task_id": "cgt-1", "provider": "none"})
    wait_state(folder, "invalid")
    text = (folder / "error.txt").read_text()
    assert '"provider" is "none"' in text and "allowed: ark, acedata" in text


@pytest.mark.parametrize("service", SERVICES)
def test_a_task_made_elsewhere_is_adopted(mount, simulator, service):
    simulator.control("POST", "/variants/xhuo", {"async": "honoured"})  # the service does not list tasks of a blocking create
    first = order(mount, "first", {"provider": service, "prompt": "A fox"})
    wait_state(first, "succeeded")
    made = task_id(first)
    second = order(mount, "second", {"task_id": made, "provider": service})
    wait_state(second, "succeeded")
    assert (second / "video.mp4").read_bytes() == (first / "video.mp4").read_bytes()
    assert simulator.creates() == 1


@pytest.mark.parametrize("service", SERVICES)
def test_a_task_stays_with_the_account_that_made_it(make_mount, simulator, service):
    """Another address under the same name is another account: its tasks are not polled there."""
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
    wait_for(lambda: "restore that section" in status(folder))
    assert len(simulator.requests(wire=service)) == asked
    mount.end()
    mount.config_path.write_text(before)
    mount.start()
    simulator.hold("")
    wait_state(folder, "succeeded")
    assert simulator.creates() == 1


# --- sample requests of the services' pages ---

def samples():
    return sorted(SAMPLES.glob("*.json"))


@pytest.mark.parametrize("sample", samples(), ids=lambda path: path.stem)
def test_each_sample_is_accepted_by_its_own_service(mount, simulator, sample):
    """Samples are sent as printed. What a service cannot take is refused by name, before anything is sent."""
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
