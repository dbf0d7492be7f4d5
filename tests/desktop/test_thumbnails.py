"""Thumbnails are in the desktop's cache before a video is shown, and they are right."""

import os
import pathlib
import signal
import stat
import struct
import subprocess
import time

import pytest

import harness
from harness import PATIENCE, control, field, make_media, png, run, state, task_id, wait_for, wait_state
from thumbnails import (MIB, SIZES, all_files, assert_valid, film, finished_waiting, gio, noise, ordered_without_frame,
                        other_program, pixels, seeded, texts)


@pytest.fixture
def mount(make_mount, simulator):
    return make_mount(simulator, thumbnails=True)


# --- contents of the cache ---

@pytest.mark.parametrize("name", ["cat", "a b/%41 [x] 'q' \"d\" 猫 #1?;&=+$,@:!~*()"])
def test_thumbnails_follow_the_specification(mount, simulator, name):
    folder = mount.folder(name)
    wait_state(folder, "succeeded")
    for file, kind in ((folder / "video.mp4", "video/mp4"), (folder / "last_frame.png", "image/png")):
        found = seeded(mount, file)
        assert list(found) == list(SIZES)
        status = file.stat()
        assert status.st_mtime_ns % 1_000_000_000 == 0, "a fraction would never be equal to the thumbnail's"
        for size, path in found.items():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
            said = texts(path)
            assert said["Thumb::URI"] == gio(mount, file)["uri"]
            assert said["Thumb::MTime"] == str(int(status.st_mtime))
            assert said["Thumb::Size"] == str(status.st_size) and said["Thumb::Mimetype"] == kind
            assert said["Software"] == "seedancefs"
            width, height = pixels(path)
            assert width == SIZES[size] and abs(height - width * 9 / 16) <= 1
        assert_valid(mount, file)
    assert len(all_files(mount)) == 8, "no scratch file stays"


def test_thumbnails_fetch_their_sources_once(mount, simulator):
    """The daemon fetches the last frame, and of the video only the bytes that its size probe fetched."""
    folder = mount.folder()
    wait_state(folder, "succeeded")
    wait_for(lambda: len(all_files(mount)) == 8)
    sent = {kind: sum(request["bytes"] for request in simulator.requests(on="media") if request["kind"] == kind)
            for kind in ("video", "last_frame")}
    assert sent["video"] <= 131072 and sent["last_frame"] <= (folder / "last_frame.png").stat().st_size
    simulator.control("DELETE", "/stats")
    assert (folder / "last_frame.png").read_bytes()[:4] == b"\x89PNG"
    assert simulator.stats()["requests"]["media"] == 0


def test_without_a_last_frame_the_first_frame_of_the_video_is_used(mount, simulator, tmp_path):
    video = film(tmp_path / "film.mp4", "640x360", 2)
    folder = ordered_without_frame(mount, simulator, video)
    assert not (folder / "last_frame.png").exists()
    assert_valid(mount, folder / "video.mp4")
    assert pixels(seeded(mount, folder / "video.mp4")["xx-large"]) == (640, 360), "never larger than the picture is"
    assert pixels(seeded(mount, folder / "video.mp4")["large"]) == (256, 144)


def test_little_is_fetched_of_a_long_video(mount, simulator, tmp_path):
    video = film(tmp_path / "film.mp4", "1280x720", 8, ["-vf", "noise=alls=60:allf=t", "-b:v", "16M"])
    size = video.stat().st_size
    assert size > 8 * MIB
    folder = ordered_without_frame(mount, simulator, video)
    assert_valid(mount, folder / "video.mp4")
    assert simulator.stats()["media_bytes"] < 1.3 * MIB, f"of {size} bytes; the first frame has 1.06 MiB"


def test_non_square_pixels_are_scaled(mount, simulator, tmp_path):
    video = film(tmp_path / "film.mp4", "320x360", 1, ["-vf", "setsar=2"])
    folder = ordered_without_frame(mount, simulator, video)
    assert pixels(seeded(mount, folder / "video.mp4")["x-large"]) == (512, 288)


def test_an_input_with_an_outputs_name_gets_no_thumbnail(mount, simulator):
    folder = mount.folder("cat", prompt=None)
    (folder / "last_frame.png").write_bytes(png(400, 400))
    (folder / "first_frame.png").write_bytes(png(400, 400))
    (folder / "prompt.txt").write_text("A cat\n")
    wait_state(folder, "succeeded")
    assert_valid(mount, folder / "video.mp4")
    assert_valid(mount, folder / "last_frame.out.png")
    assert not seeded(mount, folder / "last_frame.png")


# --- changes of files and folders ---

def test_thumbnails_are_removed_with_the_file_and_with_the_folder(mount, simulator):
    folder = mount.folder()
    wait_state(folder, "succeeded")
    (folder / "video.mp4").unlink()
    wait_for(lambda: len(all_files(mount)) == 4)
    assert_valid(mount, folder / "last_frame.png")
    run("rm", "-r", folder)
    wait_for(lambda: not all_files(mount))


def test_thumbnails_come_back_with_the_file(mount, simulator):
    folder = mount.folder()
    wait_state(folder, "succeeded")
    (folder / "video.mp4").unlink()
    wait_for(lambda: len(all_files(mount)) == 4)
    assert control(folder, "fetch").returncode == 0
    wait_for(lambda: (folder / "video.mp4").exists())
    wait_for(lambda: len(all_files(mount)) == 8)
    assert_valid(mount, folder / "video.mp4")


def test_thumbnails_follow_a_renamed_folder(mount, simulator):
    folder = mount.folder("film/shot")
    wait_state(folder, "succeeded")
    simulator.control("DELETE", "/stats")
    folder = folder.rename(mount.path / "film" / "other shot")
    wait_for(lambda: len(seeded(mount, folder / "video.mp4")) == 4)
    (mount.path / "film").rename(mount.path / "b")
    (mount.path / "b").rename(mount.path / "c")
    (mount.path / "c").rename(mount.path / "d")
    folder = mount.path / "d" / "other shot"
    wait_for(lambda: len(seeded(mount, folder / "last_frame.png")) == 4)
    assert_valid(mount, folder / "video.mp4")
    assert_valid(mount, folder / "last_frame.png")
    assert len(all_files(mount)) == 8, "nothing of the old names stays"
    assert simulator.stats()["requests"]["media"] == 0


def test_a_new_attempt_has_its_own_thumbnails(mount, simulator):
    simulator.hold("running")
    folder = mount.folder()
    task = wait_for(lambda: task_id(folder), "a task id")
    simulator.decree(task, state="failed")
    wait_state(folder, "failed")
    assert not all_files(mount)
    simulator.hold("")
    assert control(folder, "retry").returncode == 0
    wait_state(folder, "succeeded")
    assert_valid(mount, folder / "video.mp4")


# --- failures that must not block ---

def seconds_to(folder, wanted):
    start = time.monotonic()
    wait_state(folder, wanted)
    return time.monotonic() - start


def test_a_hanging_thumbnailer_delays_a_video_by_three_seconds_at_most(make_mount, simulator, tmp_path):
    daemon = other_program(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 600")
    mount = make_mount(simulator, thumbnails=True, daemon=daemon)
    folder = finished_waiting(mount, simulator)
    wait_for((tmp_path / "pid").exists)
    assert state(folder) == "running" and not (folder / "video.mp4").exists()
    assert seconds_to(folder, "succeeded") < 3 + PATIENCE / 10
    assert (folder / "video.mp4").exists() and not all_files(mount)
    wait_for(lambda: "reason=\"timed out\"" in mount.log(), timeout=PATIENCE + 10)
    assert mount.log().count("event=no_thumbnails") == 1
    pid = int((tmp_path / "pid").read_text())
    wait_for(lambda: not pathlib.Path(f"/proc/{pid}").exists(), "its end")


def test_the_mount_ends_while_a_thumbnailer_runs(make_mount, simulator, tmp_path):
    daemon = other_program(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 600")
    mount = make_mount(simulator, thumbnails=True, daemon=daemon)
    finished_waiting(mount, simulator)
    pid = int(wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text()))
    mount.end()  # it does not wait 600 s
    assert not pathlib.Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("action", ["rm -r", "cancel", "mv"])
def test_actions_on_a_task_that_waits_for_its_thumbnails(make_mount, simulator, tmp_path, action):
    mount = make_mount(simulator, thumbnails=True, daemon=other_program(tmp_path, "exec sleep 600"))
    folder = finished_waiting(mount, simulator)
    wait_for(lambda: field(folder, "waiting") == "waiting for the desktop thumbnails")
    if action == "rm -r":
        run("rm", "-r", folder)
        assert not folder.exists()
        return
    if action == "cancel":
        control(folder, "cancel")
    else:
        folder = folder.rename(mount.path / "moved")
    wait_state(folder, "succeeded")
    assert (folder / "video.mp4").exists() and field(folder, "waiting") is None
    assert simulator.creates() == 1


def test_thumbnails_are_made_after_a_crash(make_mount, simulator, tmp_path):
    daemon = other_program(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 600")
    mount = make_mount(simulator, thumbnails=True, daemon=daemon)
    folder = finished_waiting(mount, simulator)
    wait_for((tmp_path / "pid").exists)
    pid = int(wait_for(lambda: (tmp_path / "pid").read_text()))
    mount.kill()
    wait_for(lambda: not pathlib.Path(f"/proc/{pid}").exists() or pathlib.Path(f"/proc/{pid}/comm").read_text() == "sleep\n")
    if pathlib.Path(f"/proc/{pid}").exists():  # the real program ends with the daemon; this script does not
        os.kill(pid, signal.SIGKILL)
    mount.unmount_leftover()
    mount.daemon = harness.DAEMON
    mount.start()
    wait_state(folder, "succeeded")
    assert_valid(mount, folder / "video.mp4")
    assert simulator.creates() == 1


def test_the_thumbnailer_inherits_nothing(make_mount, simulator, tmp_path):
    """It gets no key, no environment, and no descriptor but its socket, and it ends with the
    daemon's thread."""
    os.environ["SEEDANCE_TEST_SECRET"] = "x"
    try:
        daemon = other_program(tmp_path, f"ls -l /proc/$$/fd > {tmp_path}/fds; cat /proc/$$/environ > {tmp_path}/environ;"
                               f"cat /proc/$$/cmdline | tr '\\0' ' ' > {tmp_path}/words; touch {tmp_path}/done; exit 1")
        mount = make_mount(simulator, thumbnails=True, daemon=daemon)
        folder = mount.folder()
        wait_state(folder, "succeeded")
    finally:
        del os.environ["SEEDANCE_TEST_SECRET"]
    wait_for((tmp_path / "done").exists)
    assert (tmp_path / "environ").read_bytes() == b""
    targets = dict(line.split()[-3::2] for line in (tmp_path / "fds").read_text().splitlines() if "->" in line)
    script = targets.pop("255")  # opened by bash
    assert script.endswith("seedance-thumbnailer") and targets.pop("0").startswith("socket:")
    assert set(targets) <= {"1", "2"} and targets["2"] == "/dev/null"
    assert str(mount.path) not in (tmp_path / "words").read_text()


def test_a_missing_thumbnailer_is_logged(make_mount, simulator, tmp_path):
    mount = make_mount(simulator, thumbnails=True, daemon=other_program(tmp_path, None))
    mount.expect_log("event=no_thumbnails task=1 ")
    for name in ("a", "b"):
        wait_state(mount.folder(name), "succeeded")
    wait_for(lambda: mount.log().count("event=no_thumbnails") == 2)
    assert mount.log().count(" warn event=no_thumbnails") == 1


@pytest.mark.parametrize("script", ["printf '\\2\\0\\0\\0\\377\\377\\377\\177\\200\\0\\0\\0\\0\\0\\0\\0' >&0", "cat /dev/zero >&0",
                                    "printf '\\1\\0\\0\\0\\20\\0\\0\\0\\377\\377\\377\\377\\377\\377\\377\\377' >&0; sleep 1",
                                    "printf '\\2\\0\\0\\0\\4\\0\\0\\0\\200\\0\\0\\0\\0\\0\\0\\0abcd' >&0", "exit 0", "kill -9 $$"])
def test_a_compromised_thumbnailer_does_no_harm(make_mount, simulator, tmp_path, script):
    mount = make_mount(simulator, thumbnails=True, daemon=other_program(tmp_path, script))
    folder = mount.folder()
    wait_state(folder, "succeeded")
    wait_for(lambda: "event=no_thumbnails" in mount.log())
    assert not all_files(mount) and len((folder / "video.mp4").read_bytes()) == (folder / "video.mp4").stat().st_size


@pytest.mark.parametrize("content", ["random", "cut", "text", "empty head"])
def test_content_that_is_no_picture(mount, simulator, tmp_path, content):
    video = make_media(tmp_path / "video.bin", 300_000)
    frame = tmp_path / "frame.bin"
    whole = noise(tmp_path / "noise.png").read_bytes()
    frame.write_bytes({"random": os.urandom(200_000), "cut": whole[:3000], "text": b"#EXTM3U\nfile:///etc/passwd\n" * 50,
                       "empty head": bytes(5000)}[content])
    folder = finished_waiting(mount, simulator, video=video, last_frame=frame)
    assert seconds_to(folder, "succeeded") < PATIENCE / 2
    if content != "cut":  # an incomplete picture may get a thumbnail
        wait_for(lambda: "event=no_thumbnails" in mount.log())
        assert not all_files(mount)
    assert (folder / "video.mp4").read_bytes() == video.read_bytes()


def test_a_stalled_media_host_does_not_hold_a_video_back(mount, simulator, tmp_path):
    """The source of the thumbnails does not arrive: the video is shown all the same, without thumbnails."""
    video, frame = make_media(tmp_path / "video.bin", 300_000), noise(tmp_path / "noise.png")
    assert frame.stat().st_size > 3 * 131072, "the first piece of it comes with its size"
    simulator.fault("media", {"delay_ms": 1}, kind="last_frame", times=1)
    simulator.fault("media", {"stall_at": 1000, "stall_ms": 600_000}, kind="last_frame", times=50)
    folder = finished_waiting(mount, simulator, video=video, last_frame=frame)
    wait_for(lambda: field(folder, "waiting") == "waiting for the desktop thumbnails")
    assert seconds_to(folder, "succeeded") < 3 + PATIENCE / 10
    assert (folder / "video.mp4").read_bytes() == video.read_bytes() and not all_files(mount)
    simulator.clear_faults()


def test_an_unwritable_cache_is_logged(mount, simulator):
    mount.cache.mkdir()
    (mount.cache / "thumbnails").write_text("a file is in the way")
    folder = mount.folder()
    assert seconds_to(folder, "succeeded") < PATIENCE / 2
    wait_for(lambda: "event=no_thumbnails task=1 reason=\"Not a directory\"" in mount.log())


# --- disabled ---

def test_thumbnails_can_be_disabled(make_mount, simulator, tmp_path):
    daemon = other_program(tmp_path, f"touch {tmp_path}/started; exec sleep 600")
    mount = make_mount(simulator, daemon=daemon)
    folder = mount.folder()
    wait_state(folder, "succeeded")
    assert not mount.cache.exists() and not (tmp_path / "started").exists()
    line = [line for line in mount.log().splitlines() if "event=ended" in line or "event=shown" in line]
    assert len(line) == 2 and "thumbnails" not in mount.log()


def test_without_a_home_there_are_no_thumbnails(make_mount, simulator, monkeypatch, tmp_path):
    mount = make_mount(simulator)
    mount.end()
    environment = {key: value for key, value in os.environ.items() if not key.startswith("XDG_")} | {"HOME": "/nonexistent"}
    options = ",".join(option for option in mount.options if not option.startswith("thumbnails"))
    log = open(mount.log_path, "ab")
    mount.process = subprocess.Popen([mount.daemon, mount.library, mount.path, "-o", options, "-f"], env=environment,
                                     stdout=subprocess.PIPE, stderr=log, preexec_fn=harness.die_with_parent)
    assert b"is mounted" in mount.process.stdout.readline()
    folder = mount.folder()
    wait_state(folder, "succeeded")
    assert "event=no_thumbnails reason=\"no home directory\"" in mount.log()
    assert not pathlib.Path("/nonexistent").exists()


def test_a_cache_inside_the_mount_is_not_used(make_mount, simulator, tmp_path):
    """The daemon would write to its own mount."""
    mount = make_mount(simulator, thumbnails=True)
    mount.end()
    mount.cache = mount.path / ".cache"
    mount.expect_log("the thumbnail cache is inside the mount point")
    mount.start()
    wait_state(mount.folder(), "succeeded")
    assert not mount.cache.exists()


def test_many_tasks_at_once_get_thumbnails(mount, simulator):
    folders = [mount.folder(f"shot-{n}") for n in range(12)]
    for folder in folders:
        wait_state(folder, "succeeded", timeout=PATIENCE * 2)
    wait_for(lambda: len(all_files(mount)) == 8 * 12, timeout=PATIENCE * 2)
    for folder in folders:
        assert_valid(mount, folder / "video.mp4")


# --- the thumbnailer alone ---

def test_the_thumbnailer_can_only_compute_and_answer(tmp_path):
    """It can open no file, start no program and gain no privilege, even when compromised."""
    import socket
    picture = noise(tmp_path / "noise.png").read_bytes()
    ours, theirs = socket.socketpair()
    program = subprocess.Popen([harness.BUILD / "seedance-thumbnailer", str(len(picture))], stdin=theirs, env={},
                               preexec_fn=harness.die_with_parent)
    theirs.close()
    said_by_it = ours.makefile("rb")
    word, size, offset = struct.unpack("IIQ", said_by_it.read(16))  # its first request: it is confined now
    assert word == 1 and offset == 0
    said = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{program.pid}/status").read_text().splitlines())
    limits = pathlib.Path(f"/proc/{program.pid}/limits").read_text()
    assert said["NoNewPrivs"] == "1" and set(said["Uid"].split()) == {str(65534 if harness.is_root() else os.geteuid())}
    assert "Max cpu time              10                   10" in limits and "Max file size             0  " in limits
    if "Sanitizer" not in os.environ.get("SEEDANCEFS_FLAVOUR", ""):
        assert said["Seccomp"] == "2" and "Max open files            0  " in limits
        assert f"Max address space         {1536 << 20} " in limits
    pictures = {}
    while True:
        if word == 1:
            piece = picture[offset:offset + size]
            ours.sendall(struct.pack("i", len(piece)) + piece)
        else:
            pictures[offset] = said_by_it.read(size)
        head = said_by_it.read(16)
        if not head:
            break
        word, size, offset = struct.unpack("IIQ", head)
    assert program.wait(PATIENCE) == 0
    assert list(pictures) == list(SIZES.values())
