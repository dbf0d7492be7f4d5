"""Extended attributes: those that tasks show, and those of the user, which the filesystem below stores."""

import errno
import json
import os
import re
import shutil

import pytest

from harness import PATIENCE, control, field, is_root, run, state, task_id, wait_for, wait_state

OURS = "user.seedance."
SHOWN = ["state", "provider", "model", "task_id", "prompt", "expires"]


def shown(path):
    """The attributes of a task by getfattr -d, without their prefix."""
    return {name[len(OURS):]: os.getxattr(path, name).decode() for name in os.listxattr(path)
            if name.startswith(OURS)}


def refused(call, *arguments, **options):
    with pytest.raises(OSError) as error:
        call(*arguments, **options)
    return error.value.errno


def below(mount, path):
    """The same file in the library."""
    return mount.library / "tree" / path.relative_to(mount.path)


# --- the attributes of a task ---

def test_a_finished_task_has_its_attributes(mount, simulator):
    folder = mount.folder("cat", "A kitten yawning")
    wait_state(folder, "succeeded")
    told = shown(folder)
    assert sorted(told) == sorted(SHOWN)
    book = json.loads((folder / "task.json").read_text())
    assert told == {"state": state(folder), "provider": field(folder, "provider"), "model": field(folder, "model"),
                    "task_id": task_id(folder), "prompt": "A kitten yawning", "expires": book["link_expires"]}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told["expires"])
    for name in ("status", "task.json", "video.mp4", "last_frame.png"):
        assert shown(folder / name) == told, name
    assert not shown(folder / "prompt.txt")
    listed = run("getfattr", "-d", folder).stdout
    assert 'user.seedance.prompt="A kitten yawning"' in listed


def test_attributes_follow_the_state(mount, simulator):
    simulator.hold("running")
    folder = mount.path / "cat"
    folder.mkdir()
    assert not shown(folder)
    (folder / "hold").touch()
    (folder / "prompt.txt").write_text("A fox, twice\nas large --dur 5\n")
    assert shown(folder) == {"state": "pending", "prompt": "A fox, twice as large"}
    (folder / "hold").unlink()
    wait_state(folder, "running")
    told = shown(folder)
    assert told["state"] == "running" and told["task_id"] == task_id(folder) and "expires" not in told
    simulator.decree(task_id(folder), state="failed", error={"code": "X", "message": "no"})
    wait_state(folder, "failed")
    assert shown(folder)["state"] == "failed"
    # a new text is a new attempt without an id
    (folder / "hold").touch()
    (folder / "prompt.txt").write_text("A hare")
    assert state(folder) == "pending"
    assert shown(folder) == {"state": "pending", "prompt": "A hare"}


def test_attributes_never_contradict_status(mount, simulator):
    """A reader that reads one after the other never sees the task go back."""
    order = ["pending", "submitting", "queued", "running", "succeeded"]
    folder = mount.folder()
    seen = []
    while not seen or seen[-1] != "succeeded":
        seen.append(os.getxattr(folder, OURS + "state").decode())
        seen.append(state(folder))
    ranks = [order.index(word) for word in seen]
    assert ranks == sorted(ranks), seen


def test_attributes_are_clean_and_short_enough_to_copy(mount, simulator, tmp_path):
    folder = mount.path / "cat"
    folder.mkdir()
    (folder / "request.json").write_text(json.dumps(
        {"prompt": "a\u202ecat\u0085\n\tin red " + "and on " * 700}))
    wait_state(folder, "succeeded")
    prompt = shown(folder)["prompt"]
    assert prompt.startswith("a cat in red and on") and prompt.endswith("…")
    assert len(prompt.encode()) <= 1004
    names = os.listxattr(folder)
    assert sum(len(name) + len(os.getxattr(folder, name)) for name in names) < 2500
    # onto an ordinary disk with all attributes and without an error message
    copy = run("cp", "-a", "--preserve=all", folder, tmp_path / "copy")
    assert not copy.stderr
    assert (tmp_path / "copy" / "video.mp4").stat().st_size == (folder / "video.mp4").stat().st_size


def test_the_prompt_attribute_comes_from_the_request_or_the_prompt_file(mount, simulator):
    folder = mount.path / "cat"
    folder.mkdir()
    (folder / "hold").touch()
    (folder / "request.json").write_text('{"content": [{"type": "text", "text": "one"}], "duration": 5}')
    assert shown(folder)["prompt"] == "one"
    (folder / "request.json").write_text('{"duration": 5}')
    assert "prompt" not in shown(folder)
    (folder / "prompt.md").write_text("beside")
    assert shown(folder)["prompt"] == "beside"
    (folder / "prompt.md").unlink()
    os.symlink("/etc/hostname", folder / "prompt.txt")
    assert "prompt" not in shown(folder)


# --- read-only attributes ---

@pytest.mark.parametrize("name", [OURS + "state", OURS + "prompt", OURS + "new", "user.seedancefs.task"])
@pytest.mark.parametrize("place", ["", "status", "video.mp4", "prompt.txt"])
def test_setting_and_removing_our_attributes_has_no_effect(mount, simulator, name, place):
    folder = mount.folder()
    wait_state(folder, "succeeded")
    path = folder / place
    before, kept = shown(folder), {}
    if below(mount, path).exists():
        kept = {key: os.getxattr(below(mount, path), key) for key in os.listxattr(below(mount, path))}
    for flags in (0, os.XATTR_CREATE, os.XATTR_REPLACE):
        os.setxattr(path, name, b"pending", flags)
    if name.startswith(OURS):
        os.removexattr(path, name)
    else:
        assert refused(os.removexattr, path, name) == errno.ENODATA
        assert refused(os.getxattr, path, name) == errno.ENODATA
        assert name not in os.listxattr(path)
    assert shown(folder) == before
    assert shown(path) == ({} if place == "prompt.txt" else before)
    if below(mount, path).exists():
        assert kept == {key: os.getxattr(below(mount, path), key) for key in os.listxattr(below(mount, path))}
    assert state(folder) == "succeeded"


def test_sizes_follow_the_manual(mount, simulator):
    folder = mount.folder()
    wait_state(folder, "succeeded")
    assert run("getfattr", "-n", OURS + "state", "--only-values", folder).stdout == "succeeded"
    libc = __import__("ctypes").CDLL(None, use_errno=True)
    get_errno = __import__("ctypes").get_errno
    path, name = os.fsencode(folder), (OURS + "state").encode()
    buffer = __import__("ctypes").create_string_buffer(64)
    assert libc.getxattr(path, name, None, 0) == len("succeeded")
    assert libc.getxattr(path, name, buffer, len("succeeded")) == len("succeeded")
    assert libc.getxattr(path, name, buffer, 3) == -1 and get_errno() == errno.ERANGE
    size = libc.listxattr(path, None, 0)
    assert size > 0
    assert libc.listxattr(path, buffer, 3) == -1 and get_errno() == errno.ERANGE
    assert libc.getxattr(path, b"user.seedance.nothing", buffer, 64) == -1 and get_errno() == errno.ENODATA


# --- copies ---

@pytest.mark.parametrize("copier", [["cp", "-a"], ["rsync", "-aX"], ["gio-like"]])
def test_a_copy_with_attributes_is_no_task(mount, simulator, copier):
    source = mount.folder("cat")
    wait_state(source, "succeeded")
    copy = mount.path / "copy"
    if copier == ["gio-like"]:
        shutil.copytree(source, copy, copy_function=shutil.copy2)  # it sets them one by one
    else:
        run(*copier, f"{source}/", copy)
    marker = mount.folder("marker", "marker")
    wait_state(marker, "succeeded")
    assert simulator.creates() == 2
    assert not shown(copy), "a copy tells nothing of its own"
    for path in [copy, *copy.iterdir()]:
        assert not [name for name in os.listxattr(below(mount, path)) if name.startswith(OURS)], path
    assert (copy / "status").read_text().startswith("succeeded")
    # a file that was copied out and in again has none
    run("cp", "-a", source / "video.mp4", mount.path / "plain.mp4")
    assert not os.listxattr(mount.path / "plain.mp4")


@pytest.mark.parametrize("copier", [["cp", "-a"], ["rsync", "-aX"]])
def test_a_copy_on_another_disk_keeps_the_attributes(mount, simulator, tmp_path, copier):
    """It keeps the state of that moment, even after the mount has ended."""
    folder = mount.folder("cat", "A kitten yawning")
    wait_state(folder, "succeeded")
    told = shown(folder)
    for name in ("video.mp4", "last_frame.png"):
        run(*copier, folder / name, tmp_path / name)
    run(*copier, f"{folder}/", tmp_path / "whole")
    mount.end()
    for path in (tmp_path / "video.mp4", tmp_path / "last_frame.png", tmp_path / "whole", tmp_path / "whole" / "video.mp4"):
        assert shown(path) == told and told["prompt"] == "A kitten yawning", path
    assert not shown(tmp_path / "whole" / "prompt.txt")


def test_rsync_over_a_task_with_attributes_reports_no_error(mount, simulator, tmp_path):
    """rsync would remove the attributes that the source lacks; that is no error."""
    folder = mount.folder()
    wait_state(folder, "succeeded")
    source = tmp_path / "source"
    source.mkdir()
    (source / "notes.md").write_text("notes")
    os.setxattr(source, "user.colour", b"blue")
    run("rsync", "-aX", f"{source}/", folder)
    assert os.getxattr(folder, "user.colour") == b"blue"
    assert shown(folder)["state"] == "succeeded"


# --- other attributes ---

@pytest.fixture(params=["folder", "file", "task"])
def place(request, mount, simulator):
    path = mount.path / "plain"
    if request.param == "task":
        path = mount.folder()
        wait_state(path, "succeeded")
    elif request.param == "folder":
        path.mkdir()
    else:
        path.write_text("text")
    return path


def test_user_attributes_are_stored_in_the_library(mount, place):
    def mine(path):
        return sorted(name for name in os.listxattr(path) if not name.startswith((OURS, "user.seedancefs.")))

    os.setxattr(place, "user.a", b"one")
    os.setxattr(place, "user.empty", b"")
    os.setxattr(place, "user.bytes", bytes(range(256)) * 4)
    assert mine(place) == mine(below(mount, place)) == ["user.a", "user.bytes", "user.empty"]
    assert os.getxattr(below(mount, place), "user.bytes") == os.getxattr(place, "user.bytes") == bytes(range(256)) * 4
    assert os.getxattr(place, "user.empty") == b""
    assert refused(os.setxattr, place, "user.a", b"two", os.XATTR_CREATE) == errno.EEXIST
    assert refused(os.setxattr, place, "user.b", b"two", os.XATTR_REPLACE) == errno.ENODATA
    os.setxattr(place, "user.a", b"two", os.XATTR_REPLACE)
    assert os.getxattr(below(mount, place), "user.a") == b"two"
    os.removexattr(place, "user.a")
    assert refused(os.getxattr, place, "user.a") == errno.ENODATA
    assert refused(os.removexattr, place, "user.a") == errno.ENODATA
    assert mine(below(mount, place)) == ["user.bytes", "user.empty"]


def test_errors_come_from_the_filesystem_below(mount, place, tmp_path):
    """A name that is too long, too much data, an unknown namespace: the disk decides."""
    mirror = tmp_path / "mirror"
    mirror.mkdir() if place.is_dir() else mirror.touch()
    for name, value in [("user." + "x" * 251, b"1"), ("user." + "x" * 250, b"1"), ("user.big", b"x" * 65536),
                        ("user.bigger", b"x" * 65537), ("nonsense.a", b"1"), ("user.", b"1")]:
        outcomes = []
        for path in (place, mirror):
            try:
                os.setxattr(path, name, value)
                outcomes.append(0)
            except OSError as error:
                outcomes.append(error.errno)
        assert outcomes[0] == outcomes[1], (name[:20], outcomes)


@pytest.mark.mounts_a_disk
def test_namespaces_of_root_are_passed_through(mount, place):
    for name, value in (("trusted.note", b"t"), ("security.note", b"s")):
        os.setxattr(place, name, value)
        assert os.getxattr(below(mount, place), name) == value
        os.removexattr(place, name)


def test_access_lists_are_passed_through(mount, simulator):
    place = mount.path / "plain"
    place.mkdir()
    run("setfacl", "-m", "u:12345:rx", place)
    run("setfacl", "-d", "-m", "u:12345:r", place)
    assert "user:12345:r-x" in run("getfacl", "-cn", below(mount, place)).stdout
    (place / "file").write_text("x")
    assert run("getfacl", "-cn", place / "file").stdout == run("getfacl", "-cn", below(mount, place / "file")).stdout
    assert "user:12345:r--" in run("getfacl", "-cn", place / "file").stdout
    run("setfacl", "-b", place)
    assert "12345" not in run("getfacl", "-cn", below(mount, place)).stdout


def test_attributes_on_links_and_virtual_files(mount, simulator):
    folder = mount.folder()
    wait_state(folder, "succeeded")
    os.symlink("prompt.txt", folder / "link")
    assert refused(os.setxattr, folder / "link", "user.a", b"1", follow_symlinks=False) == errno.EPERM
    assert not os.listxattr(folder / "link", follow_symlinks=False)
    os.setxattr(folder, "user.xdg.tags", b"good")
    assert os.getxattr(folder, "user.xdg.tags") == b"good"


FILES = ("status", "task.json", "video.mp4", "last_frame.png")


def mine(path):
    return sorted(name for name in os.listxattr(path) if not name.startswith(OURS))


def test_virtual_files_can_be_tagged(mount, simulator):
    """File managers set tags and ratings. Each file has its own, and the folder has none of them."""
    folder = mount.folder()
    wait_state(folder, "succeeded")
    for name in FILES:
        os.setxattr(folder / name, "user.xdg.tags", name.encode())
        os.setxattr(folder / name, "user.empty", b"")
    for name in FILES:
        path = folder / name
        assert mine(path) == ["user.empty", "user.xdg.tags"]
        assert os.getxattr(path, "user.xdg.tags") == name.encode() and os.getxattr(path, "user.empty") == b""
        assert refused(os.setxattr, path, "user.xdg.tags", b"1", os.XATTR_CREATE) == errno.EEXIST
        assert refused(os.setxattr, path, "user.none", b"1", os.XATTR_REPLACE) == errno.ENODATA
        assert refused(os.setxattr, path, "user." + "x" * 245, b"1") == errno.ERANGE
        assert refused(os.getxattr, path, "user.none") == errno.ENODATA
        os.removexattr(path, "user.empty")
        assert refused(os.removexattr, path, "user.empty") == errno.ENODATA
    assert not mine(folder) and not mine(folder / "prompt.txt")
    mount.end()
    mount.start()
    assert os.getxattr(folder / "video.mp4", "user.xdg.tags") == b"video.mp4"
    moved = folder.rename(mount.path / "moved")
    assert os.getxattr(moved / "video.mp4", "user.xdg.tags") == b"video.mp4"


def test_a_new_video_does_not_inherit_the_tags_of_the_old_one(mount, simulator):
    folder = mount.folder()
    wait_state(folder, "succeeded")
    video = folder / "video.mp4"
    os.setxattr(video, "user.xdg.tags", b"good")
    video.unlink()
    with pytest.raises(OSError):  # as unzip overwrites a file: the new file appears
        video.write_bytes(b"another")
    assert os.getxattr(video, "user.xdg.tags") == b"good"
    video.unlink()
    wait_for(lambda: not list((mount.library / "media").rglob("video.*")), "the bytes' going", PATIENCE)
    assert control(folder, "fetch").returncode == 0
    wait_for(video.exists)
    assert not mine(video)
    os.setxattr(video, "user.rating", b"5")
    kept = [name for name in os.listxattr(below(mount, folder)) if name.startswith("user.seedancefs.video.")]
    assert len(kept) == 1 and kept[0].endswith(":user.rating")


def test_a_copy_of_a_video_keeps_its_tags(mount, simulator, tmp_path):
    folder = mount.folder()
    wait_state(folder, "succeeded")
    os.setxattr(folder / "video.mp4", "user.xdg.tags", b"good")
    run("cp", "-a", folder, tmp_path / "copy")
    assert os.getxattr(tmp_path / "copy" / "video.mp4", "user.xdg.tags") == b"good"
    assert not mine(tmp_path / "copy") and not mine(tmp_path / "copy" / "status")
    assert run("setfattr", "-n", "user.rating", "-v", "5", folder / "video.mp4").returncode == 0
    assert 'user.rating="5"' in run("getfattr", "-d", folder / "video.mp4").stdout


def test_virtual_files_take_only_the_user_namespace(mount, simulator):
    folder = mount.folder()
    wait_state(folder, "succeeded")
    if is_root():
        assert refused(os.setxattr, folder / "video.mp4", "trusted.note", b"t") == errno.ENOTSUP
    os.setxattr(folder / "video.mp4", "user.seedancefs.video.1:user.a", b"t")  # ours: it has no effect
    assert not mine(folder / "video.mp4")


def test_an_unstated_expiry_is_not_shown(make_mount, simulators, tmp_path):
    """The expiry that a service documents is an estimate: status says "about", which an attribute cannot."""
    from harness import Simulator
    simulators.append(Simulator(tmp_path))
    mount = make_mount(simulators[-1], services=("senseaudio",), config="default_provider = senseaudio\n")
    folder = mount.folder()
    wait_state(folder, "succeeded")
    told = field(folder, "link expires")
    assert ("expires" in shown(folder)) == bool(told and not told.startswith("about"))
