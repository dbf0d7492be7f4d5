"""One nginx for all, immediate or with 50 ms latency, and the link to it: a network of the
benchmark's own."""

import collections
import contextlib
import ctypes
import pathlib
import socket
import subprocess
import sys
import urllib.request

import harness

LATENCY_MS = 50
CLONE_NEWNET = 0x40000000

# The time of its end (seconds since the epoch), its duration, the request, and the bytes of the
# response body.
Request = collections.namedtuple("Request", "ended taken method status sent range path")


def own_network():
    """Gives this process and its children their own loopback, so that its rate can be limited.
    False: not root."""
    if not harness.is_root() or ctypes.CDLL(None).unshare(CLONE_NEWNET):
        return False
    harness.run("ip", "link", "set", "lo", "up")
    return True


@contextlib.contextmanager
def narrow(rate):
    """Limits the total rate on loopback, in the syntax of tc; None: no limit."""
    if rate:
        harness.run("tc", "qdisc", "add", "dev", "lo", "root", "tbf", "rate", rate, "burst", "256kb", "limit", "8mb")
    try:
        yield
    finally:
        if rate:
            harness.run("tc", "qdisc", "del", "dev", "lo", "root")


def free_ports(count):
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class Nginx:
    """A plain file server in one process. Requests to its second port are delayed."""

    CONFIG = """
daemon off; master_process off; pid {directory}/nginx.pid; error_log {directory}/nginx.log;
events {{ worker_connections 512; }}
http {{
    log_format short '$msec $request_time $request_method $status $body_bytes_sent "$http_range" $uri';
    access_log {directory}/requests short;
    types {{ video/mp4 mp4; }} sendfile on; keepalive_requests 100000; autoindex on; root {directory}/www;
    client_body_temp_path {directory}/b; proxy_temp_path {directory}/p; fastcgi_temp_path {directory}/f;
    uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
    upstream delay {{ server 127.0.0.1:{delay}; keepalive 64; }}
    server {{ listen 127.0.0.1:{prompt}; }}
    server {{
        listen 127.0.0.1:{late}; auth_request /delay;
        location = /delay {{
            internal; proxy_pass http://delay; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_pass_request_body off;
        }}
    }}
    server {{ listen 127.0.0.1:{status}; access_log off; location / {{ stub_status; }} }}
}}
"""

    def __init__(self, directory):
        self.directory = directory
        self.www = directory / "www"
        self.www.mkdir()
        self.prompt, self.late, self.status, delay = free_ports(4)
        config = directory / "nginx.conf"
        config.write_text(self.CONFIG.format(directory=directory, prompt=self.prompt, late=self.late,
                                             status=self.status, delay=delay))
        here = pathlib.Path(__file__).parent
        self.processes = [
            subprocess.Popen([sys.executable, here / "delay.py", str(delay), str(LATENCY_MS)],
                             preexec_fn=harness.die_with_parent),
            subprocess.Popen(["nginx", "-c", config, "-e", directory / "nginx.log"],
                             preexec_fn=harness.die_with_parent)]
        for port in (self.prompt, self.late):
            harness.wait_for(lambda: self.answers(port), "nginx")

    def address(self, latency_ms=0):
        return f"http://127.0.0.1:{self.late if latency_ms else self.prompt}"

    def answers(self, port):
        return not subprocess.run(["curl", "-sf", "-o", "/dev/null", f"http://127.0.0.1:{port}/"]).returncode

    def busy(self):
        """The number of responses in progress."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.status}/") as answer:
            words = answer.read().decode().split()
        return int(words[words.index("Writing:") + 1]) - 1

    def mark(self):
        """A position in the log of requests, taken once none is in progress."""
        harness.wait_for(lambda: not self.busy(), "the end of all answers")
        return (self.directory / "requests").stat().st_size

    def requests_since(self, mark):
        end = self.mark()
        with open(self.directory / "requests", "rb") as log:
            log.seek(mark)
            lines = log.read(end - mark).decode().splitlines()
        return [Request(float(ended), float(taken), method, int(status), int(sent), asked.strip('"'), path)
                for ended, taken, method, status, sent, asked, path in (line.split(" ", 6) for line in lines)]

    def end(self):
        for process in reversed(self.processes):
            process.terminate()
            process.wait()
