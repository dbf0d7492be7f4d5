"""The simulator's renders and media."""

import contextlib
import http.client
import re
import socket
import struct
import subprocess
import time
import urllib.parse

import pytest

from harness import png
from sim_program import DEADLINE_S, TASKS, V10, V15, V25, data_url, image, probe, request_body, streams
from sim_program import big_file, shared_sim, sim, start  # noqa: F401


# --- The render ----------------------------------------------------------------------------------

@pytest.mark.parametrize("fields, size, seconds, sound", [
    ({"resolution": "720p", "duration": 5, "return_last_frame": True}, (1280, 720), 5, True),
    ({"ratio": "9:16", "generate_audio": False, "return_last_frame": True}, (496, 864), 4, False),
    ({"model": V10, "ratio": "1:1", "duration": 2}, (644, 644), 2, False),
    ({"items": [image("first_frame", data_url(png(300, 400)))], "return_last_frame": True},
     (566, 756), 4, True),
    ({"model": V10, "frames": 29, "resolution": "480p"}, (864, 480), 29 / 24, False),
    ({"model": V25, "text": "100% 'quoted': [x], \\n; é 雪 " + "long " * 300}, (854, 480), 4,
     True),
    # no decoder accepts this picture: the background is plain
    ({"text": None, "items": [image(url=data_url(b"GIF89a\x90\x01\x2c\x01", "image/gif"))]},
     (756, 566), 4, True),
], ids=lambda value: str(value) if isinstance(value, tuple) else None)
def test_the_render_matches_the_request(sim, tmp_path, fields, size, seconds, sound):
    body = request_body(**fields)
    content = sim.wait_for(sim.create(body))["content"]
    probed = probe(sim.media(content["video_url"]).body, tmp_path / "v.mp4")
    picture = streams(probed, "video")[0]
    assert (picture["width"], picture["height"]) == size
    assert (picture["codec_name"], picture["pix_fmt"]) == ("h264", "yuv420p")
    assert picture["r_frame_rate"] == "24/1"
    assert int(picture["nb_frames"]) == round(seconds * 24)
    assert abs(float(picture["duration"]) - seconds) < 0.01
    assert [s["codec_name"] for s in streams(probed, "audio")] == (["aac"] if sound else [])
    assert ("last_frame_url" in content) == bool(body.get("return_last_frame"))
    if "last_frame_url" in content:
        frame = sim.media(content["last_frame_url"])
        assert frame.headers["Content-Type"] == "image/png"
        assert frame.body.startswith(b"\x89PNG")
        assert struct.unpack(">II", frame.body[16:24]) == size


def test_first_frame_is_the_background(sim, tmp_path):
    task = sim.create(items=[image("first_frame", data_url(png(640, 360)))])
    video_url = sim.wait_for(task)["content"]["video_url"]
    (tmp_path / "v.mp4").write_bytes(sim.media(video_url).body)
    pixel = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(tmp_path / "v.mp4"), "-frames:v", "1", "-vf",
         "crop=2:2:0:0", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
        check=True, capture_output=True).stdout[:3]
    assert all(abs(a - b) < 24 for a, b in zip(pixel, b"\x20\x80\xc0"))


def test_the_index_precedes_the_data(sim):
    body = sim.media(sim.wait_for(sim.create())["content"]["video_url"]).body
    assert body.index(b"moov") < body.index(b"mdat")


def test_a_draft_and_its_final_video(sim, tmp_path):
    draft = sim.create(model=V15, draft=True, resolution=..., ratio="1:1", seed=7,
                       generate_audio=False)
    shown = sim.wait_for(draft)
    assert (shown["resolution"], shown["draft"]) == ("480p", True)
    final = sim.create({"model": V15, "resolution": "720p",
                        "content": [{"type": "draft_task", "draft_task": {"id": draft}}]})
    shown = sim.wait_for(final)
    assert shown["draft_task_id"] == draft
    assert (shown["seed"], shown["ratio"], shown["duration"]) == (7, "1:1", 4)
    assert shown["generate_audio"] is False
    probed = probe(sim.media(shown["content"]["video_url"]).body, tmp_path / "v.mp4")
    assert streams(probed, "video")[0]["width"] == 960


# --- Media ---------------------------------------------------------------------------------------

def test_a_complete_file(sim, big_file):
    _, link = sim.with_file(big_file)
    answer = sim.media(link)
    data = big_file.read_bytes()
    assert (answer.status, answer.body) == (200, data)
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Last-Modified"].endswith(" GMT")
    assert answer.headers["Date"]
    assert re.fullmatch(r'"[^"]+"', answer.headers["ETag"])
    entry = sim.requests(on="media", done=1)[0]
    assert (entry["bytes"], entry["status"], entry["kind"]) == (len(data), 200, "video")
    assert sim.control("GET", "/stats")["media_bytes"] == len(data)


@pytest.mark.parametrize("header, first, last", [
    ("bytes=0-0", 0, 0), ("bytes=5-9", 5, 9), ("bytes=1000000-", 1000000, -1),
    ("bytes=-3", -3, -1), ("bytes=-99999999", 0, -1), ("bytes=3145720-99999999", 3145720, -1),
])
def test_valid_ranges(sim, big_file, header, first, last):
    _, link = sim.with_file(big_file)
    data = big_file.read_bytes()
    first, last = first % len(data), last % len(data)
    answer = sim.media(link, Range=header)
    assert answer.status == 206
    assert answer.body == data[first:last + 1]
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(data)}"
    assert sim.requests(on="media")[0]["range"] == header


@pytest.mark.parametrize("header", ["bytes=9-5", "bytes=x-", "lines=1-2", "bytes=0-1,4-5",
                                    "bytes=1-2x", "bytes="])
def test_ignored_ranges(sim, big_file, header):
    _, link = sim.with_file(big_file)
    answer = sim.media(link, Range=header)
    assert (answer.status, len(answer.body)) == (200, big_file.stat().st_size)


@pytest.mark.parametrize("header", ["bytes=3145731-", "bytes=99999999-999999999", "bytes=-0"])
def test_unsatisfiable_ranges(sim, big_file, header):
    _, link = sim.with_file(big_file)
    answer = sim.media(link, Range=header)
    assert answer.status == 416
    assert answer.headers["Content-Range"] == f"bytes */{big_file.stat().st_size}"


def test_conditional_requests(sim, big_file, tmp_path):
    task, link = sim.with_file(big_file)
    head = sim.media(link, Range="bytes=0-0").headers
    for value, status in [(head["ETag"], 206), (head["Last-Modified"], 206), ('"x"', 200),
                          ("Thu, 01 Jan 1970 00:00:00 GMT", 200)]:
        assert sim.media(link, Range="bytes=0-0", If_Range=value).status == status
    assert sim.media(link, If_Match='"x"').status == 412
    other = tmp_path / "other.mp4"
    other.write_bytes(b"other")
    sim.decree(task, media={"video": str(other)})
    answer = sim.media(link)
    assert answer.body == b"other" and answer.headers["ETag"] != head["ETag"]


def test_head_is_forbidden(sim, big_file):
    task, link = sim.with_file(big_file)
    assert sim.media(link, "HEAD").status == 403
    assert sim.request("HEAD", f"{TASKS}/{task}").status == 403


def test_a_key_sent_to_media_is_refused(sim, big_file):
    _, link = sim.with_file(big_file)
    assert sim.media(link, Authorization="Bearer x").status == 400
    assert sim.requests(on="media")[0]["headers"]["authorization"] == "present"


def test_forged_links(sim, big_file):
    task, link = sim.with_file(big_file)
    other, _ = sim.with_file(big_file)
    expires = urllib.parse.parse_qs(urllib.parse.urlsplit(link).query)["X-Tos-Expires"][0]
    forged = [link.replace(f"X-Tos-Expires={expires}", "X-Tos-Expires=999999"),
              link.replace(task, other), link.replace("video.mp4", "last_frame.png"),
              link.split("?")[0], re.sub(r"Signature=..", "Signature=zz", link)]
    for one in forged:
        answer = sim.media(one)
        assert answer.status == 403
        assert b"<Error>" in answer.body
    assert sim.media(link.replace(task, "cgt-0")).status == 404


def test_links_expire(sim, start, big_file):
    task, link = sim.with_file(big_file)
    sim.decree(task, expire_links=True)
    answer = sim.media(link)
    assert answer.status == 403
    assert b"Request has expired" in answer.body
    assert sim.media(sim.get(task).json["content"]["video_url"]).status == 200

    short = start("--link-seconds", "0")
    _, link = short.with_file(big_file)
    assert short.media(link).status == 403


def test_connections_are_kept_alive(sim, big_file):
    _, link = sim.with_file(big_file)
    parts = urllib.parse.urlsplit(link)
    connection = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=DEADLINE_S)
    with contextlib.closing(connection):
        for _ in range(3):
            connection.request("GET", f"{parts.path}?{parts.query}")
            socket_before = connection.sock
            assert len(connection.getresponse().read()) == big_file.stat().st_size
            assert connection.sock is socket_before


def test_an_aborted_download_counts_the_bytes_sent(sim, tmp_path):
    path = tmp_path / "huge.mp4"
    with path.open("wb") as file:
        file.truncate(256 << 20)
    _, link = sim.with_file(path)
    parts = urllib.parse.urlsplit(link)
    with socket.create_connection(("127.0.0.1", sim.port)) as client:
        client.sendall(f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert client.recv(1000)
    entry = sim.requests(on="media", done=1)[0]
    assert 0 < entry["bytes"] < 64 << 20


def test_downloads_are_fast(sim, tmp_path):
    path = tmp_path / "huge.mp4"
    with path.open("wb") as file:
        file.truncate(512 << 20)
    _, link = sim.with_file(path)
    parts = urllib.parse.urlsplit(link)
    buffer = bytearray(1 << 20)
    left = 512 << 20
    with socket.create_connection(("127.0.0.1", sim.port)) as client:
        client.sendall(f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        start_s = time.monotonic()
        while left > 0:
            left -= client.recv_into(buffer)
        elapsed = time.monotonic() - start_s
    print(f"{512 / elapsed:.0f} MB/s")
    assert elapsed < 10
