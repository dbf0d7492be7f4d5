"""The ways in which a media server misbehaves, and the result of a read of each: CASES."""

import gzip
import itertools
import random
import re

import hostile
from hostile import FOR_EVER, chunks

KIB, MIB = 1 << 10, 1 << 20
PROBED = 128 * KIB      # fetched before anything misbehaves
SIZE = 300_001
READ_TIMEOUT = 3.2      # seconds; a stalled transfer is abandoned after a quarter of it
REQUESTS_MAX = 200

CASES = {}


class Case:
    def __init__(self, name, how, times, expects, size=SIZE, begins="read", etag='"v1"', arrange=None, most=REQUESTS_MAX,
                 lasts=0, is_alone=False):
        self.name, self.how, self.times, self.expects = name, how, times, expects
        self.size, self.begins, self.etag, self.arrange = size, begins, etag, arrange
        self.most, self.lasts, self.is_alone = most, lasts, is_alone


def case(name, how, times=FOR_EVER, expects="right", **options):
    """
    `expects` is the result of a read: "right" bytes, as if nothing had happened; an "error";
    "either" of them; or "changed", an error because there is a new version. Once the server has
    recovered, a read always gets the right bytes. `arrange(site)` runs before the read. At most
    `most` requests may reach the server, and the read takes at least `lasts` seconds. A case that
    corrupts kept connections gets a server of its own (`is_alone`).
    """
    assert name not in CASES
    CASES[name] = Case(name, how, times, expects, **options)


def once_and_for_ever(name, how, times=1, **options):
    """A fault that is invisible when it happens once, and an error when it persists."""
    case(name, how, times, "right", **options)
    case(f"{name}, for ever", how, FOR_EVER, "error", **options)


def answers(**twists):
    return lambda wire, request, site: site.answer(wire, request, **twists)


def media(size, seed):
    head = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41"
    return head + random.Random(seed).randbytes(size - len(head))


# --- wrong ranges ---

def shifted(wire, request, site):
    first, last = site.asked(request)
    site.answer(wire, request, content_range=f"bytes {first - 4096}-{last - 4096}/{len(site.data)}",
                body=site.data[first - 4096:last - 4095])


def shorter(size):
    def how(wire, request, site):
        first, last = site.asked(request)
        last = min(last, first + size - 1)
        site.answer(wire, request, content_range=f"bytes {first}-{last}/{len(site.data)}", content_length=last - first + 1,
                    body=site.data[first:last + 1])
    return how


def longer(wire, request, site):
    first, last = site.asked(request)
    first = max(0, first - 5000)
    site.answer(wire, request, content_range=f"bytes {first}-{last}/{len(site.data)}", content_length=last - first + 1,
                body=site.data[first:last + 1])


def with_range(text):
    def how(wire, request, site):
        first, last = site.asked(request)
        site.answer(wire, request, content_range=text.format(first=first, last=last, total=len(site.data),
                                                             more=len(site.data) + 5))
    return how


def multipart(wire, request, site):
    first, last = site.asked(request)
    body = (b"--b\r\nContent-Type: video/mp4\r\nContent-Range: bytes %d-%d/%d\r\n\r\n" % (first, last, len(site.data))
            + site.body(request) + b"\r\n--b--\r\n")
    site.answer(wire, request, body=body, content_range=None, content_length=len(body),
                content_type="multipart/byteranges; boundary=b")


def unasked(wire, request, site):
    """Sends all of the file as a range, whatever the request covers."""
    size = len(site.data)
    site.answer(wire, request, body=site.data, content_length=size, content_range=f"bytes 0-{size - 1}/{size}")


def without_length(**twists):
    def how(wire, request, site):
        wire.send(site.head(hostile.Request(b"GET / HTTP/1.1"), status="200 OK", content_range=None, content_length=None,
                            transfer_encoding="chunked", **twists) + chunks(site.data) + b"0\r\n\r\n")
    return how


def not_satisfiable(total):
    def how(wire, request, site):
        site.answer_text(wire, "416 Range Not Satisfiable", b"", f"Content-Range: bytes */{total or len(site.data)}")
    return how


once_and_for_ever("a shifted range", shifted)
once_and_for_ever("a range that begins too early", longer)
case("ranges shorter than requested", shorter(100_000))
once_and_for_ever("a range of a few bytes", shorter(100))
once_and_for_ever("a range that ends too late", with_range("bytes {first}-{more}/*"))
case("another total, once", with_range("bytes {first}-{last}/{more}"), 1, "either")
case("another total, for ever", with_range("bytes {first}-{last}/{more}"), FOR_EVER, "error")
once_and_for_ever("a range in another unit", with_range("items {first}-{last}/{total}"))
once_and_for_ever("a range that overflows", with_range("bytes {first}-99999999999999999999999/{total}"))
once_and_for_ever("a reversed range", with_range("bytes {last}-{first}/{total}"))
case("a range with an unknown total", with_range("bytes {first}-{last}/*"))
once_and_for_ever("multipart/byteranges", multipart)
once_and_for_ever("206 without Content-Range", answers(content_range=None))
once_and_for_ever("206 with the complete file", unasked)
case("200 for a range", lambda wire, request, site: site.answer_whole(wire), size=MIB, most=4)
case("200 in chunks with the ETag", without_length())
case("200 in chunks without an ETag", without_length(drop=["etag"]), FOR_EVER, "either")
case("200 for a range, truncated", lambda wire, request, site: wire.send(site.head(
    hostile.Request(b"GET / HTTP/1.1"), status="200 OK", content_range=None) + site.data[:200_000]) or wire.close(), 2)
once_and_for_ever("416", not_satisfiable(None))
case("416 with another total", not_satisfiable(77), 1, "either")
case("Content-Range twice", lambda wire, request, site: site.answer(wire, request, add=["Content-Range: bytes 0-9/10"]), 1,
     "either")


# --- premature ends ---

def cut(at, how, is_chunked=False):
    """`at` is "nothing", "head" (inside it), or a number of body bytes; a negative number counts
    from the end."""
    def answer(wire, request, site):
        head = (site.head(request, content_length=None, transfer_encoding="chunked") if is_chunked
                else site.head(request))
        body = site.body(request)
        if at == "nothing":
            pass
        elif at == "head":
            wire.send(head[:60])
        elif is_chunked:
            whole = b"%x\r\n%s\r\n" % (len(body), body)
            wire.send(head + (whole if at == "all" else whole[:at + 8 if at >= 0 else at - 2]))
        else:
            wire.send(head + (body if at == "all" else body[:at]))
        wire.end(how)
    return answer


PLACES = {"before the head": "nothing", "in the head": "head", "at byte 0": 0, "in a block": 5000, "at a block's end": 8192,
          "one byte before the end": -1}

for place, at in PLACES.items():
    case(f"closed {place}", cut(at, "close"), 2)
    case(f"reset {place}", cut(at, "reset"), 2)
    if place not in ("before the head", "in the head"):
        case(f"closed {place}, chunked", cut(at, "close", True), 2)
for place in ("before the head", "in the head", "at byte 0", "in a block", "one byte before the end"):
    case(f"stalled {place}", cut(PLACES[place], "stall"), 1)
case("stalled before the last chunk", cut("all", "stall", True), 1)
case("closed before the last chunk", cut("all", "close", True), 1)
for how in ("close", "reset", "stall"):
    case(f"{how} before the head, for ever", cut("nothing", how), FOR_EVER, "error")
    case(f"{how} in the body's first block, for ever", cut(1000, how), FOR_EVER, "error")
case("closed in the head, for ever", cut("head", "close"), FOR_EVER, "error")
case("closed after some blocks, for ever", cut(50_000, "close"))
case("reset after some blocks, for ever", cut(50_000, "reset"))
case("closed after a block, chunked, for ever", cut(50_000, "close", True))


# --- slow or endless responses ---

def slow_body(per_second):
    return lambda wire, request, site: wire.send(site.head(request)) or wire.trickle(site.body(request), per_second)


def slow_head(wire, request, site):
    wire.trickle(site.head(request), 50)


def single_bytes(wire, request, site):
    wire.send(site.head(request))
    for byte in site.body(request):
        wire.send(bytes([byte]))


def endless(head, piece):
    def how(wire, request, site):
        wire.send(head)
        wire.pour(itertools.repeat(piece))
    return how


def endless_body(**twists):
    def how(wire, request, site):
        wire.send(site.head(request, content_length=None, **twists) + site.body(request))
        wire.pour(itertools.repeat(b"\xaa" * 65536))
        wire.close()
    return how


def endless_chunks(wire, request, site):
    wire.send(site.head(request, content_length=None, transfer_encoding="chunked") + chunks(site.body(request)))
    wire.pour(itertools.repeat(chunks(b"\xaa" * 65536)))


once_and_for_ever("a body at a few bytes per second", slow_body(40))
once_and_for_ever("a head at a few bytes per second", slow_head)
case("a byte at a time", single_bytes, size=PROBED + 9000)
once_and_for_ever("an endless header", endless(b"HTTP/1.1 206 Partial Content\r\nX: ", b"x" * 65536))
once_and_for_ever("endless headers", endless(b"HTTP/1.1 206 Partial Content\r\n", b"X-Filler: 1234567890\r\n" * 1000))
once_and_for_ever("endless slow headers", lambda wire, request, site: wire.send(b"HTTP/1.1 200 OK\r\n")
                  or wire.trickle(b"A: b\r\n" * 1000, 40))
once_and_for_ever("endless interim responses", endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000))
case("an endless body", endless_body())
case("endless chunks", endless_chunks)
once_and_for_ever("an endless 500", endless(b"HTTP/1.1 500 Oops\r\n\r\n", b"<p>sorry</p>" * 5000))
once_and_for_ever("an endless chunk size", endless(
    b"HTTP/1.1 206 Partial Content\r\nTransfer-Encoding: chunked\r\n\r\n", b"0" * 65536))
case("an endless 200", endless(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n\r\n", b"\xaa" * 65536), FOR_EVER, "error")


# --- lengths ---

def with_length(length, closes=True, **twists):
    def how(wire, request, site):
        first, last = site.asked(request)
        size = last - first + 1
        site.answer(wire, request, content_length=length(size) if callable(length) else length, **twists)
        if closes:
            wire.close()
    return how


case("Content-Length too small", with_length(lambda size: size - 5000), 1)
case("Content-Length too large, closed", with_length(lambda size: size + 5000))
case("Content-Length too large, held", with_length(lambda size: size + 5000, closes=False))
case("no Content-Length", with_length(None))
once_and_for_ever("a negative Content-Length", with_length(-5))
case("Content-Length is not a number", with_length("many"), 1, "either")
case("Content-Length overflows", with_length("99999999999999999999999"), 1, "either")
case("Content-Length twice, the same", lambda wire, request, site: site.answer(
    wire, request, add=[f"Content-Length: {len(site.body(request))}"]))
case("Content-Length twice, differing", lambda wire, request, site: site.answer(
    wire, request, add=["Content-Length: 17"]) or wire.close(), 1)
case("Content-Length of zero", with_length(0), 1)
case("chunked", lambda wire, request, site: site.answer(
    wire, request, content_length=None, transfer_encoding="chunked", body=chunks(site.body(request)) + b"0\r\n\r\n"))
case("chunked and a Content-Length", lambda wire, request, site: site.answer(
    wire, request, content_length=5, transfer_encoding="chunked", body=chunks(site.body(request)) + b"0\r\n\r\n"))
once_and_for_ever("a chunk size is not a number", lambda wire, request, site: site.answer(
    wire, request, content_length=None, transfer_encoding="chunked", body=b"zz\r\n" + site.body(request)))
case("a wrong chunk size", lambda wire, request, site: site.answer(
    wire, request, content_length=None, transfer_encoding="chunked", body=b"1000\r\n" + site.body(request)), 2)
case("a chunk size overflows", lambda wire, request, site: site.answer(
    wire, request, content_length=None, transfer_encoding="chunked", body=b"f" * 40 + b"\r\n" + site.body(request)), 2)


# --- encodings and content types ---

def compressed(wire, request, site, encoding="gzip"):
    body = gzip.compress(site.body(request), 1)
    site.answer(wire, request, body=body, content_length=len(body), content_encoding=encoding)


def page(kind, text):
    return lambda wire, request, site: site.answer_text(wire, "200 OK", text, f"Content-Type: {kind}")


HTML = b"<!DOCTYPE html><html><body>Please sign in.</body></html>"

once_and_for_ever("unrequested gzip", compressed)
once_and_for_ever("unrequested encoding, the same length", answers(content_encoding="br"))
case("Content-Encoding: identity", answers(content_encoding="identity"))
case("Transfer-Encoding: gzip", lambda wire, request, site: site.answer(
    wire, request, body=gzip.compress(site.body(request), 1), content_length=None, transfer_encoding="gzip") or wire.close(),
    1, "either")
once_and_for_ever("an HTML page with status 200", page("text/html; charset=utf-8", HTML))
once_and_for_ever("an HTML page of type video/mp4", page("video/mp4", HTML))
once_and_for_ever("JSON with status 200", page("application/json", b'{"error":"link expired"}'))
case("an HTML type with status 206", answers(content_type="text/html"), 1, "either")


# --- other versions ---

def changed(etag, size, twist=None):
    """Puts another file on the server before the first request."""
    def arrange(site):
        site.data, site.etag = media(size, 99), etag
    return arrange


case("another ETag", None, 0, "changed", arrange=changed('"v2"', SIZE))
case("another length", None, 0, "changed", arrange=changed(None, SIZE + 5000), etag=None)
case("another length, the same ETag", None, 0, "changed", arrange=changed('"v1"', SIZE - 5000))
case("another weak ETag", None, 0, "changed", arrange=changed('W/"v2"', SIZE), etag='W/"v1"')
case("another length, no ranges", lambda wire, request, site: site.answer_whole(wire), FOR_EVER, "changed",
     arrange=changed(None, SIZE + 5000), etag=None)
case("a much shorter file", None, 0, "changed", arrange=changed('"v2"', 40_000))
case("weak ETag", answers(), etag='W/"v1"')
case("the ETag became weak", answers(etag='W/"v1"'), 1, "either")
case("the ETag is gone", answers(etag=None))
case("another ETag in each response", lambda wire, request, site: site.answer(wire, request, etag=f'"{random.random()}"'),
     FOR_EVER, "error")


# --- statuses ---

def says(line, *headers, text=b"<Error>no</Error>"):
    return lambda wire, request, site: site.answer_text(wire, line, text, *headers)


def dead(line, text=b"<Error>no</Error>"):
    """The link has expired, and the service has a new one."""
    def how(wire, request, site):
        if site.link == 1:
            site.renew()
        if site.is_current(request):
            site.answer(wire, request)
        else:
            site.answer_text(wire, line, text)
    return how


def dies_after(downloads):
    """A link works only for this number of downloads."""
    def how(wire, request, site):
        link = request.target
        with site.lock:
            site.downloads[link] = site.downloads.get(link, 0) + 1
            is_spent = site.downloads[link] > downloads
            renews = site.downloads[link] == downloads + 1
        if not is_spent:
            site.answer(wire, request)
            return
        if renews and site.is_current(request):
            site.renew()
        site.answer_text(wire, "403 Forbidden", b"too many downloads")
    return how


EXPIRED = b"<Error><Code>ExpiredRequest</Code></Error>"

for line, text in (("400 Bad Request", EXPIRED), ("401 Unauthorized", b"no"), ("403 Forbidden", b"no"),
                   ("404 Not Found", b"no"), ("410 Gone", b"no")):
    case(f"{line[:3]}, and the service has a new link", dead(line, text))
    case(f"{line[:3]}, for ever", says(line, text=text), FOR_EVER, "error")
case("a link expires while the service fails", dead("403 Forbidden"), arrange=lambda site: site.simulator.fault(
    "get", {"status": 503}, task=site.task, times=3))
case("a link expires after each download", dies_after(1), size=MIB)
case("a link expires after 3 downloads", dies_after(3), size=2 * MIB)
for line in ("500 Internal Server Error", "502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"):
    case(f"{line[:3]}, three times", says(line), 3)
once_and_for_ever("503", says("503 Service Unavailable"))
case("429, Retry-After: 1", says("429 Too Many Requests", "Retry-After: 1"), 1, lasts=0.9, most=12)
case("429, Retry-After: a year", says("429 Too Many Requests", "Retry-After: 31536000"), 1, lasts=READ_TIMEOUT / 3)
case("429, for ever", says("429 Too Many Requests", "Retry-After: 1"), FOR_EVER, "error")
case("503, Retry-After: 1", says("503 Service Unavailable", "Retry-After: 1"), 1)
case("400 video_not_ready", says("400 Bad Request", text=b'{"error":{"code":"video_not_ready"}}'), 5)
case("400 video_not_ready, for ever", says("400 Bad Request", text=b'{"error":{"code":"video_not_ready"}}'), FOR_EVER, "error")
once_and_for_ever("401 that asks for a password", says("401 Unauthorized", 'WWW-Authenticate: Basic realm="x"'))
once_and_for_ever("418", says("418 I'm a teapot"))
once_and_for_ever("status 999", says("999 What"))
once_and_for_ever("204 with a body", lambda wire, request, site: wire.send(b"HTTP/1.1 204 No Content\r\n\r\nsurprise") or wire.close())
once_and_for_ever("304 with a body", lambda wire, request, site: wire.send(
    b'HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\nContent-Length: 8\r\n\r\nsurprise') or wire.close())


# --- redirects ---

def to(where, status_line="302 Found"):
    def how(wire, request, site):
        place = where(request, site) if callable(where) else where
        site.answer_text(wire, status_line, b"", f"Location: {place}")
    return how


def hops(count):
    """Redirects this number of times before it sends the file."""
    def how(wire, request, site):
        done = int((re.search(r"hop=(\d+)", request.target) or [0, 0])[1])
        if done == count:
            site.answer(wire, request)
        else:
            site.answer_text(wire, "307 Temporary Redirect", b"", f"Location: /{site.name}/hop?hop={done + 1}")
    return how


once_and_for_ever("a redirect to itself", to(lambda request, site: site.url()))
for place in ("file:///etc/passwd", "ftp://127.0.0.1/video.mp4", "gopher://127.0.0.1:70/_x", "dict://127.0.0.1:2628/x",
              "http://169.254.169.254/latest/meta-data/", "http://10.255.255.1/video.mp4", "http://127.0.0.1:1/video.mp4",
              "http://[::1", "//", "http://user:word@127.0.0.1:1/"):
    once_and_for_ever(f"a redirect to {place}", to(place))
once_and_for_ever("a redirect to nowhere", says("302 Found"))
case("a redirect to another port", lambda wire, request, site: to(
    lambda request, site: site.other.url())(wire, request, site), FOR_EVER, "right", arrange="other")
case("three redirects", hops(3))
case("four redirects, for ever", hops(4), FOR_EVER, "error")


# --- connections and garbage ---

def answer_and_close(wire, request, site):
    site.answer(wire, request)
    wire.close()


def answer_and_reset_next(wire, request, site):
    """Resets a kept connection at its next request."""
    if getattr(wire, "used", False):
        wire.reset()
    else:
        wire.used = True
        site.answer(wire, request)


case("kept connections closed after a response", answer_and_close, size=2 * MIB)
case("kept connections reset at their second request", answer_and_reset_next, size=2 * MIB)
case("HTTP/1.0", lambda wire, request, site: site.answer(wire, request, version="HTTP/1.0") or wire.close())
case("HTTP/1.0 without ranges and lengths", lambda wire, request, site: site.answer_whole(
    wire, version="HTTP/1.0", content_length=None) or wire.close())
case("interim responses", lambda wire, request, site: wire.send(
    b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n") or site.answer(wire, request))
case("an interim response with another ETag", lambda wire, request, site: wire.send(
    b'HTTP/1.1 103 Early Hints\r\nETag: "v9"\r\nContent-Range: bytes 0-1/2\r\n\r\n') or site.answer(wire, request))
once_and_for_ever("a garbage status line", lambda wire, request, site: wire.send(b"HELLO 206 YES\r\n\r\n") or wire.close())
once_and_for_ever("a status code of letters", lambda wire, request, site: wire.send(
    b"HTTP/1.1 abc Partial\r\nContent-Length: 0\r\n\r\n") or wire.close())
once_and_for_ever("binary garbage", lambda wire, request, site: wire.send(random.Random(3).randbytes(70_000)) or wire.close())
once_and_for_ever("HTTP/0.9", lambda wire, request, site: wire.send(site.body(request)) or wire.close())
once_and_for_ever("an unknown protocol version", answers(version="HTTP/7.3"))
case("a NUL in a header", lambda wire, request, site: site.answer(wire, request, add=["X-Nul: a\0b"]), 1)
case("headers without a colon", lambda wire, request, site: site.answer(wire, request, add=["garbage", ": x", "A"]), 1,
     "either")
case("bare LF line ends", lambda wire, request, site: wire.send(
    site.head(request).replace(b"\r\n", b"\n") + site.body(request)))


def smuggles(wire, request, site):
    """Appends a second response, which the next request on the connection would take for its own."""
    head = f"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 65536-131071/{len(site.data)}\r\n" \
           f"Content-Length: 65536\r\nETag: {site.etag}\r\n\r\n"
    site.answer(wire, request, body=site.body(request) + head.encode() + b"\xee" * 65536)


case("bytes after the response", smuggles, FOR_EVER, "either", size=2 * MIB, is_alone=True)
case("terminal escapes in the response", says("503 \x1b[31mred\x07", "X: \x1b]0;x\x07", text=b"\x1b[2J"), FOR_EVER, "error")


# --- before the size is known ---

for name in ("unrequested gzip", "an HTML page with status 200", "an HTML page of type video/mp4", "multipart/byteranges", "503",
             "206 without Content-Range", "a body at a few bytes per second", "a redirect to itself", "binary garbage",
             "stalled before the head", "closed in the head", "an endless 200", "a negative Content-Length",
             "a range in another unit", "endless headers", "418"):
    case(f"probed: {name}", CASES[name].how, 1, begins="probe")
case("probed: 200 for a range", CASES["200 for a range"].how, FOR_EVER, begins="probe")
case("probed: an endless body", CASES["an endless body"].how, 1, begins="probe")
case("probed: 400 video_not_ready", CASES["400 video_not_ready"].how, 2, begins="probe")
case("probed: an expired link", CASES["410, and the service has a new link"].how, FOR_EVER, begins="probe")
case("probed: a total larger than any disk", with_range("bytes {first}-{last}/9000000000000000000"), 1, begins="probe")


def hides_its_length(wire, request, site):
    """A part states no total, and the complete file comes without a length."""
    if request.range:
        with_range("bytes {first}-{last}/*")(wire, request, site)
    else:
        without_length()(wire, request, site)


def in_chunks_cut(wire, request, site):
    wire.send(site.head(hostile.Request(b"GET / HTTP/1.1"), status="200 OK", content_range=None, content_length=None,
                        transfer_encoding="chunked") + chunks(site.data[:200_000]))
    wire.close()


# Two identical downloads are kept (the file's structure is incomplete), so that no reader downloads
# it again.
case("probed: 200 in chunks", without_length(), FOR_EVER, begins="probe", most=2)
case("probed: 200 in chunks without an ETag", without_length(drop=["etag"]), FOR_EVER, begins="probe", most=2)
case("probed: 200 in chunks, truncated", in_chunks_cut, 2, begins="probe")
case("probed: HTTP/1.0 without ranges and lengths", CASES["HTTP/1.0 without ranges and lengths"].how, FOR_EVER,
     begins="probe", most=2)
case("probed: parts with an unknown total", hides_its_length, FOR_EVER, begins="probe", most=3)
case("probed: a link expires after each download", dies_after(1), FOR_EVER, begins="probe")
