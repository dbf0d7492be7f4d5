"""Headless browsers: their page, its scripts, its console, and its network requests.

Chromium is controlled by its driver. Firefox, for which Debian has no driver, is controlled by its
own protocol (Marionette): JSON after its length, over TCP. Both have an empty profile.
"""

import base64
import itertools
import json
import os
import pathlib
import socket
import subprocess
import urllib.parse

from harness import PATIENCE, die_with_parent, wait_for

# SEEDANCEFS_SCREENSHOTS=DIRECTORY keeps screenshots of the browsers.
SHOTS = os.environ.get("SEEDANCEFS_SCREENSHOTS")
SIZE = (1360, 900)


class Browser:
    name = None

    def open(self, path):
        self.go("file://" + urllib.parse.quote(os.fspath(path)))

    def wait(self, script, what, timeout=None):
        return wait_for(lambda: self.do(script), what, timeout)

    def shot(self, name):
        if SHOTS:
            pathlib.Path(SHOTS, f"{self.name}-{name}.png").write_bytes(self.picture())

    def check_clean(self):
        assert not self.complaints()
        assert [url for url in self.requests() if not url.startswith(("file:", "data:"))] == []


class Chromium(Browser):
    name = "chromium"
    FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--no-default-browser-check",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
             "--autoplay-policy=no-user-gesture-required", "--force-device-scale-factor=1",
             f"--window-size={SIZE[0]},{SIZE[1]}"]
    OWN = ("chrome:", "chrome-untrusted:")  # its empty first tab

    def __init__(self, profile, dark=False):
        from selenium import webdriver
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for flag in [*self.FLAGS, f"--user-data-dir={profile}", *(["--force-dark-mode"] if dark else [])]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        service = webdriver.chrome.service.Service("/usr/bin/chromedriver")
        self.driver = webdriver.Chrome(service=service, options=options)
        if dark:
            self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia",
                                        {"features": [{"name": "prefers-color-scheme", "value": "dark"}]})
        self.asked = []

    def go(self, url):
        self.driver.get(url)

    def do(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def requests(self):
        """All URLs requested so far, except those of the browser's own pages."""
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = message["params"]["request"]["url"]
                self.asked += [] if url.startswith(self.OWN) else [url]
        return self.asked

    def complaints(self):
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def picture(self):
        return self.driver.get_screenshot_as_png()

    def close(self):
        self.driver.quit()


# Runs in the browser itself: records every URL that a page requests, without the browser's own
# requests (which have no page).
WATCH = """
globalThis.askedByPages = [];
for (const topic of ["http-on-opening-request", "http-on-modify-request"])
    Services.obs.addObserver(subject => {
        const channel = subject.QueryInterface(Ci.nsIChannel);
        if (!channel.loadInfo.triggeringPrincipal.isSystemPrincipal)
            globalThis.askedByPages.push(channel.URI.spec);
    }, topic);
"""
ASKED = "return globalThis.askedByPages.splice(0)"
# The console messages of pages from files: script errors, and requests that the policy blocked.
COMPLAINTS = """
const found = Services.console.getMessageArray().filter(message => message instanceof Ci.nsIScriptError)
    .filter(error => error.sourceName.startsWith("file:") || /Content-Security-Policy/.test(error.errorMessage));
Services.console.reset();
return found.map(error => error.errorMessage);
"""
DARK, LIGHT = 0, 1


class Firefox(Browser):
    name = "firefox"
    PREFERENCES = {
        "marionette.port": 0,  # a free port, which Firefox writes to a file
        "media.autoplay.default": 0,
        "browser.sessionhistory.max_total_viewers": 0,  # a page is closed once it is left, together with its files
        "browser.startup.homepage_override.mstone": "ignore",
        "browser.shell.checkDefaultBrowser": False,
        "datareporting.policy.dataSubmissionEnabled": False,
        "app.update.disabledForTesting": True,
        "network.captive-portal-service.enabled": False,
        "network.connectivity-service.enabled": False,
    }

    def __init__(self, profile):
        profile.mkdir()
        (profile / "user.js").write_text("".join(
            f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in self.PREFERENCES.items()))
        self.numbers, self.asked = itertools.count(1), []
        with open(profile / "log", "wb") as log:
            self.process = subprocess.Popen(
                ["firefox-esr", "--headless", "--marionette", "--remote-allow-system-access", "--no-remote", "--profile",
                 profile], stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent,
                env={**os.environ, "HOME": str(profile), "MOZ_HEADLESS_WIDTH": str(SIZE[0]),
                     "MOZ_HEADLESS_HEIGHT": str(SIZE[1])})
        self.socket = wait_for(lambda: self.connect(profile / "MarionetteActivePort"), "Firefox")
        self.stream = self.socket.makefile("rwb")
        self.receive()
        self.ask("WebDriver:NewSession")
        self.do_inside(WATCH)

    def connect(self, port_file):
        assert self.process.poll() is None, "Firefox ended"
        try:
            return socket.create_connection(("127.0.0.1", int(port_file.read_text())), timeout=PATIENCE * 3)
        except (OSError, ValueError):
            return None

    def receive(self):
        size = b""
        while not size.endswith(b":"):
            byte = self.stream.read(1)
            assert byte, "Firefox is gone"
            size += byte
        return json.loads(self.stream.read(int(size[:-1])))

    def ask(self, command, **parameters):
        message = json.dumps([0, next(self.numbers), command, parameters]).encode()
        self.stream.write(b"%d:%b" % (len(message), message))
        self.stream.flush()
        _, _, error, result = self.receive()
        if error:
            raise AssertionError(f"{command}: {error['error']}: {error['message']}")
        return result.get("value") if isinstance(result, dict) else result

    def do_inside(self, script, *arguments):
        """Runs a script in the browser, not in the page."""
        self.ask("Marionette:SetContext", value="chrome")
        try:
            return self.ask("WebDriver:ExecuteScript", script=script, args=arguments, sandbox="system")
        finally:
            self.ask("Marionette:SetContext", value="content")

    def renew(self, dark=False):
        """Resets the browser: no page, no recorded requests, no console messages."""
        self.go("about:blank")
        self.do_inside("Services.prefs.setIntPref('layout.css.prefers-color-scheme.content-override', arguments[0])",
                       DARK if dark else LIGHT)
        self.complaints(), self.requests()
        self.asked = []
        return self

    def go(self, url):
        self.ask("WebDriver:Navigate", url=url)

    def do(self, script, *arguments):
        return self.ask("WebDriver:ExecuteScript", script=script, args=arguments)

    def requests(self):
        self.asked += self.do_inside(ASKED)
        return self.asked

    def complaints(self):
        return self.do_inside(COMPLAINTS)

    def picture(self):
        return base64.b64decode(self.ask("WebDriver:TakeScreenshot", full=False))

    def close(self):
        self.socket.close()
        self.process.terminate()
        self.process.wait(PATIENCE)
