"""The request language: aliases, flags, defaults, prompts beside a request, references, data URLs."""

import base64
import json
import os
import pathlib
import random
import struct
import zlib

import pytest

from harness import PNG, control, field, png, run, state, status, task_id, wait_for, wait_state

SENSIBLE = png(640, 360)


def order(mount, name="cat", **request):
    """Creates a folder with an order in request.json."""
    folder = mount.path / name
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "request.json", request)
    return folder


def write(path, value):
    """Writes as a copier does: content that is refused at the close is written all the same."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    try:
        path.write_text(text)
    except OSError as error:
        assert "Invalid argument" in str(error)


def body(simulator, number=0):
    return simulator.requests(on="create")[number]["body"]


def refusal(folder):
    wait_state(folder, "invalid")
    return (folder / "error.txt").read_text()


def wav(seconds=3):
    data = b"\0\0" * 8000 * seconds
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16,
                       b"data", len(data))
    return head + data


# --- aliases ---

def test_keys_of_other_services_are_accepted(mount, simulator):
    folder = order(mount, prompt="A fox", seconds="5", size="1280x720", camerafixed="true", timeout=7200,
                   provider_specific={"generate_audio": True})
    wait_state(folder, "succeeded")
    sent = body(simulator)
    assert (sent["duration"], sent["resolution"], sent["ratio"]) == (5, "720p", "16:9")
    assert (sent["camera_fixed"], sent["execution_expires_after"], sent["generate_audio"]) == (True, 7200, True)
    assert not {"seconds", "size", "camerafixed", "timeout", "provider_specific"} & set(sent)


def test_a_note_is_shown(mount, simulator):
    folder = order(mount, **{"prompt": "A fox", "async": True})
    wait_state(folder, "succeeded")
    assert "async" in field(folder, "note")
    assert "async" in json.loads((folder / "task.json").read_text())["note"]
    assert "async" not in body(simulator)


def test_input_reference_is_accepted(mount, simulator):
    folder = mount.path / "cat"
    folder.mkdir()
    (folder / "still.png").write_bytes(SENSIBLE)
    order(mount, prompt="It yawns", input_reference="@still.png")
    wait_state(folder, "succeeded")
    assert [(item["type"], item.get("role")) for item in body(simulator)["content"]] == [
        ("image_url", "first_frame"), ("text", None)]


def test_the_request_shape_of_senseaudio_is_accepted(mount, simulator):
    folder = mount.path / "cat"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        (folder / name).write_bytes(SENSIBLE)
    (folder / "sound.wav").write_bytes(wav())
    order(mount, model="doubao-seedance-2-0-260128", content=[
        {"type": "text", "text": "It yawns"}, {"type": "image", "url": "b.png", "role": "reference"},
        {"type": "image_url", "image_url": "a.png", "role": "reference_image"},
        {"type": "audio", "audio_url": "sound.wav"}])
    wait_state(folder, "succeeded")
    content = body(simulator)["content"]
    assert [(item["type"], item.get("role")) for item in content] == [
        ("text", None), ("image_url", "reference_image"), ("image_url", "reference_image"),
        ("audio_url", "reference_audio")]
    assert content[3]["audio_url"]["url"].startswith("data:audio/wav;base64,")


@pytest.mark.parametrize("request_json, words", [
    ({"prompt": "x", "seconds": 5, "duration": 6}, ['"seconds" is 5', '"duration" is 6', "keep one"]),
    ({"prompt": "x", "size": "1024x1024"}, ['"size"', "1024x1024", "1280x720"]),
    ({"prompt": "x", "secconds": 5}, ["secconds", 'did you mean "seconds"']),
    ({"prompt": "x", "provider_specific": {"genrate_audio": True}}, ['did you mean "generate_audio"']),
    ({"prompt": "x", "extra": {"model": "m"}}, ['"extra" contains "model"']),
    ({"prompt": "x", "callback_url": "<string>"}, ["callback_url", "https://"]),
    ({"model": "doubao-seedance-2-0-260128", "content": []}, ["no prompt"]),
    ({"prompt": "x", "input_reference": "@/path/to/reference.jpg"}, ["/path/to/reference.jpg"]),
    ({"content": [{"type": "image_url", "image_url": {"url": "a.png"}, "role": "frist_frame"}]},
     ["content[0]", 'did you mean "first_frame"?']),
    ({"prompt": "x --dur 99"}, ["request.json: --dur", "99", "4 to 12"]),
    ({"prompt": "x --dur 5", "duration": 6}, ["--dur is 5", '"duration" is 6']),
])
def test_a_misspelt_key_is_refused(mount, simulator, request_json, words):
    folder = order(mount, **request_json)
    error = refusal(folder)
    for word in words:
        assert word in error, error
    assert simulator.creates() == 0
    order(mount, prompt="A fox")
    wait_state(folder, "succeeded")


# --- flags ---

def test_flags_become_fields(mount, simulator):
    folder = mount.folder(prompt="A kitten yawning at the camera. --rs 480p --rt 1:1 --dur 4 --seed 11 --cf false --wm true")
    wait_state(folder, "succeeded")
    sent = body(simulator)
    assert sent["content"] == [{"type": "text", "text": "A kitten yawning at the camera."}]
    assert (sent["resolution"], sent["ratio"], sent["duration"], sent["seed"]) == ("480p", "1:1", 4, 11)
    assert (sent["camera_fixed"], sent["watermark"]) == (False, True)


def test_a_wrong_flag_fails_the_close(mount, simulator, tmp_path):
    folder = mount.path / "cat"
    folder.mkdir()
    (tmp_path / "p").write_text("A fox --durr 5\n")
    assert run("cp", tmp_path / "p", folder / "prompt.txt", check=False).returncode == 1
    assert 'did you mean "--dur"' in refusal(folder)
    (folder / "prompt.txt").write_text("A fox --dur 5\n")
    wait_state(folder, "succeeded")
    assert body(simulator)["duration"] == 5 and simulator.creates() == 1


def test_dashes_in_prose_are_no_flags(mount, simulator):
    text = "He types git commit --amend -- and waits --then sighs"
    folder = mount.folder(prompt=text)
    wait_state(folder, "succeeded")
    assert body(simulator)["content"][0]["text"] == text


# --- a prompt beside a request ---

@pytest.mark.parametrize("name", ["prompt.txt", "prompt.md", "prompt"])
@pytest.mark.parametrize("first", ["json", "prompt"])
def test_a_prompt_beside_a_request_is_its_text(make_mount, simulator, name, first):
    mount = make_mount(simulator, settle=0.5)
    folder = mount.path / "cat"
    folder.mkdir()
    if first == "prompt":
        (folder / name).write_text("A fox --rs 480p\n")
    write(folder / "request.json", {"duration": 4})
    if first == "json":
        (folder / name).write_text("A fox --rs 480p\n")
    wait_state(folder, "succeeded")
    sent = body(simulator)
    assert (sent["content"][0]["text"], sent["duration"], sent["resolution"]) == ("A fox", 4, "480p")
    for locked in (name, "request.json"):
        with pytest.raises(PermissionError):
            open(folder / locked, "a")
    assert simulator.creates() == 1


def test_a_prompt_beside_a_request_with_a_text_is_ignored(mount, simulator):
    folder = mount.path / "cat"
    folder.mkdir()
    (folder / "hold").touch()
    (folder / "prompt.txt").write_text("A dog\n")
    write(folder / "request.json", {"prompt": "A fox"})
    (folder / "hold").unlink()
    wait_state(folder, "succeeded")
    assert body(simulator)["content"] == [{"type": "text", "text": "A fox"}]
    assert "prompt.txt is ignored" in field(folder, "note")


def test_the_prompt_beside_a_request_is_part_of_the_order(mount, simulator):
    simulator.hold("running")
    folder = mount.path / "cat"
    folder.mkdir()
    (folder / "hold").touch()
    write(folder / "request.json", {"duration": 4})
    (folder / "prompt.txt").write_text("A fox\n")
    (folder / "hold").unlink()
    task = wait_for(lambda: task_id(folder))
    simulator.decree(task, state="failed", error={"code": "InternalServiceError", "message": "no luck"})
    wait_state(folder, "failed")
    simulator.hold("")
    (folder / "prompt.txt").write_text("A fox\n")
    wait_for(lambda: "the same as in this attempt" in status(folder))
    (folder / "prompt.txt").write_text("A dog\n")
    wait_state(folder, "succeeded")
    assert simulator.creates() == 2


def test_a_contradiction_between_prompt_and_request_is_explained(mount, simulator):
    folder = mount.path / "cat"
    folder.mkdir()
    (folder / "hold").touch()
    write(folder / "request.json", {"duration": 4})
    (folder / "prompt.txt").write_text("A fox --dur 5\n")
    (folder / "hold").unlink()
    error = refusal(folder)
    assert "prompt.txt: --dur is 5" in error and 'request.json: "duration" is 4' in error


# --- defaults ---

def test_defaults_of_two_levels_are_combined(mount, simulator):
    scene = mount.path / "film" / "scene"
    scene.mkdir(parents=True)
    write(mount.path / "defaults.json", {"resolution": "1080p", "seed": 7, "extra": {"x_label": 1}})
    write(mount.path / "film" / "defaults.json", {"resolution": "480p", "seconds": 4})
    folder = mount.folder("film/scene/shot", "A fox --seed 8")
    wait_state(folder, "succeeded")
    sent = body(simulator)
    assert (sent["resolution"], sent["duration"], sent["seed"], sent["x_label"]) == ("480p", 4, 8, 1)
    assert sorted(os.listdir(folder)) == ["last_frame.png", "prompt.txt", "status", "task.json", "video.mp4"]
    other = mount.folder("other", "A dog")
    wait_state(other, "succeeded")
    assert (body(simulator, 1)["resolution"], body(simulator, 1)["seed"]) == ("1080p", 7)
    # It is not locked, since it is no file of the order.
    write(mount.path / "film" / "defaults.json", {})
    write(folder / "defaults.json", {"resolution": "720p"})
    assert state(folder) == "succeeded"


def test_defaults_in_the_folder_itself_come_first(mount, simulator):
    write(mount.path / "defaults.json", {"resolution": "1080p", "ratio": "1:1"})
    folder = mount.path / "cat"
    folder.mkdir()
    write(folder / "defaults.json", {"resolution": "480p"})
    assert sorted(os.listdir(folder)) == ["defaults.json"]  # it orders nothing
    (folder / "prompt.txt").write_text("A fox\n")
    wait_state(folder, "succeeded")
    assert (body(simulator)["resolution"], body(simulator)["ratio"]) == ("480p", "1:1")


@pytest.mark.parametrize("mend", ["rewrite", "save", "remove", "move"])
def test_a_changed_default_corrects_an_invalid_task(mount, simulator, mend):
    scene = mount.path / "film" / "scene"
    scene.mkdir(parents=True)
    defaults = mount.path / "film" / "defaults.json"
    write(defaults, {"durration": 5})
    folders = [mount.folder(f"film/scene/shot-{i}", f"A fox {i}") for i in range(12)]
    for folder in folders:
        error = refusal(folder)
        assert "../../defaults.json" in error and 'did you mean "duration"' in error
    assert simulator.creates() == 0
    if mend == "rewrite":
        write(defaults, {"duration": 4})
    elif mend == "save":
        write(scene / ".new", {"duration": 4})
        os.rename(scene / ".new", defaults)
    elif mend == "remove":
        defaults.unlink()
    else:
        os.rename(defaults, mount.path / "film" / "old.json")
    for folder in folders:
        wait_state(folder, "succeeded")
    assert simulator.creates() == len(folders)
    if mend in ("rewrite", "save"):
        assert body(simulator)["duration"] == 4


def test_a_changed_default_applies_to_a_held_order(make_mount, simulator):
    mount = make_mount(simulator, config="submissions_per_hour = 1")
    first = mount.folder("first", "A fox")
    wait_state(first, "succeeded")
    folder = mount.folder("film/shot", "A dog")
    wait_for(lambda: "submissions_per_hour" in (field(folder, "waiting") or ""))
    write(mount.path / "defaults.json", {"durration": 4})
    assert "../../defaults.json" in refusal(folder)
    assert simulator.creates() == 1


def test_a_changed_default_does_not_retry_an_order_refused_for_money(mount, simulator):
    simulator.fault("create", {"status": 403, "body": {"error": {"code": "AccountOverdueError", "message": "pay"}}}, times=1)
    folder = mount.folder("film/shot", "A fox")
    refusal(folder)
    write(mount.path / "defaults.json", {"duration": 4})
    other = mount.folder("other", "A dog")
    wait_state(other, "succeeded")
    assert state(folder) == "invalid" and len(simulator.requests(on="create")) == 2
    assert control(folder, "retry").returncode == 0
    wait_state(folder, "succeeded")
    assert body(simulator, 2)["duration"] == 4


@pytest.mark.parametrize("what, words", [("open", ["../defaults.json is open for writing"]),
                                         ("empty", ["../defaults.json is empty"]),
                                         ("dangling", ["../defaults.json is a link to a file that does not exist yet"])])
def test_unfinished_defaults_hold_the_order(mount, simulator, what, words):
    defaults = mount.path / "defaults.json"
    if what == "dangling":
        os.symlink("later.json", defaults)
    file = open(defaults if what != "dangling" else mount.path / "other", "w")
    if what == "empty":
        file.close()
    folder = mount.folder()
    wait_for(lambda: all(word in (field(folder, "waiting") or "") for word in words), words)
    assert state(folder) == "pending" and simulator.creates() == 0
    if what == "open":
        file.write('{"duration": 4}')
    file.close()
    if what != "open":
        (mount.path / ("later.json" if what == "dangling" else "defaults.json")).write_text('{"duration": 4}')
    wait_state(folder, "succeeded")
    assert body(simulator)["duration"] == 4


@pytest.mark.parametrize("what", ["a folder", "no JSON", "a prompt", "out of the mount"])
def test_invalid_defaults_are_explained(mount, simulator, what):
    defaults = mount.path / "defaults.json"
    if what == "a folder":
        defaults.mkdir()
    elif what == "out of the mount":
        os.symlink("/etc/hostname", defaults)
    else:
        write(defaults, "{" if what == "no JSON" else {"prompt": "A dog"})
    folder = mount.folder()
    assert "../defaults.json" in refusal(folder)
    assert simulator.creates() == 0


def test_defaults_may_be_a_link(mount, simulator):
    (mount.path / "film").mkdir()
    write(mount.path / "film.json", {"duration": 4})
    os.symlink("../film.json", mount.path / "film" / "defaults.json")
    wait_state(mount.folder("film/shot", "A fox"), "succeeded")
    assert body(simulator)["duration"] == 4


def test_a_wrong_default_fails_the_close(mount, tmp_path):
    (tmp_path / "d").write_text('{"durration": 5}')
    refused = run("cp", tmp_path / "d", mount.path / "defaults.json", check=False)
    assert refused.returncode == 1 and "Invalid argument" in refused.stderr
    assert (mount.path / "defaults.json").read_text() == '{"durration": 5}'


# --- references by name ---

def test_references_are_sent_in_the_order_of_their_numbers(mount, simulator):
    folder = mount.path / "cat"
    folder.mkdir()
    sizes = {"reference10.png": 700, "reference2.png": 500, "reference.png": 400}
    for name, width in sizes.items():
        (folder / name).write_bytes(png(width, 360))
    (folder / "reference-sound.dat").write_bytes(wav())
    order(mount, prompt="[Image 1] meets [Image 2]", model="doubao-seedance-2-0-260128")
    wait_state(folder, "succeeded")
    content = body(simulator)["content"]
    assert [(item["type"], item.get("role")) for item in content] == [
        ("text", None), ("audio_url", "reference_audio"), ("image_url", "reference_image"),
        ("image_url", "reference_image"), ("image_url", "reference_image")]
    # The simulator logs the length of a data URL instead of its data.
    assert [item["image_url"]["url"].rsplit("(", 1)[1] for item in content[2:]] == [
        f"{len(data_url(png(sizes[name], 360)))} bytes)" for name in ("reference.png", "reference2.png", "reference10.png")]
    with pytest.raises(PermissionError):
        open(folder / "reference2.png", "ab")


def test_a_reference_of_an_unsupported_type_is_refused(mount, simulator):
    folder = mount.path / "cat"
    folder.mkdir()
    (folder / "reference.txt").write_text("as in the film")
    (folder / "prompt.txt").write_text("A fox\n")
    error = refusal(folder)
    assert "reference.txt" in error and "not an image, video or audio file" in error
    (folder / "reference.txt").unlink()
    wait_state(folder, "succeeded")


def test_an_input_that_the_request_names_is_not_sent_twice(mount, simulator):
    folder = mount.path / "cat"
    folder.mkdir()
    (folder / "reference1.png").write_bytes(SENSIBLE)
    (folder / "first_frame.png").write_bytes(SENSIBLE)
    order(mount, prompt="A fox", content=[{"type": "image_url", "image_url": {"url": "first_frame.png"}}])
    (folder / "reference1.png").unlink()
    wait_state(folder, "succeeded")
    assert [item["type"] for item in body(simulator)["content"]] == ["image_url", "text"]


# --- data URLs ---

def data_url(data, kind="image/png"):
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def picture(url):
    return {"type": "image_url", "image_url": {"url": url}, "role": "first_frame"}


def test_the_type_of_a_data_url_comes_from_its_bytes(mount, simulator):
    whole = data_url(SENSIBLE, "image/JPEG")
    wrapped = whole[:100] + "\n" + whole[100:]
    folder = order(mount, content=[{"type": "text", "text": "A fox"}, picture(wrapped)])
    wait_state(folder, "succeeded")
    sent = body(simulator)["content"][1]["image_url"]["url"]
    assert sent.startswith("data:image/png;base64,") and sent.endswith(f"({len(data_url(SENSIBLE))} bytes)")
    shown = json.loads((folder / "task.json").read_text())["request"]["content"][1]
    assert shown["media_type"] == "image/png" and shown["bytes"] == len(SENSIBLE)
    assert "base64" not in (folder / "task.json").read_text()


@pytest.mark.parametrize("url, words", [
    ("data:image/png;base64,iVBO$w==", ["content[1]", "not base64"]),
    ("data:image/png;base64,iVBOR", ["content[1]", "incomplete"]),
    ("data:image/png,hello", ["content[1]", "data:TYPE;base64"]),
    (data_url(b"hello"), ["content[1]", "not an image"]),
    (data_url(SENSIBLE[:-20]), ["content[1]", "is incomplete"]),
    (data_url(wav(), "image/png"), ["content[1]", "an audio file (audio/wav)", "allowed: an image"]),
])
def test_an_invalid_data_url_is_explained(mount, simulator, url, words):
    folder = order(mount, content=[{"type": "text", "text": "A fox"}, picture(url)])
    error = refusal(folder)
    for word in words:
        assert word in error, error
    assert simulator.creates() == 0
    order(mount, content=[{"type": "text", "text": "A fox"}, picture(data_url(SENSIBLE))])
    wait_state(folder, "succeeded")


# --- sample requests of the services' pages ---

SAMPLES = json.loads((pathlib.Path(__file__).parents[1] / "fixtures" / "request" / "good" / "samples.json").read_text())


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["what"])
def test_sample_requests_are_accepted_unchanged(make_mount, simulator, sample):
    mount = make_mount(simulator, settle=30)
    folder = mount.path / "cat"
    folder.mkdir()
    (folder / "request.json").write_text(json.dumps(sample["request"]))  # no error at the close
    wait_for(lambda: "settling: will be submitted in" in (field(folder, "waiting") or ""))


# --- memory ---

def noise_png(size):
    """A complete picture of about that many bytes, which no compression makes smaller."""
    width = 2000
    height = size // (3 * width)
    source = random.Random(1)
    rows = b"".join(b"\0" + source.randbytes(3 * width) for _ in range(height))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows, 0)) + chunk(b"IEND", b""))


def memory_kb(pid):
    with open(f"/proc/{pid}/status") as lines:
        return {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith(("VmHWM", "RssAnon"))}


def test_a_large_data_url_is_sent(mount, simulator):
    wait_state(mount.folder("warm-up"), "succeeded")
    (mount.path / "cat").mkdir()
    (mount.path / "cat" / "hold").touch()
    order(mount, content=[{"type": "text", "text": "A fox"}, picture(data_url(noise_png(8 << 20)))])
    (mount.path / "cat" / "hold").unlink()
    wait_state(mount.path / "cat", "succeeded", timeout=120)
    assert body(simulator, 1)["content"][1]["image_url"]["url"].startswith("data:image/png;base64,")


def test_a_large_picture_is_never_held_in_memory(mount, simulator):
    wait_state(mount.folder("warm-up"), "succeeded")
    before = memory_kb(mount.pid)
    folder = mount.path / "cat"
    folder.mkdir()
    (folder / "first_frame.png").write_bytes(noise_png(25 << 20))
    (folder / "prompt.txt").write_text("It yawns\n")
    wait_state(folder, "succeeded", timeout=120)
    after = memory_kb(mount.pid)
    assert after["RssAnon"] - before["RssAnon"] < 40 << 10, (before, after)
    assert after["VmHWM"] - before["VmHWM"] < 40 << 10, (before, after)
