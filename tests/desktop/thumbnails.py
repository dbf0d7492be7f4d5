"""The desktop's thumbnail cache as the tests read it, and sources of thumbnails."""

import hashlib
import os
import shutil
import struct
import zlib

import harness
from harness import run, task_id, wait_for, wait_state

SIZES = {"normal": 128, "large": 256, "x-large": 512, "xx-large": 1024}
MIB = 1 << 20


def chunks(path):
    """The (type, data) of a PNG's chunks; verifies their checksums."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at = 8
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0] == zlib.crc32(kind + body)
        yield kind, body
        at += 12 + size


def texts(path):
    """The text chunks before the picture's data."""
    found = {}
    for kind, body in chunks(path):
        if kind == b"IDAT":
            break
        if kind == b"tEXt":
            key, value = body.split(b"\0", 1)
            found[key.decode()] = value.decode()
    return found


def pixels(path):
    return struct.unpack(">II", next(chunks(path))[1][:8])


def gio(mount, file, attributes="thumbnail::*"):
    """What GLib, which file managers use, reports of a file."""
    text = run("gio", "info", "-a", attributes, file, env={**os.environ, "XDG_CACHE_HOME": str(mount.cache)}).stdout
    found = dict(line.strip().split(": ", 1) for line in text.splitlines() if ": " in line)
    return found


def seeded(mount, file):
    """The thumbnails of a file by size, found by the URI that GLib gives it."""
    uri = gio(mount, file)["uri"]
    name = hashlib.md5(uri.encode()).hexdigest() + ".png"
    return {size: mount.thumbnails / size / name for size in SIZES if (mount.thumbnails / size / name).exists()}


def all_files(mount):
    return [path for path in mount.thumbnails.rglob("*") if path.is_file()] if mount.thumbnails.exists() else []


def assert_valid(mount, file):
    said = gio(mount, file)
    assert said.get("thumbnail::is-valid") == "TRUE" and "thumbnail::failed" not in said, said
    assert len(seeded(mount, file)) == len(SIZES)


def film(path, size="640x360", seconds=2, options=()):
    """Creates a real video with its index at the end."""
    run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size={size}:rate=24:duration={seconds}", *options,
        "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-f", "mp4", path)
    return path


def noise(path, side=512):
    """Creates a picture that does not compress: about 3 bytes per pixel."""
    row = b"".join(b"\0" + os.urandom(side * 3) for _ in range(side))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
                     + chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND", b""))
    return path


def ordered_without_frame(mount, simulator, video, name="cat"):
    simulator.hold("queued")
    folder = mount.folder(name, prompt=None)
    (folder / "request.json").write_text('{"prompt": "A cat", "return_last_frame": false}')
    task = wait_for(lambda: task_id(folder), "a task id")
    simulator.decree(task, media={"video": str(video)}, state="succeeded")
    wait_state(folder, "succeeded")
    simulator.hold("")
    return folder


def finished_waiting(mount, simulator, **media):
    """Creates a folder whose task has succeeded at the service; the daemon may still hold it back."""
    simulator.hold("queued")
    folder = mount.folder()
    task = wait_for(lambda: task_id(folder), "a task id")
    if media:
        simulator.decree(task, media={kind: str(path) for kind, path in media.items()}, state="succeeded")
    else:
        simulator.decree(task, state="succeeded")
    simulator.hold("")
    return folder


def other_program(tmp_path, script):
    """A copy of the daemon beside another thumbnailer."""
    place = tmp_path / "bin"
    place.mkdir()
    place.chmod(0o755)
    shutil.copy(harness.DAEMON, place)
    if (harness.BUILD / "share").exists():
        shutil.copytree(harness.BUILD / "share", place / "share")
    if script:
        program = place / "seedance-thumbnailer"
        program.write_text("#!/bin/bash\n" + script)
        program.chmod(0o755)
    return place / "seedancefs"
