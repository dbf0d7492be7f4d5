"""Shots made from shots: an input is another task's output."""

import errno
import json
import os
import re
import shutil
import struct
import time
import types
import zlib

import pytest

from harness import SERVICES, Simulator, control, field, png, state, status, task_id, wait_for, wait_state


@pytest.fixture
def mount(make_mount, simulator):
    return make_mount(simulator, services=SERVICES)


def shot(mount, name, request, frame=None):
    """Creates a shot whose first frame is the last frame of another."""
    folder = mount.path / name
    folder.mkdir(parents=True)
    if frame:
        os.symlink(f"../{frame}/last_frame.png", folder / "first_frame.png")
    try:
        (folder / "request.json").write_text(json.dumps(request))
    except OSError as error:  # a bad request is written all the same
        assert error.errno == errno.EINVAL
    return folder


def first_frame(simulator, prompt):
    """What was sent as the first frame of the shot with that prompt."""
    for request in simulator.requests(on="create"):
        content = request["body"]["content"]
        if content[0].get("text") == prompt:
            return next(item["image_url"]["url"] for item in content if item.get("role") == "first_frame")
    raise AssertionError("it was not sent")


def test_a_shot_waits_for_the_previous_one(mount, simulator):
    simulator.hold("running")
    one = shot(mount, "shot-1", {"prompt": "One"})
    two = shot(mount, "shot-2", {"prompt": "Two"}, "shot-1")
    three = shot(mount, "shot-3", {"prompt": "Three"}, "shot-2")
    wait_state(one, "running")
    wait_for(lambda: "waiting for ../shot-1" in status(two), "two waits")
    wait_for(lambda: "waiting for ../shot-2" in status(three), "three waits")
    assert state(two) == state(three) == "pending" and simulator.creates() == 1
    simulator.hold("")
    for folder in (one, two, three):
        wait_state(folder, "succeeded")
    assert simulator.creates() == 3
    # The link of the other task is alive, so it is sent instead of the bytes.
    assert first_frame(simulator, "Two") == json.loads((one / "task.json").read_text())["last_frame"]["url"]
    assert "http" not in status(two)


def test_bytes_are_sent_instead_of_an_expired_link(make_mount, tmp_path, simulators):
    simulators.append(Simulator(tmp_path, "--link-seconds", "600"))  # expires too soon to be passed on
    simulator = simulators[-1]
    mount = make_mount(simulator, services=SERVICES)
    shot(mount, "shot-1", {"prompt": "One"})
    two = shot(mount, "shot-2", {"prompt": "Two"}, "shot-1")
    wait_state(two, "succeeded")
    assert first_frame(simulator, "Two").startswith("data:image/png;base64,")


def test_a_chain_continues_after_a_retry(mount, simulator):
    one = shot(mount, "shot-1", {"prompt": "One #fail"})
    two = shot(mount, "shot-2", {"prompt": "Two"}, "shot-1")
    wait_state(one, "failed")
    wait_for(lambda: "shot-1" in (field(two, "waiting") or "") and "failed" in field(two, "waiting"), "two says so")
    assert state(two) == "pending"
    (one / "request.json").write_text(json.dumps({"prompt": "One"}))
    wait_state(one, "succeeded")
    wait_state(two, "succeeded")
    assert simulator.creates() == 3


def test_a_chain_continues_after_a_kill(mount, simulator):
    simulator.hold("running")
    one = shot(mount, "shot-1", {"prompt": "One"})
    two = shot(mount, "shot-2", {"prompt": "Two"}, "shot-1")
    wait_for(lambda: "waiting for ../shot-1" in status(two))
    mount.kill()
    mount.start()
    simulator.hold("")
    wait_state(one, "succeeded")
    wait_state(two, "succeeded")
    assert simulator.creates() == 2


@pytest.mark.parametrize("links", [("a", "a"), ("a", "b", "a"), ("a", "b", "c", "a")])
def test_a_cycle_is_invalid(mount, simulator, links):
    folders = [shot(mount, name, {"prompt": name}, frame) for name, frame in zip(links, links[1:])]
    wait_for(lambda: any(state(folder) == "invalid" for folder in folders), "one is invalid")
    bad = [folder for folder in folders if state(folder) == "invalid"]
    assert "itself" in (bad[0] / "error.txt").read_text()
    assert simulator.creates() == 0


@pytest.mark.parametrize("request_, words", [
    ({"prompt": "One", "return_last_frame": False}, "return_last_frame"),
    ({"prompt": "One", "provider": "comet"}, "last frame"),
    ({"prompt": "One", "provider": "senseaudio"}, "last frame"),
    ({"prompt": "One", "draft": True, "resolution": "480p"}, "last frame"),
])
@pytest.mark.parametrize("held", [True, False])
def test_waiting_for_a_frame_that_will_not_exist_is_invalid_at_once(mount, simulator, request_, words, held):
    simulator.hold("running")
    one = shot(mount, "shot-1", request_)
    if held:
        (one / "hold").touch()
    else:
        wait_for(lambda: task_id(one))
    two = shot(mount, "shot-2", {"prompt": "Two"}, "shot-1")
    wait_state(two, "invalid")
    text = (two / "error.txt").read_text()
    assert words in text and "shot-1" in text


def test_an_absolute_link_is_followed(mount, simulator):
    one = shot(mount, "shot-1", {"prompt": "One"})
    two = mount.path / "shot-2"
    two.mkdir()
    os.symlink(one / "last_frame.png", two / "first_frame.png")
    (two / "prompt.txt").write_text("Two\n")
    wait_state(two, "succeeded")
    assert first_frame(simulator, "Two")


def test_a_path_in_the_request_can_name_a_shot(mount, simulator):
    one = shot(mount, "shot-1", {"prompt": "One"})
    two = shot(mount, "shot-2", {"content": [
        {"type": "text", "text": "Two"},
        {"type": "image_url", "image_url": {"url": "../shot-1/last_frame.png"}, "role": "first_frame"}]})
    wait_state(one, "succeeded")
    wait_state(two, "succeeded")
    assert first_frame(simulator, "Two").startswith("http")


def test_the_video_of_a_shot_can_be_a_reference(mount, simulator):
    one = shot(mount, "shot-1", {"prompt": "One"})
    two = mount.path / "shot-2"
    two.mkdir()
    os.symlink("../shot-1/video.mp4", two / "reference.mp4")
    (two / "request.json").write_text(json.dumps({"prompt": "Two", "model": "doubao-seedance-2-0-260128"}))
    wait_state(one, "succeeded")
    wait_state(two, "succeeded")
    sent = [r["body"]["content"] for r in simulator.requests(on="create") if r["body"]["content"][0]["text"] == "Two"][0]
    assert sent[1]["type"] == "video_url" and sent[1]["role"] == "reference_video"


def test_another_service_gets_the_bytes_or_the_link(mount, simulator):
    one = shot(mount, "shot-1", {"prompt": "One"})
    two = shot(mount, "shot-2", {"prompt": "Two", "provider": "comet", "model": "doubao-seedance-2-0"}, "shot-1")
    wait_state(two, "succeeded")
    parts = {part["name"]: part for part in simulator.control("GET", "/creates/comet")["parts"]}
    assert parts["input_reference"]["bytes"] == (one / "last_frame.png").stat().st_size


@pytest.mark.parametrize("service", ["ark", "createtask"])
def test_a_draft_becomes_a_video(mount, simulator, service):
    draft = shot(mount, "draft", {"provider": service, "prompt": "One", "draft": True, "resolution": "480p",
                                  "duration": 4})
    final = shot(mount, "final", {"provider": service, "resolution": "720p",
                                  "content": [{"type": "draft_task", "draft_task": {"id": "../draft"}}]})
    wait_state(draft, "succeeded")
    wait_state(final, "succeeded")
    sent = simulator.control("GET", f"/creates/{service}")["body"]
    assert sent["content"] == [{"type": "draft_task", "draft_task": {"id": task_id(draft)}}]
    assert "generate_audio" not in sent


DRAFT = {"prompt": "One", "draft": True, "resolution": "480p"}
OF_DRAFT = [{"type": "draft_task", "draft_task": {"id": "../draft"}}]


def test_the_final_video_uses_the_model_of_its_draft(mount, simulator):
    draft = shot(mount, "draft", {**DRAFT, "model": "seedance-2.5", "duration": 5})
    final = shot(mount, "final", {"content": OF_DRAFT})
    wait_state(draft, "succeeded")
    wait_state(final, "succeeded")
    sent = [r["body"] for r in simulator.requests(on="create")]
    assert [body["model"] for body in sent] == ["doubao-seedance-2-5-260628"] * 2
    assert sent[1]["content"][0]["type"] == "draft_task"


@pytest.mark.parametrize("request_, more, words", [
    ({**DRAFT, "provider": "ark"}, {"provider": "createtask"}, ["ark", "createtask"]),
    (DRAFT, {"provider": "none"}, ["none", "allowed: ark, acedata"]),
    (DRAFT, {"provider": "comet"}, ["ark", "comet"]),
    ({"prompt": "One"}, {}, ["is not a draft: it ", " submitted without \"draft\": true"]),
    ({"prompt": "One", "draft": False}, {}, ["is not a draft"]),
    (DRAFT, {"prompt": "Two"}, ["besides the draft_task"]),
    (DRAFT, {"seed": 7}, ["\"seed\" is 7", "takes it from the draft"]),
    ({**DRAFT, "model": "seedance-2.5", "duration": 5}, {"resolution": "4k"}, ["4k", "doubao-seedance-2-5-260628"]),
])
@pytest.mark.parametrize("how", ["held", "running", "succeeded"])
def test_what_cannot_be_made_from_a_draft_is_invalid_at_once(mount, simulator, request_, more, words, how):
    simulator.hold("running" if how == "running" else "")
    draft = shot(mount, "draft", request_)
    if how == "held":
        (draft / "hold").touch()
    else:
        wait_for(lambda: task_id(draft))
        wait_state(draft, how)
    final = shot(mount, "final", {"content": OF_DRAFT, **more})
    wait_state(final, "invalid")
    text = (final / "error.txt").read_text()
    assert all(word in text for word in words), text
    assert simulator.creates() == (how != "held")


def test_a_draft_of_an_unknown_section_can_be_corrected(mount, simulator):
    draft = shot(mount, "draft", {**DRAFT, "provider": "arkk"})
    wait_state(draft, "invalid")
    final = shot(mount, "final", {"content": OF_DRAFT})
    wait_for(lambda: "which is invalid: correct it" in (field(final, "waiting") or ""))
    (draft / "request.json").write_text(json.dumps(DRAFT))
    wait_state(final, "succeeded")


def test_a_prompt_alone_can_be_a_draft(mount, simulator):
    draft = mount.path / "draft"
    draft.mkdir()
    (draft / "hold").touch()
    (draft / "prompt.txt").write_text("One\n")
    final = shot(mount, "final", {"content": OF_DRAFT})
    wait_for(lambda: "waiting for ../draft (content[0])" in status(final))
    (draft / "request.json").write_text(json.dumps({"draft": True}))
    (draft / "hold").unlink()
    wait_state(final, "succeeded")


def test_a_draft_made_elsewhere_becomes_a_video(mount, simulator):
    one = shot(mount, "one", DRAFT)
    wait_state(one, "succeeded")
    draft = shot(mount, "draft", {"task_id": task_id(one)})
    final = shot(mount, "final", {"content": OF_DRAFT})
    wait_state(draft, "succeeded")
    wait_state(final, "succeeded")
    assert simulator.creates() == 2


def test_a_changed_section_is_another_account(mount, simulator):
    draft = shot(mount, "draft", DRAFT)
    wait_state(draft, "succeeded")
    mount.end()
    config = mount.config_path.read_text()
    mount.config_path.write_text(config.replace("127.0.0.1", "localhost"))
    mount.start()
    final = shot(mount, "final", {"content": OF_DRAFT})
    wait_state(final, "invalid")
    text = (final / "error.txt").read_text()
    assert "another account" in text and "127.0.0.1" in text
    assert simulator.creates() == 1


def test_a_waiting_shot_names_its_input(mount, simulator):
    simulator.hold("running")
    one = shot(mount, "shot-1", {"prompt": "One"})
    wait_for(lambda: task_id(one))
    two = shot(mount, "shot-2", {"prompt": "Two"}, "shot-1")
    three = shot(mount, "shot-3", {"content": [
        {"type": "text", "text": "Three"},
        {"type": "image_url", "image_url": {"url": "../shot-1/video.mp4"}, "role": "first_frame"}]})
    wait_for(lambda: field(two, "waiting") == "waiting for ../shot-1 (first_frame.png)", "its input is named")
    wait_state(three, "invalid")
    assert "request.json: content[1]: the video of ../shot-1" in (three / "error.txt").read_text()


def test_a_removed_output_holds_the_next_shot(mount, simulator):
    one = shot(mount, "shot-1", {"prompt": "One"})
    wait_state(one, "succeeded")
    (one / "last_frame.png").unlink()
    two = shot(mount, "shot-2", {"prompt": "Two"}, "shot-1")
    wait_for(lambda: "fetch" in (field(two, "waiting") or ""), "it says what to do")
    assert control(one, "fetch").returncode == 0
    wait_state(two, "succeeded")


@pytest.fixture
def withheld(make_mount, tmp_path, simulators):
    """A finished shot whose link expires too soon to be passed on, and whose frame must be
    downloaded again."""
    simulators.append(Simulator(tmp_path, "--link-seconds", "600"))
    mount = make_mount(simulators[-1], services=SERVICES, options=["keep=lazy"])
    mount.expect_log("media_failed", "poll_failed")
    one = shot(mount, "shot-1", {"prompt": "One"})
    wait_state(one, "succeeded")
    mount.end()
    for file in (mount.library / "media").rglob("last_frame.*"):
        file.unlink()
    mount.start()
    return types.SimpleNamespace(mount=mount, simulator=simulators[-1], one=one)


@pytest.mark.parametrize("code, asked", [(403, 10), (503, 6)])
def test_unavailable_bytes_are_requested_less_and_less_often(withheld, code, asked):
    simulator = withheld.simulator
    before = len(simulator.requests(on="media"))
    simulator.fault("media", {"status": code, "body": "no"}, times=-1)
    begun = time.monotonic()
    two = shot(withheld.mount, "shot-2", {"prompt": "Two"}, "shot-1")
    wait_for(lambda: len(simulator.requests(on="media")) >= before + asked, f"{asked} requests")
    assert time.monotonic() - begun > 5
    wait_for(lambda: f"HTTP status {code}" in (field(two, "waiting") or ""), "the reason")
    assert state(two) == "pending" and simulator.creates() == 1
    simulator.clear_faults()
    wait_state(two, "succeeded")
    assert first_frame(simulator, "Two").startswith("data:image/png;base64,")
    assert simulator.creates() == 2


def test_an_input_without_any_link_at_the_service_makes_the_order_invalid(withheld):
    simulator = withheld.simulator
    simulator.decree(task_id(withheld.one), gone=True, expire_links=True)
    two = shot(withheld.mount, "shot-2", {"prompt": "Two"}, "shot-1")
    wait_state(two, "invalid")
    text = (two / "error.txt").read_text()
    assert "first_frame.png" in text and "no link" in text
    assert simulator.creates() == 1


@pytest.mark.parametrize("missing", ["../shot-1/last_frame.png", "../stills/cat.png"])
def test_a_waiting_folder_copies_nothing(mount, simulator, missing):
    """The daemon checks a waiting folder every two seconds, but copies its pictures only once all
    of them exist."""
    simulator.hold("running")
    one = shot(mount, "shot-1", {"prompt": "One"})
    wait_state(one, "running")
    two = mount.path / "shot-2"
    two.mkdir()
    picture = png(640, 360)
    filler = os.urandom(6_000_000)
    chunk = struct.pack(">I", len(filler)) + b"fiLL" + filler
    chunk += struct.pack(">I", zlib.crc32(chunk[4:]))
    (two / "first_frame.png").write_bytes(picture[:33] + chunk + picture[33:])
    os.symlink(missing, two / "last_frame.png")

    def written():
        with open(f"/proc/{mount.pid}/io") as io:
            return int(re.search(r"wchar: (\d+)", io.read())[1])

    before = written()
    (two / "prompt.txt").write_text("Two\n")
    wait_for(lambda: "waiting for ../shot-1" in status(two) or "does not exist yet" in status(two), "it waits")
    assert written() - before < len(filler)
    simulator.hold("")
    if "stills" in missing:
        (mount.path / "stills").mkdir()
        (mount.path / "stills" / "cat.png").write_bytes(picture)
    wait_state(two, "succeeded")
    assert simulator.creates() == 2


def test_a_cancelled_shot_waits_for_nothing(mount, simulator):
    b = mount.path / "b"
    b.mkdir()
    (b / "hold").touch()
    (b / "prompt.txt").write_text("B\n")
    a = shot(mount, "a", {"prompt": "A"}, "b")
    wait_for(lambda: "waiting for ../b" in status(a), "a waits")
    assert control(a, "cancel").returncode == 0
    wait_state(a, "cancelled")
    (a / "first_frame.png").unlink()
    os.symlink("../a/last_frame.png", b / "first_frame.png")
    (b / "hold").unlink()
    wait_for(lambda: "which is cancelled" in status(b) or state(b) == "invalid", "b waits")
    assert "waiting for ../a" in status(b)
    assert state(b) == "pending"
    assert control(a, "retry").returncode == 0
    wait_state(a, "succeeded")
    wait_state(b, "succeeded")
    assert simulator.creates() == 2


@pytest.mark.parametrize("how", ["unlink", "rm", "cancel"])
def test_a_cycle_that_is_broken_at_another_folder_continues(mount, simulator, how):
    a, b = (shot(mount, name, {"prompt": name.upper()}, other) for name, other in (("a", "b"), ("b", "a")))
    wait_for(lambda: "invalid" in (state(a), state(b)), "one is invalid")
    bad, other = (a, b) if state(a) == "invalid" else (b, a)
    wait_for(lambda: "waiting for" in status(other), "the other one waits")
    if how == "unlink":
        (other / "first_frame.png").unlink()
        wait_state(other, "succeeded")
        wait_state(bad, "succeeded")
        assert simulator.creates() == 2
        return
    if how == "rm":
        shutil.rmtree(other)
    else:
        assert control(other, "cancel").returncode == 0
    wait_state(bad, "pending")
    wait_for(lambda: ("does not exist yet" if how == "rm" else "is cancelled") in status(bad), "it waits")
    assert simulator.creates() == 0
