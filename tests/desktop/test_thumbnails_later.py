"""Thumbnails of earlier tasks: after a start, the daemon makes those that the desktop's cache
lacks, cheaply and in the background. Then opening the folders fetches nothing."""

import ctypes
import hashlib
import os
import pathlib
import shutil
import struct
import zlib

import pytest

import harness
import programs
from harness import PATIENCE, control, make_media, png, run, task_id, wait_for, wait_state
from thumbnails import MIB, SIZES, all_files, assert_valid, film, gio, noise, other_program, pixels, seeded, texts

KIB = 1 << 10


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    """A video of which a thumbnailer reads more than the size probe fetched, and pictures below and
    above the limit for fetching."""
    directory = tmp_path_factory.mktemp("media")
    film(directory / "video.mp4", "640x360", 3, ["-vf", "noise=alls=60:allf=t", "-b:v", "4M", "-movflags", "+faststart"])
    noise(directory / "small.png", 200)
    noise(directory / "middle.png", 380)
    noise(directory / "large.png", 512)
    assert 128 * KIB < (directory / "middle.png").stat().st_size < 512 * KIB < (directory / "large.png").stat().st_size
    return directory


def finish(mount, simulator, names, **media):
    """Creates folders whose tasks have succeeded, all at once."""
    simulator.hold("queued")
    folders = [mount.folder(name) for name in names]
    for folder in folders:
        simulator.decree(wait_for(lambda: task_id(folder), f"{folder}: a task id"), state="succeeded",
                         media={kind: str(path) for kind, path in media.items()})
    simulator.hold("")
    for folder in folders:
        wait_state(folder, "succeeded", timeout=PATIENCE * 2)
    wait_for(lambda: all(request["done"] for request in simulator.requests(on="media")), "the end of the probes")
    return folders


def outputs(folder):
    return [folder / "video.mp4", folder / "last_frame.png"]


def is_valid(mount, file):
    said = gio(mount, file)
    return said.get("thumbnail::is-valid") == "TRUE" and len(seeded(mount, file)) == len(SIZES)


def wait_valid(mount, *folders):
    for file in [file for folder in folders for file in outputs(folder)]:
        wait_for(lambda: is_valid(mount, file), f"{file}: its thumbnails", PATIENCE * 2)


def looked(mount):
    """How often the daemon finished its check after a start, and the result of the last check."""
    lines = [line for line in mount.log().splitlines() if "event=thumbnails_checked" in line]
    return len(lines), dict(word.split("=") for word in lines[-1].split()[2:]) if lines else {}


def restart(mount, simulator, path=None, thumbnails=True, waits=True):
    """Ends the mount and starts it again, possibly at another path; resets the count of fetched bytes."""
    mount.end()
    if path:
        path.mkdir(exist_ok=True)
        mount.path = path
    mount.options = [option for option in mount.options if not option.startswith("thumbnails=")]
    mount.options.append(f"thumbnails={'yes' if thumbnails else 'no'}")
    simulator.control("DELETE", "/stats")
    before = looked(mount)[0]
    mount.start()
    if waits:
        wait_for(lambda: looked(mount)[0] > before, "the end of the look", PATIENCE * 2)
    return looked(mount)[1]


def fetched(simulator):
    wait_for(lambda: all(request["done"] for request in simulator.requests(on="media")), "the end of what is fetched")
    return simulator.stats()["media_bytes"]


def let_tumbler_look(mount, folder):
    """Requests thumbnails as Thunar does. The last file, a user's own, shows that all of them are done."""
    own = folder / "zz.png"
    own.write_bytes(png(300, 200))
    files = [*outputs(folder), own]
    uris = "[" + ", ".join(repr(gio(mount, file)["uri"]) for file in files) + "]"
    script = ('ln -sfn "$3" "$XDG_CACHE_HOME"; gdbus call --session --dest org.freedesktop.thumbnails.Thumbnailer1'
              ' --object-path /org/freedesktop/thumbnails/Thumbnailer1 --method org.freedesktop.thumbnails.Thumbnailer1.Queue'
              ' "$1" "$2" normal foreground "uint32 0" > /dev/null || exit 2;'
              ' for i in $(seq 1 600); do [ -e "$3/thumbnails/normal/$4" ] && exit 0; sleep 0.05; done; exit 1')
    programs.in_session(script, uris, "['video/mp4', 'image/png', 'image/png']", mount.cache,
                        hashlib.md5(gio(mount, own)["uri"].encode()).hexdigest() + ".png", home=mount.cache.parent / "home")


# --- the path of the mount, and the state of the cache ---

def test_a_mount_at_another_path_and_back(make_mount, simulator, media, tmp_path):
    mount = make_mount(simulator, thumbnails=True, options=["keep=lazy"])
    names, at_home = ("a", "film/b"), mount.path
    folders = finish(mount, simulator, names, video=media / "video.mp4", last_frame=media / "middle.png")
    wait_valid(mount, *folders)
    before = {path: path.stat().st_mtime_ns for path in all_files(mount)}

    done = restart(mount, simulator, tmp_path / "elsewhere")
    moved = [mount.path / name for name in names]
    wait_valid(mount, *moved)
    assert fetched(simulator) == 0 and done["tasks"] == done["made"] == "2"
    let_tumbler_look(mount, moved[0])
    assert fetched(simulator) == 0

    done = restart(mount, simulator, at_home)
    wait_valid(mount, *folders)
    assert fetched(simulator) == 0 and done["tasks"] == "2" and done["made"] == "0"
    assert before == {path: path.stat().st_mtime_ns for path in before}, "what was valid is left alone"

    shutil.rmtree(mount.thumbnails)
    restart(mount, simulator, thumbnails=False, waits=False)
    let_tumbler_look(mount, folders[1])
    assert fetched(simulator) > 128 * KIB, "without them, that look reads"


def test_a_cleaned_cache_and_a_disabled_one(make_mount, simulator, media):
    mount = make_mount(simulator, options=["keep=lazy"])
    folders = finish(mount, simulator, ["cat"], video=media / "video.mp4", last_frame=media / "middle.png")
    assert not mount.cache.exists()
    restart(mount, simulator)
    wait_valid(mount, *folders)
    assert 0 < fetched(simulator) < 512 * KIB, "the rest of the last frame"
    assert len(simulator.requests(on="media")) <= 3, "a link may be good for so many"
    shutil.rmtree(mount.thumbnails)
    restart(mount, simulator)
    wait_valid(mount, *folders)
    assert fetched(simulator) == 0


# --- limits ---

def test_expensive_thumbnails_wait_until_their_source_is_on_disk(make_mount, simulator, media, tmp_path):
    video = film(tmp_path / "film.mp4", "1280x720", 0.25, ["-vf", "noise=alls=80:allf=t", "-qp", "4"])
    assert video.stat().st_size > 6 * MIB, "its first frame takes more than may be fetched"
    mount = make_mount(simulator, options=["keep=lazy"])
    [folder] = finish(mount, simulator, ["cat"], video=video, last_frame=media / "large.png")
    done = restart(mount, simulator)
    assert done["missing"] == "1" and not all_files(mount)
    assert fetched(simulator) <= 512 * KIB
    assert len((folder / "last_frame.png").read_bytes()) == (media / "large.png").stat().st_size
    wait_valid(mount, folder)


def test_a_link_close_to_its_expiry_is_not_used(make_mount, simulators, media, tmp_path):
    simulators.append(harness.Simulator(tmp_path, "--link-seconds", "300"))
    simulator = simulators[-1]
    mount = make_mount(simulator, options=["keep=lazy"])
    [folder] = finish(mount, simulator, ["cat"], video=make_media(tmp_path / "video.bin", MIB),
                      last_frame=media / "middle.png")
    done = restart(mount, simulator)
    assert not simulator.requests(on="media") and done["missing"] == "1" and not all_files(mount)
    (folder / "last_frame.png").read_bytes()  # what a user has read is on disk and costs nothing more
    wait_valid(mount, folder)


def test_a_stalled_media_host_blocks_nothing(make_mount, simulator, media):
    mount = make_mount(simulator, options=["keep=lazy"])
    finish(mount, simulator, ["a", "b", "c"], video=media / "video.mp4", last_frame=media / "middle.png")
    simulator.fault("media", {"hang": "before"}, times=1000)
    restart(mount, simulator, waits=False)
    wait_for(lambda: simulator.requests(on="media"), "the first request")
    folder = mount.folder("new")
    assert wait_state(folder, "queued", "running", "succeeded")
    simulator.clear_faults()
    mount.end()  # it waits for none of these requests


# --- thumbnails of other programs, and priorities ---

def texts_of(uri, mtime):
    """A thumbnail by another program, which differs from all of ours."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    picture = png(3, 3)
    return (picture[:33] + chunk(b"tEXt", b"Thumb::URI\0" + uri.encode())
            + chunk(b"tEXt", b"Thumb::MTime\0%d" % mtime) + picture[33:])


def test_thumbnails_of_other_programs_are_kept(make_mount, simulator, media):
    mount = make_mount(simulator)
    folders = finish(mount, simulator, ["a", "b"], video=media / "video.mp4", last_frame=media / "small.png")
    made, failed = (folder / "video.mp4" for folder in folders)
    for file, directory in ((made, "large"), (failed, "fail/gnome-thumbnail-factory")):
        uri = gio(mount, file)["uri"]
        place = mount.thumbnails / directory / (hashlib.md5(uri.encode()).hexdigest() + ".png")
        place.parent.mkdir(parents=True)
        place.write_bytes(texts_of(uri, file.stat().st_mtime))
    restart(mount, simulator)
    wait_valid(mount, folders[0])
    assert pixels(seeded(mount, made)["large"]) == (3, 3) and pixels(seeded(mount, made)["normal"]) != (3, 3)
    assert not seeded(mount, failed) and gio(mount, failed)["thumbnail::failed"] == "TRUE"
    assert_valid(mount, folders[1] / "last_frame.png")


def niceness(pid):
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[16])


def test_a_new_task_has_priority(make_mount, simulator, media, tmp_path):
    """The thumbnailer hangs on an old task. A new task has its thumbnails when it is shown, and the
    old one gets its thumbnails afterwards."""
    hang = tmp_path / "hang"
    hang.touch()
    daemon = other_program(tmp_path, f"if [ -e {hang} ]; then echo $$ > {tmp_path}/pid.new; mv {tmp_path}/pid.new"
                                     f" {tmp_path}/pid; exec sleep 600; fi; exec {harness.BUILD}/seedance-thumbnailer \"$@\"")
    mount = make_mount(simulator, options=["keep=lazy"], daemon=daemon)
    [old] = finish(mount, simulator, ["old"], video=media / "video.mp4", last_frame=media / "small.png")
    restart(mount, simulator, waits=False)
    wait_for((tmp_path / "pid").exists, "the look at the old one", PATIENCE)
    pid = int((tmp_path / "pid").read_text())
    wait_for(lambda: niceness(pid) == 15, "its niceness")
    hang.unlink()
    [new] = finish(mount, simulator, ["new"], video=media / "video.mp4", last_frame=media / "small.png")
    assert not pathlib.Path(f"/proc/{pid}").exists()
    wait_for(lambda: is_valid(mount, new / "video.mp4"), "the new one's", PATIENCE)
    wait_valid(mount, old)
    log = mount.log()
    assert log.index("event=thumbnails task=") < log.index("event=thumbnails_later task=")


def test_the_mount_ends_during_the_check(make_mount, simulator, media, tmp_path):
    daemon = other_program(tmp_path, f"echo $$ > {tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid; exec sleep 600")
    mount = make_mount(simulator, options=["keep=lazy"], daemon=daemon)
    finish(mount, simulator, ["a", "b"], video=media / "video.mp4", last_frame=media / "small.png")
    restart(mount, simulator, waits=False)
    wait_for((tmp_path / "pid").exists, "the look")
    mount.end()  # it does not wait 600 s
    assert not pathlib.Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()


def test_a_burst_of_tasks_gets_all_thumbnails(make_mount, simulator, media, tmp_path):
    """Tasks that are shown before their turn get their thumbnails soon after."""
    daemon = other_program(tmp_path, f"sleep 1; exec {harness.BUILD}/seedance-thumbnailer \"$@\"")
    mount = make_mount(simulator, thumbnails=True, options=["keep=lazy"], daemon=daemon)
    folders = finish(mount, simulator, [f"shot-{n}" for n in range(4)], video=media / "video.mp4",
                     last_frame=media / "small.png")
    assert len(all_files(mount)) < 8 * len(folders), "the last ones were shown without"
    wait_valid(mount, *folders)
    assert mount.log().count("event=thumbnails ") == len(folders), "each was made once"
    assert "event=thumbnails_later" not in mount.log()


# --- tasks from before a restart ---

def test_thumbnails_follow_renames_and_removals_after_a_restart(make_mount, simulator, media):
    mount = make_mount(simulator, thumbnails=True, options=["keep=lazy"])
    folders = finish(mount, simulator, ["film/a", "b", "c"], video=media / "video.mp4", last_frame=media / "small.png")
    wait_valid(mount, *folders)
    before = {path.read_bytes()[-1000:] for path in all_files(mount)}
    restart(mount, simulator, waits=False)
    (mount.path / "film").rename(mount.path / "other")
    (mount.path / "other" / "a").rename(mount.path / "a")
    run("rm", "-r", mount.path / "b")
    wait_valid(mount, mount.path / "a")
    wait_for(lambda: len(all_files(mount)) == 16, "the end of what is gone")
    assert {path.read_bytes()[-1000:] for path in all_files(mount)} <= before
    assert "event=thumbnails_later" not in mount.log() and fetched(simulator) == 0, "none was made anew"

    (mount.path / "c" / "video.mp4").unlink()
    wait_for(lambda: len(all_files(mount)) == 12, "the end of the video's")
    restart(mount, simulator)
    assert control(mount.path / "c", "fetch").returncode == 0
    wait_for(lambda: (mount.path / "c" / "video.mp4").exists(), "the video")
    wait_valid(mount, mount.path / "c")


def test_a_new_version_after_a_restart_gets_new_thumbnails(make_mount, simulator, media, tmp_path):
    mount = make_mount(simulator, thumbnails=True, options=["keep=lazy"])
    mount.expect_log("media_failed")
    [folder] = finish(mount, simulator, ["cat"], video=make_media(tmp_path / "old", 2 * MIB), last_frame=media / "small.png")
    wait_valid(mount, folder)
    restart(mount, simulator)
    simulator.decree(task_id(folder), media={"video": str(make_media(tmp_path / "new", 2 * MIB + 999, seed=3))})
    with pytest.raises(OSError):
        (folder / "video.mp4").read_bytes()
    wait_for(lambda: (folder / "video.mp4").exists() and (folder / "video.mp4").stat().st_size == 2 * MIB + 999, "the new one")
    wait_for(lambda: texts(seeded(mount, folder / "video.mp4")["large"])["Thumb::Size"] == str(2 * MIB + 999), "its own")
    wait_valid(mount, folder)


def exchange(one, other):
    assert ctypes.CDLL(None, use_errno=True).renameat2(-100, os.fsencode(one), -100, os.fsencode(other), 2) == 0


def test_exchanged_folders_get_the_right_thumbnails(make_mount, simulator, media, tmp_path):
    """Both may have the same time, so only the picture itself identifies its owner."""
    mount = make_mount(simulator, thumbnails=True, options=["keep=lazy"])
    wide, tall = tmp_path / "wide.png", tmp_path / "tall.png"
    wide.write_bytes(png(1200, 100))
    tall.write_bytes(png(100, 1200))
    [a] = finish(mount, simulator, ["x/a"], video=media / "video.mp4", last_frame=wide)
    [b] = finish(mount, simulator, ["y/a"], video=media / "video.mp4", last_frame=tall)
    wait_valid(mount, a, b)
    restart(mount, simulator)

    def is_right(folder, width):
        found = [seeded(mount, file).get("large") for file in outputs(folder)]
        return all(path and pixels(path)[0] == width for path in found) and is_valid(mount, folder / "video.mp4")

    exchange(mount.path / "x", mount.path / "y")
    wait_for(lambda: is_right(a, 21) and is_right(b, 256), "the other's pictures")
    assert len(all_files(mount)) == 16 and fetched(simulator) == 0
    for name in ("x", "y"):
        (mount.path / name / "a").rename(mount.path / f"{name}-2")
    (mount.path / "x-2").rename(mount.path / "x" / "a")
    (mount.path / "y-2").rename(mount.path / "x-2")
    wait_for(lambda: is_right(a, 21) and is_right(mount.path / "x-2", 256), "the pictures")
    wait_for(lambda: len(all_files(mount)) == 16, "the end of the old ones")
