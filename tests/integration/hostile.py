"""A media server that can misbehave in any way. It uses raw sockets, so that it can send anything.

    server = Server()
    site = server.site("name", data)        # site.url() is the link that a service would return
    site.misbehave(how, times=2)            # how(wire, request, site) answers instead; -1: until site.recover()
    server.stop()

A site counts its requests and keeps their headers. `how` may write anything to the wire;
site.head() and site.answer() produce valid HTTP.
"""

import itertools
import re
import select
import socket
import struct
import threading

FOR_EVER = -1


class Gone(Exception):
    """The peer closed the connection, or the server ends."""


class Request:
    def __init__(self, raw):
        self.raw = raw
        lines = raw.decode("latin-1").split("\r\n")
        self.method, self.target = lines[0].split(" ")[:2]
        self.headers = {name.strip().lower(): value.strip() for name, value in
                        (line.split(":", 1) for line in lines[1:] if ":" in line)}
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("range", ""))
        self.range = (int(found[1]), int(found[2]) if found[2] else None) if found else None


class Wire:
    """A connection, seen from the server."""

    def __init__(self, server, connection):
        self.server = server
        self.socket = connection
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = b""
        self.is_open = True

    def wait(self, to_write, seconds=None):
        """Waits until the socket is readable (or writable); returns an empty list after a timeout."""
        reads = [self.server.ending[0]] + ([] if to_write else [self.socket])
        ready = select.select(reads, [self.socket] if to_write else [], [], seconds)
        if self.server.ending[0] in ready[0]:
            raise Gone
        return ready[0] + ready[1]

    def receive_head(self):
        while b"\r\n\r\n" not in self.pending:
            self.wait(False)
            piece = self.socket.recv(65536)
            if not piece:
                raise Gone
            self.pending += piece
        head, self.pending = self.pending.split(b"\r\n\r\n", 1)
        return Request(head)

    def send(self, data):
        view = memoryview(data)
        while view:
            self.wait(True)
            view = view[self.socket.send(view):]

    def hold(self, seconds=None):
        """Sends nothing until the peer closes the connection (or the time has passed)."""
        while self.wait(False, seconds):
            if not self.socket.recv(65536):
                raise Gone

    def trickle(self, data, per_second):
        for byte in data:
            self.send(bytes([byte]))
            self.hold(1 / per_second)

    def pour(self, pieces):
        for piece in pieces:
            self.send(piece)

    def close(self):
        self.is_open = False
        self.socket.close()

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def end(self, how):
        {"close": self.close, "reset": self.reset, "stall": self.hold}[how]()


class Site:
    """A file on the server."""

    def __init__(self, server, name, data, etag='"v1"'):
        self.server, self.name, self.data, self.etag = server, name, data, etag
        self.generation = itertools.count(1)
        self.link = next(self.generation)
        self.lock = threading.Lock()
        self.requests = []
        self.how, self.times = None, 0
        self.twisted = 0  # misbehaving responses
        self.on_renewal = None  # a callback that gives the service the new link
        self.downloads = {}     # requests by link

    def url(self):
        return f"{self.server.address}/{self.name}/{self.link}/video.mp4?Signature=s-{self.link}"

    def misbehave(self, how, times=FOR_EVER):
        with self.lock:
            self.how, self.times = how, times

    def recover(self):
        self.misbehave(None)

    def renew(self):
        """Replaces the service's link with a new one."""
        with self.lock:
            self.link = next(self.generation)
        self.on_renewal(self.url())

    def is_current(self, request):
        """True if the request uses the newest link."""
        return request.target.startswith(f"/{self.name}/{self.link}/")

    def count(self):
        with self.lock:
            return len(self.requests)

    def serve(self, wire, request):
        with self.lock:
            self.requests.append(request)
            how = self.how
            if how and self.times == 0:
                how = None
            elif how and self.times > 0:
                self.times -= 1
            self.twisted += how is not None
        (how or Site.answer_well)(*((wire, request, self) if how else (self, wire, request)))

    # --- valid HTTP, with optional deviations ---

    def answer_well(self, wire, request):
        if request.method != "GET":
            wire.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        elif request.range and request.range[0] >= len(self.data):
            self.answer_text(wire, "416 Range Not Satisfiable", b"", f"Content-Range: bytes */{len(self.data)}")
        else:
            self.answer(wire, request)

    def asked(self, request):
        """The first and last byte that a request covers."""
        first, last = request.range or (0, None)
        return first, len(self.data) - 1 if last is None else min(last, len(self.data) - 1)

    def head(self, request, status="206 Partial Content", version="HTTP/1.1", drop=(), add=(), **replace):
        """Builds a response head; `replace` takes header_names."""
        first, last = self.asked(request)
        headers = {"content_type": "video/mp4", "etag": self.etag, "content_length": last - first + 1,
                   "content_range": f"bytes {first}-{last}/{len(self.data)}"}
        headers.update(replace)
        lines = [f"{name.replace('_', '-').title()}: {value}" for name, value in headers.items()
                 if name not in drop and value is not None]
        return "\r\n".join([f"{version} {status}", *lines, *add, "", ""]).encode("latin-1")

    def body(self, request):
        first, last = self.asked(request)
        return self.data[first:last + 1]

    def answer(self, wire, request, body=None, **twists):
        wire.send(self.head(request, **twists) + (self.body(request) if body is None else body))

    def answer_whole(self, wire, **twists):
        """Answers 200, as a server without ranges does."""
        nothing = Request(b"GET / HTTP/1.1")
        twists.setdefault("content_range", None)
        wire.send(self.head(nothing, status="200 OK", **twists) + self.data)

    def answer_text(self, wire, status, text=b"", *headers):
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(text)}", *headers, "", ""]
        wire.send("\r\n".join(lines).encode() + text)


def chunks(data, size=10_000):
    """Encodes data in chunks, without the final one."""
    return b"".join(b"%x\r\n%s\r\n" % (len(data[at:at + size]), data[at:at + size]) for at in range(0, len(data), size))


class Server:
    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.address = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.ending = socket.socketpair()
        self.sites = {}
        self.failures = []
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def site(self, name, data, **options):
        self.sites[name] = Site(self, name, data, **options)
        return self.sites[name]

    def accept(self):
        while True:
            ready = select.select([self.listener, self.ending[0]], [], [])[0]
            if self.ending[0] in ready:
                return
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(Wire(self, connection),), daemon=True).start()

    def serve(self, wire):
        try:
            while wire.is_open:
                request = wire.receive_head()
                self.sites[request.target.split("/")[1]].serve(wire, request)
        except (Gone, OSError):
            pass
        except Exception as error:  # a bug in the test, reported by stop()
            self.failures.append(repr(error))
        finally:
            wire.socket.close()

    def stop(self):
        self.ending[1].send(b"x")
        self.thread.join()
        self.listener.close()
        assert not self.failures, self.failures
