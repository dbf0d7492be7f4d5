"""A private desktop for a test: an X server without a screen, a window manager, a session bus, a
home.

No code here sleeps for a fixed time: it waits for windows, titles and pictures. All processes carry
the desktop's tag in their environment; those that still run at the end (services of the bus, their
children) are ended by pid.
"""

import json
import mmap
import os
import pathlib
import re
import signal
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import uuid
import zlib

from harness import PATIENCE, die_with_parent, run, wait_for

HERE = pathlib.Path(__file__).resolve().parent
WIDTH, HEIGHT = 1200, 800
# How long a window must be unchanged to count as still, in seconds; the pixels of a small icon.
STILL, ICON = 0.8, 100
TAG = "SEEDANCEFS_DESKTOP"


def processes_tagged(tag):
    """The pids of all live processes with this tag in their environment."""
    needle = f"{TAG}={tag}".encode()
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if needle in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                pass
    return found


class Desktop:
    def __init__(self, directory):
        self.directory = directory
        self.tag = uuid.uuid4().hex
        self.home = directory / "home"
        self.run = pathlib.Path(tempfile.mkdtemp(prefix="seat-"))  # sockets need short paths
        self.log = open(directory / "desktop.log", "ab")
        self.environment = self.make_environment()
        self.programs = []
        self.server = self.screen = None

    def make_environment(self):
        """The environment of a user, without the session that runs the tests."""
        places = {"HOME": self.home, "XDG_CONFIG_HOME": self.home / ".config", "XDG_CACHE_HOME": self.home / ".cache",
                  "XDG_DATA_HOME": self.home / ".local/share", "XDG_STATE_HOME": self.home / ".local/state",
                  "XDG_RUNTIME_DIR": self.run, "TMPDIR": self.directory / "tmp"}
        for place in places.values():
            place.mkdir(parents=True, exist_ok=True)
            place.chmod(0o700)
        return {**{name: str(place) for name, place in places.items()}, TAG: self.tag,
                "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/games", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8",
                "GDK_BACKEND": "x11", "QT_QPA_PLATFORM": "xcb", "QT_QPA_PLATFORMTHEME": "gtk3", "GSK_RENDERER": "cairo",
                "LIBGL_ALWAYS_SOFTWARE": "1", "GSETTINGS_BACKEND": "memory", "GTK_THEME": "Adwaita", "NO_AT_BRIDGE": "0",
                "GTK_MODULES": "gail:atk-bridge",
                "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1", "XDG_CURRENT_DESKTOP": "X-Generic", "USER": "tester"}

    # --- life cycle ---

    def start(self):
        self.start_screen()
        self.screen = Screen(self.directory / "Xvfb_screen0")
        read, write = os.pipe()
        self.spawn("dbus-daemon", "--session", "--nofork", f"--address=unix:dir={self.run}",
                   f"--print-address={write}", pass_fds=[write])
        os.close(write)
        with os.fdopen(read) as ready:
            self.environment["DBUS_SESSION_BUS_ADDRESS"] = ready.readline().strip()
        self.spawn("openbox")
        wait_for(lambda: "window id" in self.ask("xprop", "-root", "_NET_SUPPORTING_WM_CHECK").stdout, "a window manager")
        return self

    def start_screen(self):
        """Starts on the first free display from here on: Xvfb's own search fails when several run
        concurrently."""
        for number in range(1000 + os.getpid() % 5000, 7000):
            read, write = os.pipe()
            self.server = self.spawn("Xvfb", f":{number}", "-displayfd", write, "-screen", "0", f"{WIDTH}x{HEIGHT}x24",
                                     "-nolisten", "tcp", "-noreset", "-fbdir", self.directory, pass_fds=[write])
            os.close(write)
            with os.fdopen(read) as ready:
                if ready.readline().strip():
                    self.environment["DISPLAY"] = f":{number}"
                    return
        raise AssertionError("no display is free")

    def close(self):
        """Ends everything; all started processes are gone when this returns."""
        def gone():
            pids = processes_tagged(self.tag)
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            for program in self.programs:
                program.poll()
            return not pids

        if self.server:
            self.server.terminate()  # so that it removes its lock and its socket
            self.server.wait(PATIENCE)
        wait_for(gone, "the end of the desktop")
        if self.screen:
            self.screen.close()
        shutil.rmtree(self.run, ignore_errors=True)
        self.log.close()

    # --- programs ---

    def spawn(self, *command, **options):
        program = subprocess.Popen([str(part) for part in command], env=self.environment, cwd=self.home,
                                   stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True,
                                   preexec_fn=die_with_parent, **options)
        self.programs.append(program)
        return program

    def ask(self, *command, check=False, **options):
        """Runs a command on this desktop and returns its result."""
        return run(*command, check=check, env=self.environment, **options)

    # --- windows ---

    def windows(self):
        """The titles of the visible windows by id, the oldest first."""
        text = self.ask("xprop", "-root", "_NET_CLIENT_LIST").stdout
        titles = {}
        for window in re.findall(r"0x[0-9a-f]+", text):
            title = self.ask("xdotool", "getwindowname", str(int(window, 16)))
            if title.returncode == 0:
                titles[int(window, 16)] = title.stdout.strip()
        return titles

    def surfaces(self, name):
        """The X ids of all surfaces of a program, including menus, which a window manager does not list."""
        return set(self.ask("xdotool", "search", "--onlyvisible", "--class", name).stdout.split())

    def find_window(self, title, but=()):
        for window, name in self.windows().items():
            if window not in but and re.search(title, name):
                return window
        return None

    def window(self, title, but=()):
        """Waits for a window whose title matches; returns its id."""
        try:
            return wait_for(lambda: self.find_window(title, but), f"a window like {title!r}", PATIENCE * 2)
        except AssertionError as error:
            raise AssertionError(f"{error}; there are {self.windows()}\n{self.log_tail()}") from None

    def place(self, window, x, y, width, height):
        self.ask("xdotool", "windowsize", "--sync", window, width, height, check=False, timeout=PATIENCE)
        self.ask("xdotool", "windowmove", window, x, y)

    def focus(self, window):
        self.ask("xdotool", "windowactivate", "--sync", window, timeout=PATIENCE, check=True)

    def keys(self, window, *keys):
        self.focus(window)
        for key in keys:
            self.ask("xdotool", "key", "--clearmodifiers", key, check=True)

    def keys_until(self, window, key, condition, what):
        """Presses a key repeatedly, since a program may not be ready yet, with a pause, until the
        key has its effect."""
        end = time.monotonic() + PATIENCE * 2
        while True:
            self.keys(window, key)
            try:
                return wait_for(condition, what, PATIENCE / 4)
            except AssertionError:
                if time.monotonic() > end:
                    raise

    def type(self, window, text):
        self.focus(window)
        self.ask("xdotool", "type", "--delay", "15", text, check=True)

    def click(self, x, y, button=1):
        self.ask("xdotool", "mousemove", x, y, "click", button, check=True)

    def click_in(self, window, x, y):
        """Clicks at an offset from the upper right corner of a window."""
        self.focus(window)
        text = self.ask("xdotool", "getwindowgeometry", "--shell", window, check=True).stdout
        place = {name: int(value) for name, value in re.findall(r"(X|Y|WIDTH)=(\d+)", text)}
        self.click(place["X"] + place["WIDTH"] + x, place["Y"] + y)

    def press(self, role, name):
        """Waits for a button or a menu item, and clicks it."""
        def find():
            return next((widget for widget in self.widgets(role) if widget["name"] == name), None)

        found = wait_for(find, f"the {role} {name}", PATIENCE * 2)
        self.click(found["x"] + found["width"] // 2, found["y"] + found["height"] // 2)

    def drag(self, x, y, to_x, to_y):
        """Drags as a hand does: press, move away, arrive, pause, release."""
        steps = ["mousemove", x, y, "mousedown", 1]
        for n in range(1, 11):
            steps += ["mousemove", x + (to_x - x) * n // 10, y + (to_y - y) * n // 10, "sleep", "0.03"]
        steps += ["mousemove", to_x + 3, to_y + 3, "sleep", "0.3", "mouseup", 1]
        self.ask("xdotool", *steps, check=True)

    # --- screen contents ---

    def shot(self, name):
        """Saves a screenshot as PNG in the test's directory."""
        path = self.directory / f"{name}.png"
        self.screen.write_png(path)
        return path

    def still(self, *area, quiet=STILL):
        """Waits until an area does not change for a while; returns its pixels."""
        seen = {"rows": None, "since": 0}

        def is_still():
            rows = self.screen.rows(*area)
            if rows != seen["rows"]:
                seen.update(rows=rows, since=time.monotonic())
            return time.monotonic() - seen["since"] > quiet

        wait_for(is_still, "a window at rest", PATIENCE * 2)
        return seen["rows"]

    def wait_change(self, before, *area):
        """Waits until an area differs from before by more than a cursor or a frame around a name."""
        try:
            wait_for(lambda: self.screen.changed_pixels(before, *area) > ICON, "a change in the window")
        except AssertionError:
            self.shot("unchanged")
            raise

    def widgets(self, *roles, showing=True):
        """The widgets that assistive technology sees: a list of {app, role, name, text, x, y,
        width, height}."""
        answer = self.ask(sys.executable, HERE / "widgets.py", timeout=PATIENCE * 3)
        found = json.loads(answer.stdout or "[]")
        return [widget for widget in found if not roles or widget["role"] in roles]

    def texts(self, app=""):
        """All texts in the windows of a program, or of all programs."""
        return [text for widget in self.widgets() if app in widget["app"].lower()
                for text in {widget["name"], widget["text"]} if text]

    def wait_told(self, app, *told):
        """Waits until a program shows these texts, which may be parts of longer ones. KDE programs
        shorten long paths in the middle."""
        seen = []

        def names_alone(text):
            return re.sub(r"/\S*/", "", text)

        def is_told():
            seen[:] = self.texts(app)
            return all(any(names_alone(text) in names_alone(shown) for shown in seen) for text in told)

        try:
            wait_for(is_told, f"{app} tells {told}", PATIENCE)
        except AssertionError as error:
            self.shot("untold")
            raise AssertionError(f"{error}; it tells:\n" + "\n".join(map(repr, seen))) from None

    def log_tail(self):
        return (self.directory / "desktop.log").read_text(errors="replace")[-3000:]


class Screen:
    """The frame buffer of Xvfb, which keeps it in a file in XWD format."""

    def __init__(self, path):
        wait_for(lambda: path.exists() and path.stat().st_size > WIDTH * HEIGHT * 4, "a frame buffer")
        with open(path, "rb") as file:
            self.map = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        head = struct.unpack(">25I", self.map[:100])
        self.stride = head[12]
        self.start = head[0] + head[19] * 12

    def rows(self, x=0, y=0, width=WIDTH, height=HEIGHT):
        first = self.start + y * self.stride + x * 4
        return [self.map[first + n * self.stride:first + n * self.stride + width * 4] for n in range(height)]

    def changed_pixels(self, before, *area):
        """The number of pixels that differ from an earlier rows()."""
        changed = 0
        for old, new in zip(before, self.rows(*area)):
            if old != new:
                changed += sum(old[n:n + 4] != new[n:n + 4] for n in range(0, len(old), 4))
        return changed

    def write_png(self, path):
        def chunk(kind, data):
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

        lines = []
        for row in self.rows():
            line = bytearray(1 + WIDTH * 3)
            line[1::3], line[2::3], line[3::3] = row[2::4], row[1::4], row[0::4]
            lines.append(bytes(line))
        head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
                         + chunk(b"IDAT", zlib.compress(b"".join(lines), 1)) + chunk(b"IEND", b""))

    def close(self):
        self.map.close()
