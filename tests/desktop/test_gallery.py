"""gallery.html in the mount's root: as a file, and in a browser, from file://."""

import contextlib
import html.parser
import os
import re
import socket
import time
import urllib.parse

import pytest

import browsers
from harness import Simulator, closing_port, png, run, task_id, wait_for, wait_state
from watcher import Watcher

NAME = "gallery.html"


def text(mount):
    return (mount.path / NAME).read_text()


class Cards(html.parser.HTMLParser):
    """Parses a page as a browser does."""

    def __init__(self, page):
        super().__init__()
        self.cards, self.tags, self.within = [], [], None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        if tag == "article":
            self.cards.append({"state": attributes["class"], "name": "", "prompt": "", "note": "", "made": ""})
        if tag == "h2":
            self.within = "name"
        if tag == "p":
            self.within = attributes.get("class")
        if self.cards and tag in ("img", "video"):
            self.cards[-1][tag] = attributes["src"]
        if self.cards and tag == "a":
            self.cards[-1]["link"] = attributes["href"]

    def handle_endtag(self, tag):
        if tag in ("h2", "p"):
            self.within = None

    def handle_data(self, data):
        if self.cards and self.within in self.cards[-1]:
            self.cards[-1][self.within] += data


def cards(mount):
    return Cards(text(mount)).cards


def wait_cards(mount, condition):
    """Waits until the cards fulfil the condition and returns them; a page is up to a second old."""
    return wait_for(lambda: (lambda found: condition(found) and found)(cards(mount)), "the page's cards")


@pytest.fixture(scope="session")
def media(tmp_path_factory):
    """A small video and its last frame, in formats that every browser supports."""
    place = tmp_path_factory.mktemp("media")
    film, frame = place / "film.mp4", place / "frame.png"
    run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "mandelbrot=size=640x360:rate=24", "-t", "2", "-c:v", "libx264",
        "-pix_fmt", "yuv420p", "-movflags", "+faststart", film)
    run("ffmpeg", "-v", "error", "-sseof", "-0.1", "-i", film, "-frames:v", "1", "-update", "1", frame)
    return film, frame


def make_tasks(mount, simulator, names, media, prompts=None):
    """Creates finished tasks that share one video, so that nothing is rendered."""
    simulator.hold("queued")
    for n, name in enumerate(names):
        folder = mount.path / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "prompt.txt").write_text(prompts[n] if prompts else f"Number {n}: a fox crosses a frozen river at dawn")
    wait_for(lambda: len(simulator.tasks()) >= len(names), "ordered", 300)
    for task in simulator.tasks():
        simulator.decree(task["id"], media={"video": str(media[0]), "last_frame": str(media[1])}, state="succeeded")
    simulator.hold("")
    for name in names:
        wait_state(mount.path / name, "succeeded", timeout=300)


def wait_seconds(seconds):
    """Waits for a time in which something must not happen."""
    end = time.monotonic() + seconds
    wait_for(lambda: time.monotonic() > end, "time")


# --- the file ---

def test_an_empty_mount_explains_how_to_start(mount):
    page = text(mount)
    assert not Cards(page).cards
    assert "Make your first video" in page and "prompt.txt" in page
    assert os.listdir(mount.path) == [NAME]
    assert not os.listdir(mount.library / "tree")


def test_the_page_is_a_file_with_its_exact_size(mount, simulator):
    wait_state(mount.folder(), "succeeded")
    wait_cards(mount, lambda found: found and found[0]["state"] == "succeeded")
    path = mount.path / NAME
    with open(path, "rb") as file:
        status, page = os.fstat(file.fileno()), file.read()
        assert status.st_size == len(page) == path.stat().st_size
        assert status.st_ino == path.stat().st_ino
        assert {entry.name: entry.inode() for entry in os.scandir(mount.path)}[NAME] == status.st_ino
    assert status.st_mode & 0o777 == 0o600 and status.st_nlink == 1 and status.st_uid == os.geteuid()
    assert status.st_mtime == int(status.st_mtime) and status.st_blocks >= 8
    assert run("sh", "-c", f"wc -c < '{path}'; tail -c 8 '{path}'").stdout.split() == [str(len(page)), "</html>"]
    run("cp", path, mount.library.parent / "copy.html")
    run("rsync", "-a", path, mount.library.parent / "copy2.html")
    assert not (mount.path / "cat" / NAME).exists()
    assert NAME not in os.listdir(mount.path / "cat")


def test_an_open_page_keeps_its_version(mount, simulator):
    """A reader that has the page open continues to read the same text."""
    path = mount.path / NAME
    with open(path, "rb") as old:
        size, mtime = os.fstat(old.fileno()).st_size, os.fstat(old.fileno()).st_mtime
        simulator.hold("running")
        folder = mount.folder()
        wait_state(folder, "running")
        wait_cards(mount, lambda found: found and found[0]["state"] == "running")
        assert path.stat().st_size != size and path.stat().st_mtime > mtime
        assert os.fstat(old.fileno()).st_size == size == len(old.read())
        assert os.fstat(old.fileno()).st_mtime == mtime


def test_a_users_own_page_takes_its_place(mount, simulator):
    path = mount.path / NAME
    with pytest.raises(PermissionError):
        path.write_text("mine")
    with pytest.raises(PermissionError):
        os.rename(path, mount.path / "other.html")
    assert "Make your first video" in text(mount)
    (mount.path / "mine.html").write_text("mine")
    os.rename(mount.path / "mine.html", path)
    assert text(mount) == "mine" == (mount.library / "tree" / NAME).read_text()
    assert os.listdir(mount.path) == [NAME]
    path.unlink()
    assert "Make your first video" in text(mount)


def test_the_page_stays_removed_until_the_next_mount(mount):
    run("rm", mount.path / NAME)
    assert os.listdir(mount.path) == [] and not (mount.path / NAME).exists()
    (mount.path / NAME).write_text("mine")
    assert text(mount) == "mine"
    (mount.path / NAME).unlink()
    assert os.listdir(mount.path) == []
    mount.end()
    mount.start()
    assert "Make your first video" in text(mount)


def test_cards_show_states_and_follow_folders(mount, simulator):
    wait_state(mount.folder("film/scene 1/first", "one"), "succeeded")
    simulator.hold("running")
    wait_state(mount.folder("second", "two"), "running")
    held = mount.path / "third"
    held.mkdir()
    (held / "hold").touch()
    (held / "prompt.txt").write_text("three")
    found = wait_cards(mount, lambda found: len(found) == 3 and "hold" in found[0]["note"])
    assert [(card["state"], card["name"], card["prompt"]) for card in found] == [
        ("pending", "third", "three"), ("running", "second", "two"), ("succeeded", "film/scene 1/first", "one")]
    assert found[2]["link"] == "film/scene%201/first/" and found[2]["video"] == "film/scene%201/first/video.mp4"
    assert found[2]["img"] == "film/scene%201/first/last_frame.png"
    assert "img" not in found[1] and "video" not in found[1]
    assert "doubao-seedance" in found[2]["made"] and "ark" in found[2]["made"]
    os.rename(mount.path / "film", mount.path / "cinema")
    wait_cards(mount, lambda found: found[2]["name"] == "cinema/scene 1/first")
    run("rm", "-r", mount.path / "cinema")
    wait_cards(mount, lambda found: len(found) == 2)
    run("cp", "-r", mount.path / "second", mount.path / "copy")
    mount.end()
    mount.start()
    wait_cards(mount, lambda found: [card["name"] for card in found] == ["third", "second"])


def test_watchers_of_the_root_see_changes(mount, simulator):
    """A window that shows the root also shows the page's size and time."""
    path = mount.path / NAME
    watcher = Watcher(mount.path)
    simulator.hold("running")

    def told():
        return [what for what, name in watcher.events("create", "modify", "close_write", "delete") if name == NAME]

    folder = mount.folder()
    wait_for(lambda: "modify" in told(), "the order")
    wait_state(folder, "running")
    wait_cards(mount, lambda found: found and found[0]["state"] == "running")
    wait_seconds(1.5)
    before, size = len(told()), path.stat().st_size
    simulator.decree(task_id(folder), state="failed", error={"code": "X", "message": "no"})
    wait_for(lambda: len(told()) > before, "its failure")
    assert path.stat().st_size != size and cards(mount)[0]["state"] == "failed", "who looks then sees it"
    assert set(told()) == {"modify", "close_write"}
    wait_seconds(1.5)
    before = len(told())
    run("rm", "-r", folder)
    wait_for(lambda: len(told()) > before and not cards(mount), "its end")
    # an idle page causes no events, and neither does a user's own page
    (mount.path / "mine.html").write_text("mine")
    wait_seconds(1.5)
    os.rename(mount.path / "mine.html", path)
    before = len(told())
    simulator.hold("")
    wait_state(mount.folder("next"), "succeeded")
    wait_seconds(1.5)
    assert len(told()) == before and text(mount) == "mine"
    watcher.close()


def test_an_input_with_an_outputs_name_is_not_shown_as_the_output(mount, simulator):
    folder = mount.path / "cat"
    folder.mkdir()
    (folder / "first_frame.png").write_bytes(png(320, 320))
    (folder / "last_frame.png").write_bytes(png(320, 320))
    (folder / "prompt.txt").write_text("A cat")
    wait_state(folder, "succeeded")
    found = wait_cards(mount, lambda found: "img" in found[0])
    assert found[0]["img"] == "cat/last_frame.out.png"


def test_an_error_is_shown(mount, simulator):
    simulator.fault("create", {"status": 400, "body": {"error": {"code": "InvalidParameter", "message": "<b>no</b>"}}})
    folder = mount.folder()
    wait_state(folder, "invalid")
    found = wait_cards(mount, lambda found: found[0]["state"] == "invalid")
    assert "<b>no</b>" in found[0]["note"] and "<b>" not in text(mount)


HOSTILE = ["<script>alert(1)</script>", "\"onload=\"alert(1)", "100% #1?x=y&amp;&lt;", "new\nline\ttab", "it's",
           "javascript:alert(1)", "-->", "\u202etxt.exe", "\x1b[31mred", "{{cards}}", "a\\b", "]]>", "日本 ✓", "%2e%2e",
           b"broken \xff\xfe utf-8", "</article></main>"]


def test_names_and_prompts_are_escaped(mount, simulator, media):
    simulator.hold("queued")
    folders = []
    for name in HOSTILE:
        raw = os.fsencode(name).replace(b"/", b"|")
        folders.append(os.path.join(os.fsencode(mount.path), raw))
        os.mkdir(folders[-1])
        with open(os.path.join(folders[-1], b"prompt.txt"), "wb") as file:
            file.write(f"{raw.decode(errors='replace')} <img src=x onerror=alert(1)> \u202e&quot; </p>".encode()
                       .replace(b"\x1b", b""))
    wait_for(lambda: len(simulator.tasks()) == len(HOSTILE), "ordered")
    for task in simulator.tasks():
        simulator.decree(task["id"], media={"video": str(media[0]), "last_frame": str(media[1])}, state="succeeded")
    found = wait_cards(mount, lambda found: all("video" in card for card in found) and len(found) == len(HOSTILE))
    page = Cards(text(mount))
    assert sum(tag == "article" for tag, _ in page.tags) == len(HOSTILE)
    assert sum(tag == "script" for tag, _ in page.tags) == 1
    assert sum(tag == "img" for tag, _ in page.tags) == len(HOSTILE)
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f]", text(mount))
    # each URL is that of the folder, whatever its name
    for folder, card in zip(reversed(folders), found):
        for kind, name in (("video", b"video.mp4"), ("img", b"last_frame.png"), ("link", b"")):
            assert urllib.parse.unquote_to_bytes(card[kind]) == os.path.basename(folder) + b"/" + name
            assert not urllib.parse.urlsplit(card[kind]).scheme
        assert os.path.getsize(os.path.join(folder, b"video.mp4")) == media[0].stat().st_size


def test_the_page_fetches_nothing(mount, simulator, media):
    """Reading the page reads no output."""
    make_tasks(mount, simulator, [f"shot{n}" for n in range(5)], media)
    wait_cards(mount, lambda found: len(found) == 5)
    before = simulator.stats()
    for _ in range(3):
        text(mount)
    assert simulator.stats() == before


# --- in a browser ---

@pytest.fixture(scope="session")
def firefox(tmp_path_factory):
    """A single instance for all tests: it takes seconds to start."""
    browser = browsers.Firefox(tmp_path_factory.mktemp("firefox") / "profile")
    yield browser
    browser.close()


@pytest.fixture
def browse(request, tmp_path):
    """Opens browsers in a fresh state."""
    opened = []

    def start(name, dark=False):
        if name == "firefox":
            opened.append(request.getfixturevalue("firefox").renew(dark))
        else:
            opened.append(browsers.Chromium(tmp_path / f"profile{len(opened)}", dark))
        return opened[-1]

    yield start
    for browser in opened:
        if browser.name == "firefox":
            browser.renew()  # it leaves the mount and keeps running
        else:
            browser.close()


BROWSERS = ("chromium", "firefox")
LOOKS = [pytest.param("chromium", False, id="chromium-light"), pytest.param("chromium", True, id="chromium-dark"),
         pytest.param("firefox", False, id="firefox-light"), pytest.param("firefox", True, id="firefox-dark")]


@pytest.mark.parametrize("name, dark", LOOKS)
def test_an_empty_page_in_a_browser(mount, browse, name, dark):
    browser = browse(name, dark)
    browser.open(mount.path / NAME)
    assert "Make your first video" in browser.do("return document.body.innerText")
    browser.shot(f"empty-{'dark' if dark else 'light'}")
    browser.check_clean()


@pytest.mark.parametrize("name, dark", LOOKS)
def test_pictures_show_and_videos_play(mount, simulator, media, browse, name, dark):
    make_tasks(mount, simulator, ["film/scene-1/shot-1", "A folder with 100% odd #names?", "cat"], media,
               ["A fox crosses a frozen river at dawn, steam over the water, slow tracking shot " * 4, "Rain on neon",
                "A kitten yawning at the camera"])
    simulator.hold("running")
    wait_state(mount.folder("at work", "A lighthouse in a storm"), "running")
    wait_cards(mount, lambda found: len(found) == 4 and "video" in found[3] and found[0]["state"] == "running")
    browser = browse(name, dark)
    before = simulator.stats()["media_bytes"]
    browser.open(mount.path / NAME)
    assert browser.do("return document.querySelectorAll('article').length") == 4
    browser.wait("return [...document.images].length == 3 && [...document.images].every(i => i.naturalWidth == 640)",
                 "pictures")
    assert browser.do("return getComputedStyle(document.body).backgroundColor") == ("rgb(19, 20, 23)" if dark
                                                                                  else "rgb(244, 244, 241)")
    browser.shot(f"four-{'dark' if dark else 'light'}")
    assert not [url for url in browser.requests() if url.endswith(".mp4")], "opening the page fetches no video"
    assert simulator.stats()["media_bytes"] - before <= 3 * media[1].stat().st_size
    videos = browser.do("return [...document.querySelectorAll('video')].map(v => [v.preload, v.readyState, v.poster])")
    assert all(preload == "none" and ready == 0 and "last_frame.png" in poster for preload, ready, poster in videos)
    for n in range(3):
        browser.do("let v = document.querySelectorAll('video')[arguments[0]]; v.muted = true; v.play()", n)
        browser.wait(f"let v = document.querySelectorAll('video')[{n}]; return v.readyState >= 2 && v.currentTime > 0.2",
                     "playing")
        assert 1.9 < browser.do("return document.querySelectorAll('video')[arguments[0]].duration", n) < 2.1
    assert browser.do("return [...document.querySelectorAll('video')].filter(v => !v.paused).length") == 1
    browser.shot(f"playing-{'dark' if dark else 'light'}")
    browser.check_clean()


@pytest.mark.parametrize("name", BROWSERS)
def test_the_page_reloads_unless_a_video_plays_or_text_is_selected(mount, simulator, media, browse, name):
    make_tasks(mount, simulator, [f"shot{n}" for n in range(40)], media, [f"{n} " + "a long prompt " * (n % 7 * 5) for n in range(40)])
    simulator.hold("running")
    folder = mount.folder("at work", "A lighthouse")
    wait_state(folder, "running")
    wait_cards(mount, lambda found: found[0]["state"] == "running")
    browser = browse(name)
    browser.open(mount.path / NAME)
    # a video plays: no reload, for longer than the usual time
    looked_at = browser.do("""window.mark = 1; let v = document.querySelectorAll('video')[30]; v.muted = true; v.loop = true;
                              v.scrollIntoView(); v.play(); return v.closest('article').id""")
    browser.wait("return document.querySelectorAll('video')[30].currentTime > 0.2", "playing")
    seconds = float(browser.do("return document.body.dataset.reload"))
    wait_seconds(1.5 * seconds)
    assert browser.do("return window.mark") == 1
    # a text is selected
    browser.do("""let v = document.querySelectorAll('video')[30]; v.pause(); v.currentTime = 0;
                  getSelection().selectAllChildren(v.closest('article').querySelector('.prompt'))""")
    wait_seconds(2.5)
    assert browser.do("return window.mark") == 1
    # neither: it reloads and keeps its scroll position, although a new task precedes the card
    mount.folder("newest", "One card more")
    wait_cards(mount, lambda found: len(found) == 42)
    place = browser.do("""getSelection().removeAllRanges();
                          return document.getElementById(arguments[0]).getBoundingClientRect().top""", looked_at)
    assert browser.do("return scrollY") > 1000
    there = f"""let card = document.getElementById('{looked_at}');
                return card && Math.abs(card.getBoundingClientRect().top - {place}) < 2"""
    browser.wait("return !window.mark && document.readyState == 'complete' && document.querySelectorAll('article').length == 42",
                 "reloaded")
    browser.wait(there, "the place that it had")
    for task in simulator.tasks():
        if task["state"] != "succeeded":
            simulator.decree(task["id"], media={"video": str(media[0]), "last_frame": str(media[1])}, state="succeeded")
    simulator.hold("")
    browser.wait("return document.querySelectorAll('video').length == 42", "the end of both")
    browser.wait(there, "the place that it had")
    browser.check_clean()


@pytest.mark.parametrize("name", BROWSERS)
def test_a_page_left_open_shows_the_next_order(mount, simulator, browse, name):
    """The page is empty and idle, but never stops reloading for good."""
    browser = browse(name)
    browser.open(mount.path / NAME)
    assert "Make your first video" in browser.do("return document.body.innerText")
    wait_state(mount.folder("first"), "succeeded")
    browser.wait("return document.querySelectorAll('article.succeeded').length == 1", "the first")
    wait_state(mount.folder("second"), "succeeded")
    browser.wait("return document.querySelectorAll('article.succeeded').length == 2", "the second")
    browser.check_clean()


def test_hostile_names_are_escaped_in_browsers(mount, simulator, media, browse):
    test_names_and_prompts_are_escaped(mount, simulator, media)
    for name in BROWSERS:
        browser = browse(name)
        browser.open(mount.path / NAME)
        for n in range(len(HOSTILE)):
            browser.do("document.querySelectorAll('article')[arguments[0]].scrollIntoView()", n)
            browser.wait(f"return document.images[{n}].naturalWidth == 640", f"picture {n}")
        browser.do("document.querySelectorAll('article')[0].scrollIntoView()")
        browser.shot("hostile")
        browser.check_clean()
        # the policy: markup that got in would not run and could reach nobody
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.setblocking(False)
            browser.do("""document.body.insertAdjacentHTML('beforeend', `<img src="http://127.0.0.1:${arguments[0]}/x"
                          onerror="window.bad=1">`)""", server.getsockname()[1])
            wait_for(lambda: any(re.search("Content.Security.Policy", line) for line in browser.complaints()), "refused")
            with pytest.raises(BlockingIOError):
                server.accept()
        assert not browser.do("return window.bad")


@pytest.mark.parametrize("name", BROWSERS)
def test_requests_and_script_errors_of_a_page_are_recorded(tmp_path, browse, name):
    """The other tests rely on this; it uses a page of its own."""
    with closing_port() as port:
        url = f"http://127.0.0.1:{port}/x"
        (tmp_path / "page.html").write_text(f"<img src={url}><script>nothing()</script>")
    browser = browse(name)
    browser.open(tmp_path / "page.html")
    wait_for(lambda: url in browser.requests(), "asked")
    wait_for(lambda: any("nothing" in line for line in browser.complaints()), "complained of")


@contextlib.contextmanager
def measured(what):
    began = time.monotonic()
    yield
    print(f"{what}: {1000 * (time.monotonic() - began):.1f} ms")


def measure(path):
    """Prints how long a page of many tasks takes to make."""
    for _ in range(3):
        end = time.monotonic() + 1.1
        wait_for(lambda: time.monotonic() > end, "an old page")
        with measured("stat, made anew"):
            path.stat()
        with measured("stat, kept"):
            path.stat()
    with measured(f"{path.stat().st_size} bytes read"):
        path.read_bytes()


def test_a_thousand_tasks_on_one_page(make_mount, simulators, tmp_path, media, browse):
    count = 1000
    simulators.append(Simulator(tmp_path, "--queue-ms", "10"))
    simulator = simulators[-1]
    mount = make_mount(simulator, settle=0, config="submissions_per_hour = 100000\n", options=("keep=lazy",))
    make_tasks(mount, simulator, [f"film/scene-{n // 50}/shot-{n}" for n in range(count)], media)
    wait_cards(mount, lambda found: len(found) == count and all("video" in card for card in found))
    fetched = simulator.stats()
    if browsers.SHOTS:
        measure(mount.path / NAME)
    for name in BROWSERS:
        browser = browse(name)
        with measured(f"opened in {name}"):
            browser.open(mount.path / NAME)
        assert browser.do("return document.querySelectorAll('article').length") == count
        browser.wait("return document.images[0].naturalWidth == 640", "the first picture")
        browser.shot("thousand")
        loaded = browser.do("return [...document.images].filter(i => i.complete && i.naturalWidth).length")
        assert 0 < loaded < 120, "last frames come as they come into view"
        assert not [url for url in browser.requests() if url.endswith(".mp4")]
        browser.do("document.querySelectorAll('article')[999].scrollIntoView()")
        browser.wait("return document.images[999].naturalWidth == 640", "the last picture")
        browser.shot("thousand-end")
        browser.check_clean()
    assert simulator.stats()["creates"] == fetched["creates"] == count
