"""A desk to work at: one simulator and one mount for the scenarios of a module, each in a
folder of its own, and the books of what was ordered meanwhile.
"""

import base64
import random
import re
import struct
import zlib

import harness
import programs


def big_png(path, size, seed=1):
    """A whole picture of about that many bytes: noise, stored as it is."""
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
        """A new scenario: the books are empty. The names of its folder, and of one beside the mount."""
        self.simulator.hold("queued")  # an order is all that is looked at: no video is made of it
        self.simulator.clear_faults()
        self.end_tasks()
        self.simulator.control("DELETE", "/stats")
        self.count += 1
        name = f"{re.sub(r'[^a-zA-Z0-9]+', '-', name)}-{self.count}"
        outside = self.directory / "outside" / name
        outside.mkdir(parents=True)
        return self.path / name, outside

    def end_tasks(self, but=None):
        """What is with the service fails there: nobody is asked about it any more."""
        for task in self.simulator.tasks():
            if task["state"] in ("queued", "running") and task["prompt"] != but:
                self.simulator.decree(task["id"], state="failed")

    def fill(self):
        """From now on the provider "full" takes no more: its one place is taken."""
        prompt = f"filler {self.count}"
        self.filler = self.mount.folder(prompt, None)
        (self.filler / "request.json").write_text('{"prompt": "%s", "provider": "full"}' % prompt)
        harness.control(self.filler, "submit")
        # Others of an earlier scenario may have waited for the place.
        harness.wait_for(lambda: harness.state(self.filler) == "queued" or self.end_tasks(prompt))

    def shell(self, script, *arguments, check=True, **options):
        return programs.shell(script, *arguments, home=self.home, check=check, **options)

    def in_session(self, script, *arguments, check=True, **options):
        return programs.in_session(script, *arguments, home=self.home, check=check, **options)

    def texts(self):
        """The prompts of this scenario's orders, in their order: of all requests, accepted or not."""
        return [" ".join(item["text"] for item in request["body"]["content"] if item["type"] == "text")
                for request in self.simulator.requests(on="create")]

    def orders(self):
        """The same with the pictures' lengths, as long as their data URLs are: (prompt, lengths)."""
        found = []
        for request in self.simulator.requests(on="create"):
            content = request["body"]["content"]
            urls = [item["image_url"]["url"] for item in content if item["type"] == "image_url"]
            lengths = [int(re.search(r"\((\d+) bytes\)$", url)[1]) if url.endswith("bytes)") else len(url) for url in urls]
            found.append((" ".join(item["text"] for item in content if item["type"] == "text"), *lengths))
        return found

    def check_sent(self, prompt, *pictures):
        """The last order was this one: these words, and these pictures to the byte."""
        content = self.simulator.control("GET", "/creates/ark")["body"]["content"]
        assert [item["text"] for item in content if item["type"] == "text"] == [prompt]
        sent = [item["image_url"]["url"] for item in content if item["type"] == "image_url"]
        assert [base64.b64decode(url.split(",", 1)[1]) for url in sent] == list(pictures)

    def check_marker(self, prompts):
        """This scenario's orders (sorted), when nothing more can come of what was done so far: one that was
        written after it has gone out."""
        self.markers += 1
        marker = self.mount.folder(f"marker-{self.markers}", "marker")
        harness.wait_state(marker, *ORDERED)
        texts = self.texts()
        assert sorted(texts) == sorted([*prompts, "marker"]), texts

    def check_orders(self, *prompts):
        """The same, in this order, and each was billed once."""
        self.check_marker(prompts)
        assert self.texts()[:-1] == list(prompts)
        assert self.simulator.creates() == len(prompts) + 1

    def check_one_order(self, folder, prompt, *pictures):
        """The folder becomes exactly this order."""
        harness.wait_state(folder, *ORDERED)
        self.check_sent(prompt, *pictures)
        self.check_orders(prompt)


def url_length(picture):
    """Of a PNG's data URL."""
    return len("data:image/png;base64,") + len(base64.b64encode(picture))


def names(folder):
    """What a folder lists besides what the program shows by itself."""
    shown = {"status", "task.json", "error.txt", "video.mp4", "last_frame.png", "last_frame.out.png"}
    return sorted(path.name for path in folder.iterdir() if path.name not in shown)
