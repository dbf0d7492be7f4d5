#!/usr/bin/env python3
"""Streaming, measured: whole processes, medians, and ratios against curl and the local disk in the same run.

usage: scripts/bench.sh [RUNS [nginx|simulator]]

5 runs by default; the release is built first. The videos lie on nginx where that is installed, else on the simulator's
own media server.
"""

import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
os.environ.setdefault("SEEDANCEFS_BUILD", str(ROOT / "build" / "release"))
sys.path.insert(0, str(ROOT / "tests" / "integration"))

import harness  # noqa: E402

MIB = 1 << 20
SIZE = 64 * MIB


def seconds(*command):
    """The wall time of a whole process."""
    began = time.perf_counter()
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began



def rss_anon_kib(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith("RssAnon")).split()[1])


def link(folder):
    import json
    return json.loads((folder / "task.json").read_text())["video"]["url"]


class Minimal:
    """A minimal FUSE program that serves a local file: what FUSE itself allows here."""

    def __init__(self, directory, local):
        self.path = directory / "minimal"
        self.path.mkdir()
        self.process = subprocess.Popen([harness.BUILD / "minimal_fuse", local, self.path], stdout=subprocess.PIPE)
        self.process.stdout.readline()

    def end(self):
        self.process.terminate()
        self.process.wait()


class Nginx:
    """The plainest server of a file that there is."""

    CONFIG = """
{user} daemon off; worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/nginx.log;
events {{ worker_connections 64; }}
http {{
    access_log off; sendfile on; keepalive_requests 100000; client_body_temp_path {directory}/nginx-body;
    proxy_temp_path {directory}/p; fastcgi_temp_path {directory}/f; uwsgi_temp_path {directory}/u;
    scgi_temp_path {directory}/s;
    server {{ listen 127.0.0.1:{port}; root {directory}/www; }}
}}
"""

    def __init__(self, directory, file):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        (directory / "www").mkdir()
        harness.run("cp", file, directory / "www" / "video.mp4")
        config = directory / "nginx.conf"
        config.write_text(self.CONFIG.format(user="user root;" if harness.is_root() else "", directory=directory,
                                             port=port))
        self.url = f"http://127.0.0.1:{port}/video.mp4"
        self.process = subprocess.Popen(["nginx", "-c", config, "-e", directory / "nginx.log"])
        harness.wait_for(lambda: not subprocess.run(["curl", "-sf", "-r", "0-0", "-o", "/dev/null", self.url]).returncode)

    def end(self):
        self.process.terminate()
        self.process.wait()


def finished(mount, simulator, name, file, server):
    """A task whose video was never read."""
    if not server:
        return mount.finished(simulator, name=name, video=file)
    simulator.hold("queued")
    folder = mount.folder(name)
    task = harness.wait_for(lambda: harness.task_id(folder))
    simulator.decree(task, link={"video_url": server.url}, state="succeeded")
    simulator.hold("")
    harness.wait_state(folder, "succeeded")
    return folder


def measure(runs, directory, with_nginx):
    simulator = harness.Simulator(directory)
    mount = harness.Mount(directory, simulator)
    local = harness.make_media(directory / "local", SIZE)
    rows = {name: [] for name in ("curl cold", "cold", "local", "minimal", "warm", "curl byte", "byte", "middle curl", "middle")}
    harness.run("cp", local, directory / "copy")
    local = directory / "copy"
    minimal = Minimal(directory, local)
    server = Nginx(directory, local) if with_nginx else None
    seconds("dd", f"if={minimal.path / 'f'}", "of=/dev/null", "bs=1M")
    mount.start()
    try:
        for n in range(runs):
            folder = finished(mount, simulator, f"video-{n}", local, server)
            video, url = folder / "video.mp4", link(folder)
            rows["curl byte"].append(seconds("curl", "-s", "-r", "0-0", "-o", "/dev/null", url))
            rows["byte"].append(seconds("head", "-c", "1", video))
            rows["middle curl"].append(seconds("curl", "-s", "-r", f"{32 * MIB}-{32 * MIB}", "-o", "/dev/null", url))
            rows["middle"].append(seconds("dd", f"if={video}", "bs=1", "count=1", f"skip={32 * MIB}",
                                          "iflag=skip_bytes"))
            rows["curl cold"].append(seconds("curl", "-s", "-o", "/dev/null", url))
            rows["cold"].append(seconds("dd", f"if={video}", "of=/dev/null", "bs=1M"))
            rows["local"].append(seconds("dd", f"if={local}", "of=/dev/null", "bs=1M"))
            rows["minimal"].append(seconds("dd", f"if={minimal.path / 'f'}", "of=/dev/null", "bs=1M"))
            rows["warm"].append(seconds("dd", f"if={video}", "of=/dev/null", "bs=1M"))
            # A virtual machine's memory that was never touched costs more than all else: it is used again.
            harness.run("rm", "-rf", folder)
        memory = rss_anon_kib(mount.pid)
        mount.end()
    finally:
        mount.unmount_leftover()
        simulator.stop()
        minimal.end()
        if server:
            server.end()
    return rows, memory


def report(rows, memory, runs, server):
    def median(name):
        return statistics.median(rows[name])

    def speed(name):
        return SIZE / MIB / median(name)

    def ratio(ours, theirs):
        """Pair by pair: the machine's speed drifts."""
        return statistics.median(b / a for a, b in zip(rows[ours], rows[theirs]))

    print(f"64 MiB video on {server}, medians of {runs} runs, whole processes\n")
    print("| what | seedancefs | against | ratio | to reach |")
    print("|---|---|---|---|---|")
    print(f"| sequential read, cold | {speed('cold'):.0f} MB/s | curl {speed('curl cold'):.0f} MB/s | "
          f"{ratio('cold', 'curl cold'):.2f} | >= 0.6 |")
    print(f"| second read, kernel's cache | {speed('warm'):.0f} MB/s | local file {speed('local'):.0f} MB/s | "
          f"{ratio('warm', 'local'):.2f} | >= 0.6 |")
    print(f"| the same | | a minimal FUSE program {speed('minimal'):.0f} MB/s (itself "
          f"{ratio('minimal', 'local'):.2f} of the local file) | {ratio('warm', 'minimal'):.2f} | |")
    print(f"| first byte | {median('byte') * 1000:.1f} ms | curl {median('curl byte') * 1000:.1f} ms | "
          f"{1 / ratio('byte', 'curl byte'):.2f} x | <= 1.3 x |")
    print(f"| a byte in the middle | {median('middle') * 1000:.1f} ms | curl {median('middle curl') * 1000:.1f} ms | "
          f"{1 / ratio('middle', 'middle curl'):.2f} x | |")
    print(f"| anonymous memory afterwards | {memory / 1024:.1f} MB | | | <= 20 MB |")


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    server = sys.argv[2] if len(sys.argv) > 2 else "nginx" if shutil.which("nginx") else "simulator"
    with tempfile.TemporaryDirectory() as directory:
        rows, memory = measure(runs, pathlib.Path(directory), server == "nginx")
    report(rows, memory, runs, "nginx" if server == "nginx" else "the simulator's media server")


if __name__ == "__main__":
    main()
