"""A desk: one simulator and one mount for the scenarios of a module. Each scenario has its own
folder and its own record of orders.
"""

import base64
import random
import re
import struct
import zlib

import harness
import programs


def big_png(path, size, seed=1):
    """Writes a complete picture of about that many bytes: noise, stored without compression."""
    width = 1000
    height = max(600, size // (3 * width + 1))
    noise = random.Random(seed).randbytes(3 * width * height)
    rows = b"".join(b"\0" + noise[3 * width * row:3 * width * (row + 1)] for row in range(height))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
                     + chunk(b"IDAT", zlib.compress(rows, 0)) + chunk(b"IEND", b""))
    return path


ORDERED = ("queued", "running", "succeeded")


class Desk:
    def __init__(self, directory, settle):
        self.directory = directory
        self.home = directory / "home"
        self.home.mkdir()
        self.simulator = harness.Simulator(directory)
        full = f"default_provider = ark\n[provider full]\ntype = ark\nbase_url = {self.simulator.base_url}\n"
        full += f"key_file = {directory / 'key'}\npoll = 0.1\nmax_active = 1\n"
        self.mount = harness.Mount(directory, self.simulator, settle=settle, config=full,
                                   options=["submissions_per_hour=100000"]).start()
        self.path = self.mount.path
        self.count = self.markers = 0
        self.filler = None

    def close(self):
        try:
            if self.mount.process:
                self.mount.end()
            self.mount.check_log()
        finally:
            self.mount.unmount_leftover()
            self.simulator.stop()

    def begin(self, name):
        """Starts a scenario with an empty record. Returns the path of its folder and that of a
        folder outside the mount."""
        self.simulator.hold("queued")  # only the orders matter: no video is rendered
        self.simulator.clear_faults()
        self.end_tasks()
        self.simulator.control("DELETE", "/stats")
        self.count += 1
        name = f"{re.sub(r'[^a-zA-Z0-9]+', '-', name)}-{self.count}"
        outside = self.directory / "outside" / name
        outside.mkdir(parents=True)
        return self.path / name, outside

    def end_tasks(self, but=None):
        """Fails all active tasks at the service, so that the daemon stops polling them."""
        for task in self.simulator.tasks():
            if task["state"] in ("queued", "running") and task["prompt"] != but:
                self.simulator.decree(task["id"], state="failed")

    def fill(self):
        """Occupies the only task slot of the provider "full", so that it accepts nothing more."""
        prompt = f"filler {self.count}"
        self.filler = self.mount.folder(prompt, None)
        (self.filler / "request.json").write_text('{"prompt": "%s", "provider": "full"}' % prompt)
        harness.control(self.filler, "submit")
        # Tasks of an earlier scenario may have waited for the slot.
        harness.wait_for(lambda: harness.state(self.filler) == "queued" or self.end_tasks(prompt))

    def shell(self, script, *arguments, check=True, **options):
        return programs.shell(script, *arguments, home=self.home, check=check, **options)

    def in_session(self, script, *arguments, check=True, **options):
        return programs.in_session(script, *arguments, home=self.home, check=check, **options)

    def texts(self):
        """The prompts of this scenario's create requests in their order, accepted or not."""
        return [" ".join(item["text"] for item in request["body"]["content"] if item["type"] == "text")
                for request in self.simulator.requests(on="create")]

    def orders(self):
        """The same with the lengths of the pictures' data URLs: (prompt, *lengths)."""
        found = []
        for request in self.simulator.requests(on="create"):
            content = request["body"]["content"]
            urls = [item["image_url"]["url"] for item in content if item["type"] == "image_url"]
            lengths = [int(re.search(r"\((\d+) bytes\)$", url)[1]) if url.endswith("bytes)") else len(url) for url in urls]
            found.append((" ".join(item["text"] for item in content if item["type"] == "text"), *lengths))
        return found

    def check_sent(self, prompt, *pictures):
        """Checks that the last order had this prompt and these pictures, byte for byte."""
        content = self.simulator.control("GET", "/creates/ark")["body"]["content"]
        assert [item["text"] for item in content if item["type"] == "text"] == [prompt]
        sent = [item["image_url"]["url"] for item in content if item["type"] == "image_url"]
        assert [base64.b64decode(url.split(",", 1)[1]) for url in sent] == list(pictures)

    def check_marker(self, prompts):
        """Checks this scenario's orders in any order, after all earlier changes have taken effect:
        an order written after them has been sent."""
        self.markers += 1
        marker = self.mount.folder(f"marker-{self.markers}", "marker")
        harness.wait_state(marker, *ORDERED)
        texts = self.texts()
        assert sorted(texts) == sorted([*prompts, "marker"]), texts

    def check_orders(self, *prompts):
        """Checks these orders in this order, and that each was billed once."""
        self.check_marker(prompts)
        assert self.texts()[:-1] == list(prompts)
        assert self.simulator.creates() == len(prompts) + 1

    def check_one_order(self, folder, prompt, *pictures):
        """Checks that the folder becomes exactly this order."""
        harness.wait_state(folder, *ORDERED)
        self.check_sent(prompt, *pictures)
        self.check_orders(prompt)


def url_length(picture):
    """The length of a PNG's data URL."""
    return len("data:image/png;base64,") + len(base64.b64encode(picture))


def names(folder):
    """The names in a folder without those that the mount adds."""
    shown = {"status", "task.json", "error.txt", "video.mp4", "last_frame.png", "last_frame.out.png"}
    return sorted(path.name for path in folder.iterdir() if path.name not in shown)
