"""gallery.html in the mount's root: as a file, and in a browser, from file://."""

import contextlib
import html.parser
import json
import os
import re
import time
import urllib.parse

import pytest

from harness import Simulator, png, run, task_id, wait_for, wait_state

NAME = "gallery.html"
# SEEDANCEFS_SCREENSHOTS=DIRECTORY keeps what the browser shows, to be looked at.
SHOTS = os.environ.get("SEEDANCEFS_SCREENSHOTS")


def text(mount):
    return (mount.path / NAME).read_text()


class Cards(html.parser.HTMLParser):
    """What a page holds, read as a browser reads it."""

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
    """The cards once they are so: a page is up to a second old."""
    return wait_for(lambda: (lambda found: condition(found) and found)(cards(mount)), "the page's cards")


@pytest.fixture(scope="session")
def media(tmp_path_factory):
    """A small film and its last frame, of every browser's formats."""
    place = tmp_path_factory.mktemp("media")
    film, frame = place / "film.mp4", place / "frame.png"
    run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "mandelbrot=size=640x360:rate=24", "-t", "2", "-c:v", "libx264",
        "-pix_fmt", "yuv420p", "-movflags", "+faststart", film)
    run("ffmpeg", "-v", "error", "-sseof", "-0.1", "-i", film, "-frames:v", "1", "-update", "1", frame)
    return film, frame


def make_tasks(mount, simulator, names, media, prompts=None):
    """Finished tasks, all with the same film: nothing is rendered."""
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


# --- the file ---

def test_an_empty_mount_says_how_to_begin(mount):
    page = text(mount)
    assert not Cards(page).cards
    assert "Make your first video" in page and "prompt.txt" in page
    assert os.listdir(mount.path) == [NAME]
    assert not os.listdir(mount.library / "tree")


def test_it_is_a_file_with_its_true_size(mount, simulator):
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


def test_a_version_stays_what_it_was(mount, simulator):
    """Whoever has the page open goes on reading the same text."""
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


def test_a_users_own_page_wins(mount, simulator):
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


def test_it_can_be_removed_until_the_next_mount(mount):
    run("rm", mount.path / NAME)
    assert os.listdir(mount.path) == [] and not (mount.path / NAME).exists()
    (mount.path / NAME).write_text("mine")
    assert text(mount) == "mine"
    (mount.path / NAME).unlink()
    assert os.listdir(mount.path) == []
    mount.end()
    mount.start()
    assert "Make your first video" in text(mount)


def test_cards_tell_states_and_follow_folders(mount, simulator):
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


def test_an_input_that_has_the_outputs_name(mount, simulator):
    folder = mount.path / "cat"
    folder.mkdir()
    (folder / "first_frame.png").write_bytes(png(320, 320))
    (folder / "last_frame.png").write_bytes(png(320, 320))
    (folder / "prompt.txt").write_text("A cat")
    wait_state(folder, "succeeded")
    found = wait_cards(mount, lambda found: "img" in found[0])
    assert found[0]["img"] == "cat/last_frame.out.png"


def test_an_error_is_told(mount, simulator):
    simulator.fault("create", {"status": 400, "body": {"error": {"code": "InvalidParameter", "message": "<b>no</b>"}}})
    folder = mount.folder()
    wait_state(folder, "invalid")
    found = wait_cards(mount, lambda found: found[0]["state"] == "invalid")
    assert "<b>no</b>" in found[0]["note"] and "<b>" not in text(mount)


HOSTILE = ["<script>alert(1)</script>", "\"onload=\"alert(1)", "100% #1?x=y&amp;&lt;", "new\nline\ttab", "it's",
           "javascript:alert(1)", "-->", "\u202etxt.exe", "\x1b[31mred", "{{cards}}", "a\\b", "]]>", "日本 ✓", "%2e%2e",
           b"broken \xff\xfe utf-8", "</article></main>"]


def test_names_and_prompts_are_nothing_but_text(mount, simulator, media):
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
    # each address is the folder, whatever its name
    for folder, card in zip(reversed(folders), found):
        for kind, name in (("video", b"video.mp4"), ("img", b"last_frame.png"), ("link", b"")):
            assert urllib.parse.unquote_to_bytes(card[kind]) == os.path.basename(folder) + b"/" + name
            assert not urllib.parse.urlsplit(card[kind]).scheme
        assert os.path.getsize(os.path.join(folder, b"video.mp4")) == media[0].stat().st_size


def test_nothing_is_fetched_for_the_page(mount, simulator, media):
    """Looking at the page reads no output."""
    make_tasks(mount, simulator, [f"shot{n}" for n in range(5)], media)
    wait_cards(mount, lambda found: len(found) == 5)
    before = simulator.stats()
    for _ in range(3):
        text(mount)
    assert simulator.stats() == before


# --- in a browser ---

class Chromium:
    FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--no-default-browser-check",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
             "--autoplay-policy=no-user-gesture-required", "--force-device-scale-factor=1"]

    def __init__(self, profile, size=(1360, 900), dark=False):
        from selenium import webdriver
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for flag in [*self.FLAGS, f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}",
                     *(["--force-dark-mode"] if dark else [])]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        service = webdriver.chrome.service.Service("/usr/bin/chromedriver")
        self.driver = webdriver.Chrome(service=service, options=options)
        if dark:
            self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia",
                                        {"features": [{"name": "prefers-color-scheme", "value": "dark"}]})
        self.asked = []

    def open(self, path):
        self.driver.get("file://" + urllib.parse.quote(os.fspath(path)))

    def do(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait(self, script, what, timeout=None):
        return wait_for(lambda: self.do(script), what, timeout)

    def requests(self):
        """Every address that was asked for so far."""
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self.asked.append(message["params"]["request"]["url"])
        return self.asked

    def complaints(self):
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def shot(self, name):
        if SHOTS:
            self.driver.save_screenshot(os.path.join(SHOTS, name + ".png"))

    def check_clean(self):
        assert not self.complaints()
        own = ("chrome:", "chrome-untrusted:")  # the empty tab that it begins with; its pictures are data:
        assert [url for url in self.requests() if not url.startswith(("file:", "data:", *own))] == []


@pytest.fixture
def browse(tmp_path):
    """Opens browsers, each with a new empty profile."""
    opened = []

    def start(**options):
        opened.append(Chromium(tmp_path / f"profile{len(opened)}", **options))
        return opened[-1]

    yield start
    for browser in opened:
        browser.driver.quit()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_an_empty_page_in_a_browser(mount, browse, dark):
    browser = browse(dark=dark)
    browser.open(mount.path / NAME)
    assert "Make your first video" in browser.do("return document.body.innerText")
    browser.shot(f"empty-{'dark' if dark else 'light'}")
    browser.check_clean()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_pictures_show_and_videos_play(mount, simulator, media, browse, dark):
    make_tasks(mount, simulator, ["film/scene-1/shot-1", "A folder with 100% odd #names?", "cat"], media,
               ["A fox crosses a frozen river at dawn, steam over the water, slow tracking shot " * 4, "Rain on neon",
                "A kitten yawning at the camera"])
    simulator.hold("running")
    wait_state(mount.folder("at work", "A lighthouse in a storm"), "running")
    wait_cards(mount, lambda found: len(found) == 4 and "video" in found[3] and found[0]["state"] == "running")
    browser = browse(dark=dark)
    browser.open(mount.path / NAME)
    assert browser.do("return document.querySelectorAll('article').length") == 4
    browser.wait("return [...document.images].length == 3 && [...document.images].every(i => i.naturalWidth == 640)",
                 "pictures")
    browser.shot(f"four-{'dark' if dark else 'light'}")
    assert not [url for url in browser.requests() if url.endswith(".mp4")], "opening the page fetches no video"
    videos = browser.do("return [...document.querySelectorAll('video')].map(v => [v.preload, v.readyState, v.poster])")
    assert all(preload == "none" and ready == 0 and "last_frame.png" in poster for preload, ready, poster in videos)
    for n in range(3):
        browser.do("let v = document.querySelectorAll('video')[arguments[0]]; v.muted = true; v.play()", n)
        browser.wait(f"let v = document.querySelectorAll('video')[{n}]; return v.readyState >= 2 && v.currentTime > 0.2",
                     "playing")
    assert browser.do("return [...document.querySelectorAll('video')].filter(v => !v.paused).length") == 1
    browser.shot(f"playing-{'dark' if dark else 'light'}")
    browser.check_clean()


def test_the_page_reloads_itself_and_leaves_watchers_alone(mount, simulator, media, browse):
    make_tasks(mount, simulator, [f"shot{n}" for n in range(40)], media)
    simulator.hold("running")
    folder = mount.folder("at work", "A lighthouse")
    wait_state(folder, "running")
    wait_cards(mount, lambda found: found[0]["state"] == "running")
    browser = browse()
    browser.open(mount.path / NAME)
    # somebody watches: nothing happens, for longer than it takes otherwise
    browser.do("""window.mark = 1; let v = document.querySelectorAll('video')[30]; v.muted = true; v.loop = true;
                  v.scrollIntoView(); v.play()""")
    browser.wait("return document.querySelectorAll('video')[30].currentTime > 0.2", "playing")
    seconds = float(browser.do("return document.body.dataset.reload"))
    end = time.monotonic() + 1.5 * seconds
    wait_for(lambda: time.monotonic() > end, "time")
    assert browser.do("return window.mark") == 1
    # somebody looked, and stopped at the beginning: it reloads, and stays where it was
    browser.do("let v = document.querySelectorAll('video')[30]; v.pause(); v.currentTime = 0")
    place = browser.do("return scrollY")
    assert place > 1000
    simulator.decree(task_id(folder), media={"video": str(media[0]), "last_frame": str(media[1])}, state="succeeded")
    simulator.hold("")
    browser.wait("return !window.mark && document.readyState == 'complete'", "reloaded")
    # Cards above may turn out to be higher than was reckoned: what counts is what is looked at.
    browser.wait("""let box = document.querySelectorAll('video')[30].getBoundingClientRect();
                    return box.bottom > 0 && box.top < innerHeight""", "at the place that it had")
    # all is finished: it comes to rest
    browser.wait("return document.body.dataset.reload == '0'", "finished")
    assert browser.do("return document.querySelectorAll('video').length") == 41
    browser.check_clean()


def test_hostile_names_in_a_browser(mount, simulator, media, browse):
    test_names_and_prompts_are_nothing_but_text(mount, simulator, media)
    browser = browse()
    browser.open(mount.path / NAME)
    for n in range(len(HOSTILE)):
        browser.do("document.querySelectorAll('article')[arguments[0]].scrollIntoView()", n)
        browser.wait(f"return document.images[{n}].naturalWidth == 640", f"picture {n}")
    browser.do("document.querySelectorAll('article')[0].scrollIntoView()")
    browser.shot("hostile")
    browser.check_clean()
    # and the policy: even what got in would not run
    browser.do("document.body.insertAdjacentHTML('beforeend', '<img src=http://127.0.0.1:9/x onerror=\"window.bad=1\">')")
    wait_for(lambda: any("Content Security Policy" in line for line in browser.complaints()), "refused")
    assert not browser.do("return window.bad")


@contextlib.contextmanager
def measured(what):
    began = time.monotonic()
    yield
    print(f"{what}: {1000 * (time.monotonic() - began):.1f} ms")


def measure(path):
    """How long a page of many tasks takes to make: numbers to be looked at."""
    for _ in range(3):
        end = time.monotonic() + 1.1
        wait_for(lambda: time.monotonic() > end, "an old page")
        with measured("stat, made anew"):
            path.stat()
        with measured("stat, kept"):
            path.stat()
    with measured(f"{path.stat().st_size} bytes read"):
        path.read_bytes()


def test_a_thousand_tasks(make_mount, simulators, tmp_path, media, browse):
    count = 1000
    simulators.append(Simulator(tmp_path, "--queue-ms", "10"))
    simulator = simulators[-1]
    mount = make_mount(simulator, settle=0, config="submissions_per_hour = 100000\n", options=("keep=lazy",))
    make_tasks(mount, simulator, [f"film/scene-{n // 50}/shot-{n}" for n in range(count)], media)
    wait_cards(mount, lambda found: len(found) == count and all("video" in card for card in found))
    fetched = simulator.stats()
    browser = browse()
    with (contextlib.nullcontext() if not SHOTS else measured("opened in Chromium")):
        browser.open(mount.path / NAME)
    if SHOTS:
        measure(mount.path / NAME)
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
