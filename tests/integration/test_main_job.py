"""The main job: a folder becomes a video."""

import json
import os
import subprocess

from harness import (control, field, make_media, run, state, status, task_id, wait_for, wait_state)


def test_a_prompt_becomes_a_video(mount, simulator):
    folder = mount.folder()
    assert state(folder) in ("pending", "submitting", "queued")
    wait_state(folder, "succeeded")
    names = sorted(os.listdir(folder))
    assert names == ["last_frame.png", "prompt.txt", "status", "task.json", "video.mp4"]
    probe = json.loads(run("ffprobe", "-v", "error", "-show_streams", "-of", "json", folder / "video.mp4").stdout)
    assert (probe["streams"][0]["width"], probe["streams"][0]["height"]) == (1280, 720)
    assert (folder / "last_frame.png").read_bytes().startswith(b"\x89PNG")
    assert simulator.creates() == 1
    sent = simulator.requests(on="create")[0]["body"]
    assert sent["content"] == [{"type": "text", "text": "A kitten yawning at the camera"}]
    assert sent["watermark"] is False and sent["generate_audio"] is False and sent["return_last_frame"] is True


def test_the_bytes_read_are_those_of_the_service(mount, simulator, tmp_path):
    video = make_media(tmp_path / "video", 3_000_001)
    frame = make_media(tmp_path / "frame", 70_000, seed=2)
    folder = mount.finished(simulator, video=video, frame=frame)
    assert (folder / "video.mp4").stat().st_size == 3_000_001
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()
    assert (folder / "last_frame.png").read_bytes() == frame.read_bytes()


def test_status_is_complete_and_has_its_exact_size(mount):
    folder = mount.folder()
    wait_state(folder, "succeeded")
    text = status(folder)
    assert text.endswith("\n") and (folder / "status").stat().st_size == len(text.encode())
    for line in text.splitlines()[1:]:
        key, _, value = line.partition(": ")
        assert key and key == key.lower() and value, line
    assert len(text) < 4096
    assert field(folder, "provider") == "ark"
    assert task_id(folder).startswith("cgt-")


def test_task_json_is_private_and_complete(mount, simulator):
    folder = mount.folder()
    wait_state(folder, "succeeded")
    path = folder / "task.json"
    assert path.stat().st_mode & 0o777 == 0o600
    tree = json.loads(path.read_text())
    assert tree["state"] == "succeeded"
    assert tree["task"] == task_id(folder)
    assert tree["request"]["content"][0]["text"] == "A kitten yawning at the camera"
    assert tree["answer"]["status"] == "succeeded"
    assert tree["usage"]["total_tokens"] > 0
    link = tree["video"]["url"]
    assert "X-Tos-Signature" in link
    assert "X-Tos-Signature" not in status(folder) and "X-Tos-Signature" not in mount.log()
    assert simulator.key not in mount.log() and simulator.key not in path.read_text()


def test_each_version_of_task_json_is_a_new_inode(mount, simulator):
    simulator.hold("queued")
    folder = mount.folder()
    task = wait_for(lambda: task_id(folder))
    first = (folder / "task.json").stat().st_ino
    simulator.decree(task, state="failed", error={"code": "InternalServiceError", "message": "no luck"})
    wait_state(folder, "failed")
    assert (folder / "task.json").stat().st_ino != first


def test_a_failed_task_is_explained_and_retried_on_request(mount, simulator):
    simulator.hold("running")
    folder = mount.folder()
    task = wait_for(lambda: task_id(folder))
    simulator.decree(task, state="failed",
                     error={"code": "OutputVideoSensitiveContentDetected", "message": "may be \x1b[31msensitive"})
    wait_state(folder, "failed")
    error = (folder / "error.txt").read_text()
    assert "sensitive" in error and "\x1b" not in error and "OutputVideoSensitiveContentDetected" in error
    assert "What to do" in error
    simulator.hold("")
    assert control(folder, "retry").returncode == 0
    wait_state(folder, "succeeded")
    assert not (folder / "error.txt").exists()
    assert simulator.creates() == 2


def test_words_written_to_status(mount, simulator):
    simulator.hold("queued")
    folder = mount.folder()
    wait_state(folder, "queued")
    refused = control(folder, "retry")
    assert refused.returncode and "busy" in refused.stderr.lower()
    refused = control(folder, "rettry")
    assert refused.returncode and "Invalid argument" in refused.stderr
    assert control(folder, "cancel").returncode == 0
    wait_state(folder, "cancelled")
    assert [task["state"] for task in simulator.tasks()] == ["cancelled"]
    simulator.hold("")
    assert control(folder, "retry").returncode == 0
    wait_state(folder, "succeeded")


def test_a_running_task_is_never_shown_as_cancelled(mount, simulator):
    simulator.hold("running")
    folder = mount.folder()
    wait_state(folder, "running")
    assert control(folder, "cancel").returncode == 0
    wait_for(lambda: "will be billed" in status(folder))
    assert state(folder) == "running"
    assert not simulator.requests(on="delete"), "a DELETE that meets a finished task deletes a paid video"
    simulator.hold("")
    wait_state(folder, "succeeded")


def test_adopt_attaches_to_a_task_made_elsewhere(mount, simulator):
    first = mount.folder("first")
    wait_state(first, "succeeded")
    second = mount.path / "second"
    second.mkdir()
    run("sh", "-c", 'echo "{\\"task_id\\": \\"$1\\", \\"provider\\": \\"ark\\"}" > "$2"/request.json', "sh",
        task_id(first), second)
    wait_state(second, "succeeded")
    assert task_id(second) == task_id(first)
    assert (second / "video.mp4").read_bytes() == (first / "video.mp4").read_bytes()
    assert simulator.creates() == 1


def test_hold_holds_a_folder_back(mount, simulator):
    folder = mount.path / "cat"
    folder.mkdir()
    (folder / "hold").touch()
    (folder / "prompt.txt").write_text("A kitten\n")
    wait_for(lambda: "hold" in (field(folder, "waiting") or ""))
    assert state(folder) == "pending" and simulator.creates() == 0
    (folder / "hold").unlink()
    wait_state(folder, "succeeded")
    assert simulator.creates() == 1


def test_removed_outputs_come_back_with_fetch(mount, simulator, tmp_path):
    video = make_media(tmp_path / "video", 500_000)
    folder = mount.finished(simulator, video=video, frame=make_media(tmp_path / "frame", 9_000))
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()
    (folder / "video.mp4").unlink()
    assert not (folder / "video.mp4").exists()
    assert control(folder, "fetch").returncode == 0
    wait_for((folder / "video.mp4").exists)
    wait_for(lambda: field(folder, "kept") == "100%")
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()


def test_rm_r_of_a_queued_task_cancels_it(mount, simulator):
    simulator.hold("queued")
    folder = mount.folder()
    wait_state(folder, "queued")
    run("rm", "-r", folder, stdin=subprocess.DEVNULL)
    assert not folder.exists()
    wait_for(lambda: [task["state"] for task in simulator.tasks()] == ["cancelled"])
